import { join } from 'node:path';
import { diskStore } from '../src/facts/store/disk-store.ts';
import type { FactsStore } from '../src/facts/store/facts-store.ts';
import { cacheDirectory } from './directories.js';
import { factsRevision } from './facts-revision.ts';
import type { Surroundings } from './surroundings.ts';

/** The user's store of facts. */
export function factsOnDisk(env: Surroundings['env']): FactsStore {
  return diskStore({
    directory: join(cacheDirectory(env), 'facts'),
    revision: factsRevision(),
    now: () => Date.now(),
  });
}
