import { printable } from '../src/findings/printable.ts';
import type { ScanSummary } from '../src/scan/scan-summary.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/** Tells on standard error how far a scan is: one line that changes on a terminal, a plain line now and then elsewhere. */
export interface ScanProgress {
  /** An image is done. */
  done(image: string, summary: ScanSummary): void;
  /** Makes room for other output. */
  clear(): void;
}

// Milliseconds: ten lines a second on a terminal; in a log, one in ten seconds shows that it goes on.
const everyOnTerminal = 100;
const everyElsewhere = 10_000;

export function scanProgress(options: SharedOptions, { stderr }: Surroundings, now: () => number): ScanProgress {
  if (options.quiet === true || !options.progress) {
    return { done() {}, clear() {} };
  }
  const onTerminal = stderr.isTTY === true;
  const every = onTerminal ? everyOnTerminal : everyElsewhere;
  let next = now() + every;
  let shown = false;
  return {
    done(image, { images, cached, withFindings, failed }) {
      if (now() < next) {
        return;
      }
      next = now() + every;
      const text = `scanned ${images} images (${cached} cached), ${withFindings} with findings, ${failed} undecided`;
      if (!onTerminal) {
        stderr.write(`${text}\n`);
        return;
      }
      const line = printable(`${text} … ${image}`);
      const columns = Math.max(20, (stderr.columns ?? 80) - 1);
      stderr.write(`\r\x1b[K${line.length > columns ? `${line.slice(0, columns - 1)}…` : line}`);
      shown = true;
    },
    clear() {
      if (shown) {
        stderr.write('\r\x1b[K');
        shown = false;
      }
    },
  };
}
