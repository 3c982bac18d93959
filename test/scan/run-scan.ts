import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ScanLine } from '../../src/scan/scan.ts';
import { emptyDirectory } from '../cli/run-cli.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

export interface ScanRun {
  readonly process: ChildProcess;
  /** Settles when a text was written to standard error. @throws Error when the run ends without. */
  says(text: string): Promise<void>;
  readonly ended: Promise<{
    readonly exitCode: number | null;
    readonly lines: readonly ScanLine[];
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** Runs `elfgate scan` as a user would, from an empty directory. */
export function startScan(
  args: readonly string[],
  input = '',
  environment: Readonly<Record<string, string>> = {},
): ScanRun {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [main, 'scan', ...args], { cwd: emptyDirectory(), env });
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
  const says = async (text: string): Promise<void> => {
    while (!stderr.includes(text)) {
      const over = await Promise.race([ended.then(() => true), sleep(20, false)]);
      if (over && !stderr.includes(text)) {
        throw new Error(`ended without saying ${text}:\n${stderr}`);
      }
    }
  };
  return { process: child, says, ended };
}

/** The same, to its end. */
export function runScan(
  args: readonly string[],
  input = '',
  environment: Readonly<Record<string, string>> = {},
): ScanRun['ended'] {
  return startScan(args, input, environment).ended;
}
