import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Times whole processes against each other. */
export interface Measured {
  /** Milliseconds, the lowest of all runs. */
  readonly best: number;
  readonly median: number;
  /** Megabytes of resident memory at the highest. */
  readonly peakMemory: number;
}

export type Command = readonly [program: string, ...args: string[]];

/** Runs commands turn by turn, so that a noisy machine disturbs all alike, and gives what each took. The first turn fills caches and does not count. */
export async function inTurn(commands: readonly Command[], runs: number): Promise<readonly Measured[]> {
  const times = commands.map((): number[] => []);
  const peaks = commands.map(() => 0);
  for (let turn = -1; turn < runs; turn++) {
    for (const [index, command] of commands.entries()) {
      const { milliseconds, peakMemory } = await runOnce(command);
      if (turn >= 0) {
        times[index]?.push(milliseconds);
        peaks[index] = Math.max(peaks[index] ?? 0, peakMemory);
      }
    }
  }
  return times.map((list, index) => {
    const sorted = list.toSorted((left, right) => left - right);
    return { best: sorted[0] ?? 0, median: sorted[sorted.length >> 1] ?? 0, peakMemory: peaks[index] ?? 0 };
  });
}

function runOnce([program, ...args]: Command): Promise<{ milliseconds: number; peakMemory: number }> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    let peakMemory = 0;
    // The kernel keeps the highest value itself; it only has to be read before the process is gone.
    const watch = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peakMemory = Math.max(peakMemory, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      } catch {
        // Gone between two looks.
      }
    }, 10);
    child.on('error', reject);
    child.on('exit', () => {
      clearInterval(watch);
      resolve({ milliseconds: performance.now() - start, peakMemory });
    });
  });
}
