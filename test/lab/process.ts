/** Runs programs without a shell, bounded in time and in output. */

import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Milliseconds after which the program is killed. */
  readonly timeout?: number;
  /** Bytes kept of each of standard output and standard error; a program that writes more is killed. */
  readonly outputLimit?: number;
}

export interface RunResult {
  /** Null when a signal ended the program. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why the lab itself killed the program, if it did. */
  readonly killedFor: 'time' | 'output' | null;
}

const second = 1000;

/**
 * Runs one program to its end.
 *
 * The environment is only what is given: what a program does must not depend on who runs the tests.
 *
 * @throws Error when the program cannot be started at all.
 */
export function runProgram(path: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const timeout = options.timeout ?? 30 * second;
  const outputLimit = options.outputLimit ?? 1024 * 1024;
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: options.directory,
      env: { ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own process group, so that a compiler's children do not outlive it.
      detached: true,
    });
    let killedFor: RunResult['killedFor'] = null;
    const kill = (reason: 'time' | 'output'): void => {
      killedFor ??= reason;
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It ended by itself in the meantime.
        }
      }
    };
    const timer = setTimeout(() => kill('time'), timeout);
    const collect = (stream: NodeJS.ReadableStream): (() => string) => {
      const chunks: Buffer[] = [];
      let length = 0;
      stream.on('data', (chunk: Buffer) => {
        if (length + chunk.length > outputLimit) {
          kill('output');
        } else {
          length += chunk.length;
          chunks.push(chunk);
        }
      });
      return () => Buffer.concat(chunks).toString('utf8');
    };
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(cause);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ exitCode, signal, stdout: stdout(), stderr: stderr(), killedFor });
    });
  });
}
