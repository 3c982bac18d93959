/** A thread of `inspection-pool.ts`: inspects one binary after the other, in order. */
import { enableCompileCache } from 'node:module';
import { platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import type { ContentPlace } from '../image/layers/file-contents.ts';
import type { EarlyRemainder } from '../loader/library-closure/early-binding.ts';
import type { EarlyFacts } from './inspect-tree.ts';
import type { EarlyLinkage } from './linkage-facts.ts';

/** What a thread is started with. */
export interface InspectionSetup {
  readonly symbols: 'listed' | 'counted';
  /** Directory of compiled code, which threads do not inherit; null for none. */
  readonly compileCache: string | null;
  /** Bytes of symbols that a thread holds on to for binding. */
  readonly mostSymbolBytes: number;
}

export interface InspectionTask {
  readonly index: number;
  readonly path: string;
  readonly place: ContentPlace;
}

export interface InspectedContent {
  readonly index: number;
  readonly facts: EarlyFacts;
  readonly linkage: EarlyLinkage | null;
}

/** What a thread tells of: binaries that were inspected, and what became of the references of some. */
export interface InspectionAnswer {
  readonly inspected: readonly InspectedContent[];
  readonly bound: readonly EarlyRemainder[];
}

// Inflating takes longest, and what it has to wait for a processor the whole run takes longer: a fourteenth of the time of a
// Debian root on two of them. A priority is that of a thread on Linux, and that of the process elsewhere.
const somewhatLower = 5;
if (platform() === 'linux') {
  try {
    setPriority(0, somewhatLower);
  } catch {
    // Where this is forbidden, all threads have the same.
  }
}

const { symbols, compileCache, mostSymbolBytes } = workerData as InspectionSetup;
if (compileCache !== null) {
  enableCompileCache(compileCache);
}
// Only what is loaded after this comes from the cache.
const { EarlyBinding } = await import('../loader/library-closure/early-binding.ts');
const { inspectAlone } = await import('./inspect-tree.ts');
const { earlyLinkageOf } = await import('./linkage-facts.ts');
const { sourceAt } = await import('../image/layers/file-contents.ts');

/** Objects that are told of together. */
const boundTogether = 16;

const binding = new EarlyBinding();
/** Of the objects in it, whose other half the main thread holds. */
let symbolBytes = 0;
let isBinding = false;

// Handing over one by one takes longer than inspecting the smallest.
parentPort?.on('message', (tasks: readonly InspectionTask[]) => {
  const inspected = tasks.map(inspectedAt);
  answer({ inspected, bound: [] });
  for (const { index, linkage } of inspected) {
    symbolBytes += linkage?.symbols.bytes ?? 0;
    if (linkage !== null && symbolBytes <= mostSymbolBytes) {
      binding.add(index, linkage);
    }
  }
  bindMeanwhile();
});

/**
 * Inflating keeps a processor busy to the end, and most binaries come long before: what is left of the other one binds them.
 * A few at a time, since new ones go first.
 */
function bindMeanwhile(): void {
  if (isBinding) {
    return;
  }
  isBinding = true;
  setImmediate(() => {
    isBinding = false;
    const bound: EarlyRemainder[] = [];
    for (let next = binding.next(); next !== null; next = binding.next()) {
      bound.push(next);
      if (bound.length === boundTogether) {
        bindMeanwhile();
        break;
      }
    }
    if (bound.length > 0) {
      answer({ inspected: [], bound });
    }
  });
}

function answer(message: InspectionAnswer): void {
  parentPort?.postMessage(message);
}

function inspectedAt({ index, path, place }: InspectionTask): InspectedContent {
  let linkage: EarlyLinkage | null = null;
  const facts = inspectAlone(sourceAt(place, path), path, symbols, (elf) => {
    linkage = earlyLinkageOf(elf);
  });
  return { index, facts, linkage };
}
