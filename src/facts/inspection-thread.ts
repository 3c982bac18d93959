/** A thread of `inspection-pool.ts`: inspects one binary after the other, in order. */
import { enableCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { ContentPlace } from '../image/layers/file-contents.ts';
import type { EarlyFacts } from './inspect-tree.ts';

/** What a thread is started with. */
export interface InspectionSetup {
  readonly symbols: 'listed' | 'counted';
  /** Directory of compiled code, which threads do not inherit; null for none. */
  readonly compileCache: string | null;
}

export interface InspectionTask {
  readonly index: number;
  readonly path: string;
  readonly place: ContentPlace;
}

export interface InspectedContent {
  readonly index: number;
  readonly facts: EarlyFacts;
}

const { symbols, compileCache } = workerData as InspectionSetup;
if (compileCache !== null) {
  enableCompileCache(compileCache);
}
// Only what is loaded after this comes from the cache.
const { inspectAlone } = await import('./inspect-tree.ts');
const { sourceAt } = await import('../image/layers/file-contents.ts');

parentPort?.on('message', ({ index, path, place }: InspectionTask) => {
  const answer: InspectedContent = { index, facts: inspectAlone(sourceAt(place, path), path, symbols) };
  parentPort?.postMessage(answer);
});
