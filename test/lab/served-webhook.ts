/** `elfgate serve` as a process of its own, as it runs in a cluster. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { runProgram } from './process.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

export interface ServedWebhook {
  readonly port: number;
  readonly child: ChildProcess;
  /** Records of its log so far. */
  readonly records: Record<string, unknown>[];
  /** Waits for a record of the log. */
  logged(matches: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** SIGTERM, and the code it ends with. */
  stop(): Promise<number | null>;
}

/** Runs another command of elfgate to its end. */
export function runElfgate(args: readonly string[]): ReturnType<typeof runProgram> {
  const environment = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
  return runProgram(process.execPath, [main, ...args], { environment, timeout: 120_000 });
}

/** Starts it and waits until it is ready. */
export async function serveWebhook(
  args: readonly string[],
  options: { readonly cwd: string; readonly port?: number; readonly env?: Readonly<Record<string, string>> },
): Promise<ServedWebhook> {
  const child = spawn(
    process.execPath,
    [main, 'serve', '--listen', `127.0.0.1:${options.port ?? 0}`, '--drain-delay', '0.2', ...args],
    { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const records: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let said = '';
  createInterface(child.stdout).on('line', (line) => {
    records.push(JSON.parse(line));
    for (const wake of waiting) {
      wake();
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      process.off('exit', kill);
      resolve(code);
    });
  });
  const logged = (matches: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = records.find(matches);
        if (found !== undefined) {
          finish();
          resolve(found);
        }
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`not logged within 60 s; ${said}\n${JSON.stringify(records.slice(-5))}`));
      }, 60_000);
      const finish = (): void => {
        clearTimeout(timer);
        waiting.delete(look);
      };
      waiting.add(look);
      void ended.then(() => {
        finish();
        reject(new Error(`elfgate serve ended: ${said}`));
      });
      look();
    });
  const listening = await logged(({ event }) => event === 'listening');
  await logged(({ event }) => event === 'configuration');
  return {
    port: Number(listening.port),
    child,
    records,
    logged,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
