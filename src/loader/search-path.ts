import type { FileTree } from '../image/file-tree.ts';

/** What one element of DT_RPATH or DT_RUNPATH means to the loader. */
export interface SearchPath {
  readonly entry: string;
  readonly tag: 'rpath' | 'runpath';
  /** `relative` and `empty` name a directory that depends on where the process is started. */
  readonly kind: 'absolute' | 'origin' | 'relative' | 'empty';
  /** Directory inside the root, without links where it exists; `null` without a root. */
  readonly resolved: string | null;
  readonly outsideRoot: boolean | null;
  readonly exists: boolean | null;
  readonly worldWritable: boolean | null;
}

/** Where an object lies, and in which root; both `null` for a file that is judged alone. */
export interface ObjectPlace {
  readonly root: FileTree | null;
  /** Path of the object inside the root. */
  readonly path: string;
}

// Directories that every Linux system lets everyone write to (file-hierarchy(7)).
const sharedDirectories = ['tmp', 'var/tmp', 'dev/shm'];

/**
 * Explains an element as ld.so does (ld.so(8), "Dynamic string tokens"; glibc `elf/dl-load.c`).
 */
export function explainSearchPath(entry: string, tag: SearchPath['tag'], place: ObjectPlace): SearchPath {
  const kind = kindOf(entry);
  if (kind === 'relative' || kind === 'empty') {
    return { entry, tag, kind, resolved: null, outsideRoot: null, exists: null, worldWritable: null };
  }
  const directory = place.path.slice(0, Math.max(0, place.path.lastIndexOf('/')));
  const path = entry.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, `/${directory}`);
  if (place.root === null) {
    return {
      entry,
      tag,
      kind,
      resolved: null,
      outsideRoot: null,
      exists: null,
      worldWritable: kind === 'absolute' && isShared(withoutDots(path).path) ? true : null,
    };
  }
  const { path: wanted, above } = withoutDots(path);
  const found = place.root.resolve(wanted);
  return {
    entry,
    tag,
    kind,
    resolved: found?.path ?? wanted,
    outsideRoot: above,
    exists: found?.kind === 'directory',
    // A directory that is absent but below a shared one can be made by anyone.
    worldWritable: found === null ? isShared(wanted) : (found.mode & 0o002) !== 0,
  };
}

function kindOf(entry: string): SearchPath['kind'] {
  if (entry === '') {
    return 'empty';
  }
  if (/^\$(?:ORIGIN(?:\/|$)|\{ORIGIN\})/.test(entry)) {
    return 'origin';
  }
  return entry.startsWith('/') ? 'absolute' : 'relative';
}

function isShared(path: string): boolean {
  return sharedDirectories.some((shared) => path === shared || path.startsWith(`${shared}/`));
}

/** The path without dot elements, and whether they led above the root on the way. */
function withoutDots(path: string): { readonly path: string; readonly above: boolean } {
  const elements: string[] = [];
  let above = false;
  for (const element of path.split('/')) {
    if (element === '..') {
      above ||= elements.length === 0;
      elements.pop();
    } else if (element !== '' && element !== '.') {
      elements.push(element);
    }
  }
  return { path: elements.join('/'), above };
}
