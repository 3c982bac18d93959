import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diskStore } from '../src/facts/store/disk-store.ts';
import type { FactsStore } from '../src/facts/store/facts-store.ts';
import { cacheDirectory } from './directories.ts';
import type { Surroundings } from './surroundings.ts';
import { version } from './version.ts';

/** The user's store of facts. */
export function factsOnDisk(env: Surroundings['env']): FactsStore {
  return diskStore({
    directory: join(cacheDirectory(env), 'facts'),
    revision: factsRevision(),
    now: () => Date.now(),
  });
}

// Everything that facts are made by.
const rooms = ['bytes', 'image', 'binary', 'loader', 'facts'];

/**
 * Names the code that states facts, so that those of other code are not taken for its own: the version of a published
 * package, which never changes, and in a checkout the state of the sources, which do.
 */
export function factsRevision(): string {
  const sources = join(import.meta.dirname, '..', 'src');
  if (!existsSync(join(sources, 'limits.ts'))) {
    return version();
  }
  const hash = createHash('sha256');
  for (const room of rooms) {
    for (const entry of readdirSync(join(sources, room), { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) {
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = statSync(path);
        hash.update(`${path} ${size} ${mtimeMs}\n`);
      }
    }
  }
  return `${version()}+${hash.digest('hex')}`;
}
