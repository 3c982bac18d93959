import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { runDirectory } from './run-directory.ts';

/**
 * Runs every test, the Rego tests of the policies among them, and ends with one plain line of counts that needs no
 * knowledge of the test runner.
 */
const runner = join(import.meta.dirname, '..', 'node_modules', 'ava', 'entrypoints', 'cli.js');
const directory = runDirectory();
const child = spawn(process.execPath, [runner, ...process.argv.slice(2)], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...directory.environment, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
});
let passed = 0;
let failed = 0;
let unfinished = '';
child.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  const lines = (unfinished + stripVTControlCharacters(chunk.toString('utf8'))).split('\n');
  unfinished = lines.pop() ?? '';
  for (const line of lines) {
    passed += /^\s*✔ /.test(line) ? 1 : 0;
    failed += /^\s*✘ \[fail\]/.test(line) ? 1 : 0;
  }
});
child.on('close', (code) => {
  directory.remove();
  // A runner that fails without a failing test (a file that does not load, a time limit) has failed all the same.
  process.stdout.write(`${passed} passed, ${failed === 0 && code !== 0 ? 1 : failed} failed\n`);
  process.exitCode = code ?? 1;
});
