import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * Runs every test, the Rego tests of the policies among them, and ends with one plain line of counts that needs no
 * knowledge of the test runner.
 */
const runner = join(import.meta.dirname, '..', 'node_modules', 'ava', 'entrypoints', 'cli.js');
const child = spawn(process.execPath, [runner, ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
});
let tail = '';
child.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  // The counts are in the runner's last lines.
  tail = (tail + chunk.toString('utf8')).slice(-4096);
});
child.on('close', (code) => {
  const plain = stripVTControlCharacters(tail);
  const count = (pattern: RegExp): number => Number([...plain.matchAll(pattern)].at(-1)?.[1] ?? 0);
  const passed = count(/(\d+) tests? passed/g);
  const failed =
    count(/(\d+) tests? failed/g) + count(/(\d+) uncaught exceptions?/g) + count(/(\d+) unhandled rejections?/g);
  // A runner that fails without a failing test (a file that does not load, a time limit) has failed all the same.
  process.stdout.write(`${passed} passed, ${failed === 0 && code !== 0 ? 1 : failed} failed\n`);
  process.exitCode = code ?? 1;
});
