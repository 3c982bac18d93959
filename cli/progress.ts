import { printable } from '../src/findings/printable.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/** A line on standard error that tells how far a long run is. */
export interface Progress {
  /** One more file is about to be read. */
  file(path: string): void;
  /** Removes the line, before anything else is printed. */
  end(): void;
}

// Milliseconds. Runs that are over sooner need no line; a terminal shows no more than some ten lines a second.
const firstAfter = 300;
const every = 100;

/**
 * Progress on a terminal; nothing where there is none, or where the user wants none.
 *
 * @param now milliseconds. Date.now will do: Node loads a dozen modules for performance.now, a twentieth of a short run.
 */
export function startProgress(options: SharedOptions, surroundings: Surroundings, now: () => number): Progress {
  if (options.quiet === true || !options.progress) {
    return { file: () => {}, end: () => {} };
  }
  let count = 0;
  let next = now() + firstAfter;
  let shown = false;
  return {
    file(path) {
      count += 1;
      if (now() < next) {
        return;
      }
      next = now() + every;
      // Asked for late: Node makes the stream when somebody looks at it, which takes a short run a millisecond.
      const { stderr } = surroundings;
      if (stderr.isTTY !== true) {
        return;
      }
      shown = true;
      const line = printable(`inspecting ${count} files … ${path}`);
      const columns = Math.max(20, (stderr.columns ?? 80) - 1);
      stderr.write(`\r\x1b[K${line.length > columns ? `${line.slice(0, columns - 1)}…` : line}`);
    },
    end() {
      if (shown) {
        surroundings.stderr.write('\r\x1b[K');
        shown = false;
      }
    },
  };
}
