import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Notices when the content of files changes.
 *
 * It reads them again and again instead of watching: mounted secrets and ConfigMaps are replaced by turning a symbolic
 * link, which watchers of a file do not see, and they have some kilobytes.
 *
 * @param interval milliseconds between two looks.
 * @param onChange called one at a time, when all files that are looked at are as they were at the last look: a
 * certificate whose key is still the old one is not picked up half.
 */
export function watchFiles(
  files: readonly string[],
  interval: number,
  onChange: () => Promise<void>,
): { close(): void } {
  let inForce = fingerprint(files);
  let seen = inForce;
  let busy = false;
  const timer = setInterval(async () => {
    const now = fingerprint(files);
    const settled = now === seen;
    seen = now;
    if (busy || !settled || now === inForce || now === null) {
      return;
    }
    busy = true;
    inForce = now;
    await onChange().finally(() => {
      busy = false;
    });
  }, interval);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

/** null while one of them cannot be read, as between two versions of it. */
function fingerprint(files: readonly string[]): string | null {
  const hash = createHash('sha256');
  try {
    for (const file of files) {
      const bytes = readFileSync(file);
      hash.update(`${bytes.length}\n`).update(bytes);
    }
  } catch {
    return null;
  }
  return hash.digest('hex');
}
