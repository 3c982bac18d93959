/**
 * Copies of the source folders, named by their content.
 *
 * Go and debug information remember the folder they were compiled in. Building in a folder named by its content makes
 * an artifact independent of where the project is checked out, and an edit of a source cannot disturb a running build.
 */

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const sourcesFolder = join(import.meta.dirname, 'sources');
const hashes = new Map<string, string>();

/** Hash over names and bytes of all files of one source folder. */
export function sourceHash(folder: string): string {
  const known = hashes.get(folder);
  if (known !== undefined) {
    return known;
  }
  const root = join(sourcesFolder, folder);
  const hash = createHash('sha256');
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .sort()) {
    const bytes = readFileSync(entry);
    hash.update(`${entry.slice(root.length)}\0${bytes.length}\0`).update(bytes);
  }
  const digest = hash.digest('hex').slice(0, 16);
  hashes.set(folder, digest);
  return digest;
}

/** The folder in which to build; made when it is not there yet. */
export function stageSources(cache: string, folder: string, suffix: string | undefined): string {
  const name = `${folder.replaceAll('/', '-')}-${sourceHash(folder)}${suffix === undefined ? '' : `-${suffix}`}`;
  const staged = join(cache, 'sources', name);
  if (!existsSync(staged)) {
    const temporary = `${staged}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    mkdirSync(join(cache, 'sources'), { recursive: true });
    cpSync(join(sourcesFolder, folder), temporary, { recursive: true });
    publish(temporary, staged);
  }
  return staged;
}

/** Gives a finished directory its final name; when another process was faster, its work is kept and ours dropped. */
export function publish(temporary: string, final: string): void {
  try {
    renameSync(temporary, final);
  } catch (cause) {
    if (!existsSync(final)) {
      throw cause;
    }
    rmSync(temporary, { recursive: true, force: true });
  }
}
