import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { version } from './version.ts';

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
