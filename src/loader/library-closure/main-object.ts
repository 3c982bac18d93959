import { realpathSync } from 'node:fs';
import { openFile } from '../../bytes/byte-source.ts';
import type { MainObject } from './closure.ts';
import type { LibraryShelf } from './library-shelf.ts';

/** A file to start at, and where it may lie in the root. */
export interface NamedFile {
  /** As the caller wrote it. */
  readonly name: string;
  /** Its path on this machine. */
  readonly place: string;
  /** Its path inside the root; `null` when it lies elsewhere. */
  readonly inRoot: string | null;
}

/**
 * Opens the file that a closure starts at.
 *
 * @throws FormatError when its bytes contradict the format.
 * @throws ElfgateError `unreadable`, or `unsupported-format` when it is nothing that is loaded.
 */
export function openMainObject(file: NamedFile, shelf: LibraryShelf): MainObject {
  const found = file.inRoot === null ? null : shelf.resolve(file.inRoot);
  if (file.inRoot === null || found === null) {
    const object = shelf.openMain(file.name, `outside:${identityOf(file.place)}`, () => openFile(file.place));
    return { object, path: null, label: file.name };
  }
  const object = shelf.openMainInRoot(file.name, found);
  // The kernel tells a program's loader its path without links (/proc/self/exe); a library keeps the path that was given.
  return { object, path: object.interpreter === null ? file.inRoot : `/${found.path}`, label: file.name };
}

function identityOf(place: string): string {
  try {
    return realpathSync(place);
  } catch {
    // Opening it says why it cannot be had.
    return place;
  }
}
