import { getCompileCacheDir } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ElfgateError } from '../errors.ts';
import type { FileContent } from '../image/layers/file-contents.ts';
import { limits } from '../limits.ts';
import { rememberRemainder } from '../loader/library-closure/early-binding.ts';
import type { SymbolIndex } from '../loader/library-closure/symbol-index.ts';
import type { InspectedContent, InspectionAnswer, InspectionSetup, InspectionTask } from './inspection-thread.ts';

/** Inspects binaries on other threads while the rest of the image is still being inflated. */
export interface InspectionPool {
  /** Takes a binary, whose content must not change or go away before {@link finish}. */
  add(path: string, content: FileContent): void;
  /** What was found in each; the threads end, for their memory is needed elsewhere. @throws whatever a thread threw */
  finish(): Promise<ReadonlyMap<FileContent, Omit<InspectedContent, 'index'>>>;
  /** Ends the threads, whatever they do. */
  close(): void;
}

interface Member {
  readonly thread: Worker;
  /** Tasks that it is given next. */
  readonly waiting: InspectionTask[];
}

/**
 * Starts one thread less than there are processors, which inflating takes, and at least one; with the first binary, because
 * to start them before the image is being inflated has that wait.
 *
 * Own code and not `piscina`: binaries are handed over by the hundred, in memory that is shared, and a pool that lives
 * as long as one image needs no more than this.
 *
 * @param options `bindsEarly`: whether threads also look references up while they have nothing to inspect.
 */
export function inspectionPool(
  symbols: InspectionSetup['symbols'],
  options: { readonly bindsEarly: boolean },
): InspectionPool {
  const count = Math.max(1, availableParallelism() - 1);
  const setup: InspectionSetup = {
    symbols,
    compileCache: getCompileCacheDir() ?? null,
    mostSymbolBytes: options.bindsEarly ? limits.earlySymbolBytes / count : 0,
  };
  const members: Member[] = [];
  const contents: FileContent[] = [];
  const found = new Map<FileContent, Omit<InspectedContent, 'index'>>();
  let symbolBytes = 0;
  const all = Promise.withResolvers<void>();
  // Somebody may fail before anybody waits for this.
  all.promise.catch(() => {});
  let complete = false;
  const handOver = (): void => {
    for (const { thread, waiting } of members) {
      if (waiting.length > 0) {
        thread.postMessage(waiting.splice(0));
      }
    }
  };
  const symbolsOf = (index: number): SymbolIndex | null => {
    const content = contents[index];
    return (content === undefined ? null : found.get(content)?.linkage?.symbols) ?? null;
  };
  const settle = (): void => {
    if (complete && found.size === contents.length) {
      all.resolve();
    }
  };
  const start = (): Member => {
    const thread = new Worker(threadFile, { workerData: setup, env: {} });
    thread.on('message', ({ inspected, bound }: InspectionAnswer) => {
      for (const { index, facts, linkage } of inspected) {
        const content = contents[index];
        if (content !== undefined) {
          const bytes = linkage?.symbols.bytes ?? 0;
          const isKept = symbolBytes + bytes <= limits.earlySymbolBytes;
          symbolBytes += isKept ? bytes : 0;
          found.set(content, { facts, linkage: isKept ? linkage : null });
        }
      }
      for (const remainder of bound) {
        const [object, ...others] = remainder.providers.map(symbolsOf);
        if (object && others.every((other) => other !== null)) {
          rememberRemainder([object, ...others], remainder);
        }
      }
      settle();
    });
    thread.on('error', (error) => all.reject(error));
    thread.on('exit', (code) =>
      all.reject(new ElfgateError('evaluation', `a thread that inspects binaries ended with code ${code}`)),
    );
    return { thread, waiting: [] };
  };
  const close = (): void => {
    for (const { thread } of members.splice(0)) {
      thread.removeAllListeners('exit');
      void thread.terminate();
    }
  };
  return {
    add(path, content) {
      const index = contents.push(content) - 1;
      if (members.length === 0) {
        members.push(...Array.from({ length: count }, start));
      }
      if (members.every(({ waiting }) => waiting.length === 0)) {
        // With all others that the same piece of a layer ends.
        queueMicrotask(handOver);
      }
      members[index % members.length]?.waiting.push({ index, path, place: content.place() });
    },
    async finish() {
      complete = true;
      settle();
      await all.promise;
      close();
      return found;
    },
    close,
  };
}

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './inspection-thread.ts' : './inspection-thread.js',
  import.meta.url,
);
