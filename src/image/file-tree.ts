import type { FileSource } from '../bytes/byte-source.ts';

/**
 * A root file system, wherever it is kept. Paths are relative to it and use slashes; nothing outside it is reachable.
 */
export interface FileTree {
  /** Regular files, sorted by path, and what kept some from being found. Symbolic links are not followed. */
  entries(): Iterable<TreeEntry>;
  /** What a path names once symbolic links are followed inside the root; `null` when it names nothing there. */
  resolve(path: string): ResolvedPath | null;
  /** Opens a regular file by its path without following links. @throws ElfgateError `unreadable` */
  open(path: string): FileSource;
}

export type TreeEntry =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly size: number;
      /** Index of the image layer that put it there; null outside images. */
      readonly layer: number | null;
    }
  | { readonly kind: 'problem'; readonly path: string; readonly message: string };

export interface ResolvedPath {
  /** The path without symbolic links. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'other';
  /** Permission bits. */
  readonly mode: number;
}

/** A path from the root on, without dot elements: `/usr/../lib/x` is `lib/x`; dots never lead above the root. */
export function insideRoot(path: string): string {
  const elements: string[] = [];
  for (const element of path.split('/')) {
    if (element === '..') {
      elements.pop();
    } else if (element !== '' && element !== '.') {
      elements.push(element);
    }
  }
  return elements.join('/');
}
