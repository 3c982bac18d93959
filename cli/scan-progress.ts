import type { ListrTaskWrapper } from 'listr2';
import { printable } from '../src/findings/printable.ts';
import { emptySummary, type ScanSummary } from '../src/scan/scan-summary.ts';
import { usesColor } from './output.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/** Tells on standard error how far a scan is: live on a terminal, by a plain line now and then elsewhere. */
export interface ScanProgress {
  /** An image is about to be read. */
  begin(image: string): void;
  /** It has been read, or has failed. */
  end(image: string): void;
  /** A line is done. */
  done(summary: ScanSummary): void;
  /** Makes room for other output. What is shown comes back by itself. */
  clear(): Promise<void>;
  /** Shows nothing any more. */
  close(): Promise<void>;
}

// Milliseconds between two looks on a terminal; in a log, a line in ten seconds shows that it goes on.
const everyOnTerminal = 150;
const everyElsewhere = 10_000;

const showCursor = '\u001b[?25h';

// Images under way that are named on a terminal.
const mostNamed = 6;

export function scanProgress(options: SharedOptions, surroundings: Surroundings, now: () => number): ScanProgress {
  if (options.quiet === true || !options.progress) {
    return { begin() {}, end() {}, done() {}, async clear() {}, async close() {} };
  }
  return surroundings.stderr.isTTY === true
    ? liveProgress(surroundings, usesColor(options.color, surroundings.env, surroundings.stderr), now)
    : plainProgress(surroundings, now);
}

function plainProgress({ stderr }: Surroundings, now: () => number): ScanProgress {
  const start = now();
  let next = start + everyElsewhere;
  return {
    begin() {},
    end() {},
    done(summary) {
      if (now() >= next) {
        next = now() + everyElsewhere;
        stderr.write(`${standing(summary, now() - start)}\n`);
      }
    },
    async clear() {},
    async close() {},
  };
}

function liveProgress({ stderr }: Surroundings, color: boolean, now: () => number): ScanProgress {
  const start = now();
  const underWay = new Map<string, number>();
  let summary = emptySummary;
  let display: Display | null = null;
  const title = (): string => standing(summary, now() - start);
  const output = (): string => namesOf(underWay, now());
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    if (display !== null) {
      display.update(title(), output());
      return;
    }
    looking = looking.then(async () => {
      display ??= await startDisplay(stderr, color, title());
    });
  }, everyOnTerminal);
  const clear = async (): Promise<void> => {
    await looking;
    const shown = display;
    display = null;
    await shown?.leave();
  };
  return {
    begin: (image) => void underWay.set(image, now()),
    end: (image) => void underWay.delete(image),
    done(next) {
      summary = next;
    },
    clear,
    async close() {
      clearInterval(timer);
      await clear();
    },
  };
}

/** What is on the terminal at the moment. */
interface Display {
  update(title: string, output: string): void;
  /** Removes it. */
  leave(): Promise<void>;
}

async function startDisplay(stderr: NodeJS.WriteStream, color: boolean, title: string): Promise<Display> {
  const { DefaultRenderer, Listr, ListrDefaultRendererLogLevels, ListrLogger, ProcessOutput } = await import('listr2');
  // It would look for a terminal at standard output, where results may go to a file.
  class OnStandardError extends DefaultRenderer {
    static override nonTTY = true;
  }
  const plain = (text?: string): string => text ?? '';
  const levels = Object.values(ListrDefaultRendererLogLevels).map((level) => [level, plain] as const);
  const processOutput = new ProcessOutput(stderr, stderr, { dump: [] });
  const left = Promise.withResolvers<void>();
  let task: ListrTaskWrapper<unknown, typeof OnStandardError, never> | undefined;
  const list = new Listr(
    [
      {
        title,
        task: (_, wrapper): Promise<void> => {
          task = wrapper;
          return left.promise;
        },
      },
    ],
    {
      renderer: OnStandardError,
      // Ctrl-C ends a scan at once: what is done is kept.
      registerSignalListeners: false,
      rendererOptions: {
        clearOutput: true,
        formatOutput: 'truncate',
        logger: new ListrLogger({ processOutput, useIcons: true }),
        ...(color ? {} : { color: Object.fromEntries(levels) }),
      },
    },
  );
  // The display hides the cursor, and who is ended in the middle of it has to give it back.
  const onSignal = (signal: NodeJS.Signals): void => {
    processOutput.toStdout(showCursor, false);
    process.kill(process.pid, signal);
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const ended = list.run();
  return {
    update(next, output) {
      if (task !== undefined) {
        task.title = next;
        task.output = output;
      }
    },
    async leave() {
      left.resolve();
      await ended;
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

function standing({ images, cached, withFindings, failed }: ScanSummary, milliseconds: number): string {
  const rate = Math.round((1000 * images) / Math.max(milliseconds, 1));
  return [
    `scanned ${images} ${images === 1 ? 'image' : 'images'} in ${Math.round(milliseconds / 1000)} s`,
    ...(rate > 1 ? [`${rate} a second`] : []),
    ...(cached > 0 ? [`${cached} known before`] : []),
    ...(withFindings > 0 ? [`${withFindings} with findings`] : []),
    ...(failed > 0 ? [`${failed} undecided`] : []),
  ].join(', ');
}

/** The images under way, a line each, the oldest first. */
function namesOf(underWay: ReadonlyMap<string, number>, now: number): string {
  const lines = [...underWay].slice(0, mostNamed).map(([image, since]) => {
    const seconds = Math.floor((now - since) / 1000);
    return printable(seconds < 2 ? image : `${image} (${seconds} s)`);
  });
  const more = underWay.size - mostNamed;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
