import { type Dirent, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openFile } from '../bytes/byte-source.ts';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { FileTree, ResolvedPath, TreeEntry } from './file-tree.ts';

/**
 * A directory taken as a root file system.
 *
 * @throws ElfgateError `unreadable` when it cannot be listed at all.
 */
export function directoryTree(root: string): FileTree {
  try {
    if (!statSync(root).isDirectory()) {
      throw new ElfgateError('unreadable', `${root}: not a directory`);
    }
    readdirSync(root);
  } catch (cause) {
    throw cause instanceof ElfgateError
      ? cause
      : new ElfgateError('unreadable', `${root}: cannot be listed (${systemCode(cause)})`, { cause });
  }
  return {
    entries: () => walk(root, '', 0),
    resolve: (path) => resolveInside(root, path),
    open: (path) => openFile(join(root, path)),
  };
}

function* walk(root: string, directory: string, depth: number): Generator<TreeEntry> {
  const place = directory === '' ? root : join(root, directory);
  if (depth > limits.directoryDepth) {
    yield {
      kind: 'problem',
      path: directory,
      message: `directories are nested deeper than ${limits.directoryDepth} levels`,
    };
    return;
  }
  let children: Dirent[];
  try {
    children = readdirSync(place, { withFileTypes: true });
  } catch (cause) {
    yield { kind: 'problem', path: directory, message: `directory cannot be listed (${systemCode(cause)})` };
    return;
  }
  children.sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
  for (const child of children) {
    const path = directory === '' ? child.name : `${directory}/${child.name}`;
    if (child.isDirectory()) {
      yield* walk(root, path, depth + 1);
    } else if (child.isFile()) {
      try {
        yield { kind: 'file', path, size: lstatSync(join(root, path)).size, layer: null };
      } catch (cause) {
        yield { kind: 'problem', path, message: `file cannot be examined (${systemCode(cause)})` };
      }
    }
  }
}

// Linux follows at most 40 symbolic links in one look-up (path_resolution(7)).
const mostLinks = 40;

/** Follows a path one element at a time, as the kernel would after chroot. */
function resolveInside(root: string, path: string): ResolvedPath | null {
  const pending = path.split('/').reverse();
  const reached: string[] = [];
  let links = 0;
  let mode = 0o755;
  let kind: ResolvedPath['kind'] = 'directory';
  while (pending.length > 0) {
    const element = pending.pop() ?? '';
    if (element === '' || element === '.') {
      continue;
    }
    if (element === '..') {
      reached.pop();
      continue;
    }
    const place = join(root, ...reached, element);
    let status: ReturnType<typeof lstatSync>;
    try {
      status = lstatSync(place);
    } catch {
      // Absent, or not to be seen: for a look-up both mean that nothing is there.
      return null;
    }
    if (status.isSymbolicLink()) {
      links += 1;
      if (links > mostLinks) {
        return null;
      }
      const target = readlinkSync(place);
      if (target.startsWith('/')) {
        reached.length = 0;
      }
      pending.push(...target.split('/').reverse());
      continue;
    }
    reached.push(element);
    mode = status.mode & 0o7777;
    kind = status.isDirectory() ? 'directory' : status.isFile() ? 'file' : 'other';
    // Even a slash at the end says that it is a directory (path_resolution(7)).
    if (kind !== 'directory' && pending.length > 0) {
      return null;
    }
  }
  return { path: reached.join('/'), kind: reached.length === 0 ? 'directory' : kind, mode };
}

function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
}
