import { mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';

/**
 * Makes a directory for caches that holds what the user's does, so that policies are compiled and peers are built.
 *
 * @param left begins of names that are left out: what the program has to find out or write itself while it is timed.
 *   Without `code`, what others run meanwhile cannot replace the code that is being timed.
 * @param parent where it is made.
 * @returns what `XDG_CACHE_HOME` has to be.
 */
export function ownCache(left: readonly string[], parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'elfgate-bench-'));
  const cache = join(directory, 'elfgate');
  const user = cacheDirectory(process.env);
  mkdirSync(cache);
  for (const entry of readdirSync(user)) {
    if (!left.some((begin) => entry.startsWith(begin))) {
      symlinkSync(join(user, entry), join(cache, entry));
    }
  }
  return directory;
}
