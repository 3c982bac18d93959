import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

// Milliseconds. What was used since may be in use by another process, and when something was used last need not be known better.
const useInterval = 3_600_000;

/**
 * Notes that an entry of the cache is used, by the time at which it was last changed. An entry that cannot be noted counts as
 * unused for longer.
 */
export function noteUse(entry: string): void {
  try {
    const now = Date.now();
    if (now - statSync(entry).mtimeMs > useInterval) {
      utimesSync(entry, now / 1000, now / 1000);
    }
  } catch {
    // It is read all the same.
  }
}

/**
 * Removes the entries of a part of the cache that were not used for longest, until all of them together have no more than
 * some bytes. Those of the last hour stay.
 */
export function makeRoom(part: string, mostBytes: number): void {
  try {
    const entries = readdirSync(part)
      .map((name) => join(part, name))
      .map((path) => ({ path, used: statSync(path).mtimeMs, bytes: bytesOf(path) }))
      .sort((left, right) => right.used - left.used);
    let bytes = 0;
    for (const entry of entries) {
      bytes += entry.bytes;
      if (bytes > mostBytes && Date.now() - entry.used > useInterval) {
        rmSync(entry.path, { recursive: true, force: true });
      }
    }
  } catch {
    // Another process makes room as well, or nothing can be removed here: the next one that adds something tries again.
  }
}

/** Of a file, or of the files of a directory. */
function bytesOf(path: string): number {
  const status = statSync(path);
  return status.isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' }).reduce(
        (sum, name) => sum + statSync(join(path, name)).size,
        0,
      )
    : status.size;
}
