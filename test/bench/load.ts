import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What is sent, and how hard. */
export interface Load {
  readonly port: number;
  readonly path: string;
  readonly authorityFile: string;
  readonly bodyFile: string;
  readonly connections: number;
  readonly milliseconds: number;
  /** null for as many as the server answers. */
  readonly perSecond: number | null;
  /** Text that every answer has to hold. */
  readonly expected: string;
}

export interface LoadFigures {
  readonly answered: number;
  readonly wrong: number;
  /** Begin of the first answer without the expected text. */
  readonly firstWrong: string;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Runs the generator to its end. */
export function generate(load: Load): Promise<LoadFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'load-generator.ts'), JSON.stringify(load)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('close', (code) => {
      if (code === 0) {
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
      } else {
        reject(new Error(`the load generator ends with ${code}`));
      }
    });
  });
}
