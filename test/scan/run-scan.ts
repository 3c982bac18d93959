import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ScanLine } from '../../src/scan/scan.ts';
import { emptyDirectory } from '../cli/run-cli.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

export interface ScanRun {
  readonly process: ChildProcess;
  readonly ended: Promise<{
    readonly exitCode: number | null;
    readonly lines: readonly ScanLine[];
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** Runs `elfgate scan` as a user would, from an empty directory. */
export function startScan(args: readonly string[], input = ''): ScanRun {
  const child = spawn(process.execPath, [main, 'scan', ...args], { cwd: emptyDirectory(), env: process.env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<Awaited<ScanRun['ended']>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      const whole = stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      resolve({ exitCode, stdout, stderr, lines: whole.map((line): ScanLine => JSON.parse(line)) });
    });
  });
  return { process: child, ended };
}

/** The same, to its end. */
export function runScan(args: readonly string[], input = ''): ScanRun['ended'] {
  return startScan(args, input).ended;
}
