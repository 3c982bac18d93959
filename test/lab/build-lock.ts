/**
 * Keeps two processes from building the same artifact at the same time.
 *
 * Only work is saved by it: an artifact gets its name by one rename, so a lock that is wrongly taken over costs time and
 * nothing else.
 */

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMilliseconds = 100;
// The longest step has an hour; an older lock belongs to nobody who still works.
const staleMilliseconds = 61 * 60 * 1000;

/**
 * Takes the lock, or waits until somebody else has finished.
 *
 * @returns A function that releases the lock, or null as soon as `isDone` says that there is nothing left to do.
 */
export async function lockUnless(lock: string, isDone: () => boolean): Promise<(() => void) | null> {
  for (;;) {
    if (isDone()) {
      return null;
    }
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'process'), String(process.pid));
      return () => rmSync(lock, { recursive: true, force: true });
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) {
        throw cause;
      }
    }
    if (isStale(lock)) {
      rmSync(lock, { recursive: true, force: true });
    } else {
      await sleep(pollMilliseconds);
    }
  }
}

function isStale(lock: string): boolean {
  try {
    const age = Date.now() - statSync(lock).mtimeMs;
    if (age < pollMilliseconds * 10) {
      // Its owner may not have written its process id yet.
      return false;
    }
    return age > staleMilliseconds || !isAlive(Number(readFileSync(join(lock, 'process'), 'utf8')));
  } catch {
    // Released in the meantime.
    return false;
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
}
