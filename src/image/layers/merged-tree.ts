import { ElfgateError, NotKeptError } from '../../errors.ts';
import type { KeptContent } from './file-contents.ts';
import type { LayerAddition, LayerChanges } from './layer-changes.ts';

/** A place in the file system that the layers of an image make up. */
export type TreeNode = DirectoryNode | FileNode | LinkNode | OtherNode | UnknownNode;

export interface DirectoryNode {
  readonly kind: 'directory';
  mode: number;
  readonly children: Map<string, TreeNode>;
}

export interface FileNode {
  readonly kind: 'file';
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Index of the layer that put it there. */
  readonly layer: number;
  readonly content: KeptContent | null;
  readonly start: Buffer | null;
}

interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}

interface OtherNode {
  readonly kind: 'other';
  readonly mode: number;
}

/** Nobody knows what is there, nor below it: something else is mounted over it. Looking it up throws {@link NotKeptError}. */
export interface UnknownNode {
  readonly kind: 'unknown';
}

// Linux follows at most 40 symbolic links in one look-up (path_resolution(7)).
const mostLinks = 40;

// What directories get that no layer describes.
const directoryMode = 0o755;

export function emptyRoot(): DirectoryNode {
  return { kind: 'directory', mode: directoryMode, children: new Map() };
}

/**
 * Lays a layer over those below it (OCI image specification, layer.md).
 *
 * Whiteouts hide what lies below and never what their own layer adds, wherever in the archive they stand.
 *
 * @throws ElfgateError `malformed` where an entry lies below something that is no directory, or a hard link names
 * nothing.
 */
export function applyLayer(root: DirectoryNode, changes: LayerChanges, layer: number): void {
  for (const { path, hides } of changes.whiteouts) {
    hide(root, path, hides);
  }
  for (const addition of changes.additions) {
    add(root, addition, layer);
  }
}

/** Where a look-up ended. */
export interface Reached {
  readonly node: Exclude<TreeNode, UnknownNode>;
  /** Without symbolic links. */
  readonly path: string;
}

/** Follows a path as the kernel would after chroot, symbolic links included; `null` when nothing is there. */
export function lookUp(root: DirectoryNode, path: string): Reached | null {
  const straight = lookUpStraight(root, path.startsWith('/') ? path.slice(1) : path);
  return straight === undefined ? lookUpByElements(root, path) : straight;
}

/** The same for a path without links and dot elements, which nearly all are; `undefined` for any other. */
function lookUpStraight(root: DirectoryNode, path: string): Reached | null | undefined {
  let directory = root;
  for (let start = 0; ; ) {
    const slash = path.indexOf('/', start);
    const element = path.slice(start, slash === -1 ? path.length : slash);
    if (element === '' || element === '.' || element === '..') {
      return undefined;
    }
    const child = directory.children.get(element);
    if (child === undefined) {
      return null;
    }
    if (child.kind === 'link' || child.kind === 'unknown' || (child.kind !== 'directory' && slash !== -1)) {
      return undefined;
    }
    if (slash === -1) {
      return { node: child, path };
    }
    directory = child as DirectoryNode;
    start = slash + 1;
  }
}

function lookUpByElements(root: DirectoryNode, path: string): Reached | null {
  const pending = path.split('/').reverse();
  const reached: { readonly name: string; readonly node: DirectoryNode }[] = [];
  let links = 0;
  let end: FileNode | OtherNode | null = null;
  let endName = '';
  while (pending.length > 0) {
    const element = pending.pop() ?? '';
    // Even a slash at the end says that it is a directory (path_resolution(7)).
    if (end !== null) {
      return null;
    }
    if (element === '' || element === '.') {
      continue;
    }
    if (element === '..') {
      reached.pop();
      continue;
    }
    const child = (reached.at(-1)?.node ?? root).children.get(element);
    if (child === undefined) {
      return null;
    }
    if (child.kind === 'unknown') {
      throw new NotKeptError(path);
    }
    if (child.kind === 'link') {
      links += 1;
      if (links > mostLinks) {
        return null;
      }
      if (child.target.startsWith('/')) {
        reached.length = 0;
      }
      pending.push(...child.target.split('/').reverse());
    } else if (child.kind === 'directory') {
      reached.push({ name: element, node: child });
    } else {
      end = child;
      endName = element;
    }
  }
  const names = reached.map(({ name }) => name);
  return end === null
    ? { node: reached.at(-1)?.node ?? root, path: names.join('/') }
    : { node: end, path: [...names, endName].join('/') };
}

function hide(root: DirectoryNode, path: string, hides: 'entry' | 'content'): void {
  if (hides === 'content') {
    const reached = lookUp(root, path);
    if (reached?.node.kind === 'directory') {
      reached.node.children.clear();
    }
    return;
  }
  const [parent, name] = split(path);
  const reached = lookUp(root, parent);
  if (reached?.node.kind === 'directory') {
    reached.node.children.delete(name);
  }
}

function add(root: DirectoryNode, addition: LayerAddition, layer: number): void {
  const { path, kind, mode } = addition;
  if (path === '') {
    if (kind === 'directory') {
      root.mode = mode;
    }
    return;
  }
  const [parentPath, name] = split(path);
  const parent = directoryFor(root, parentPath, path);
  const existing = parent.children.get(name);
  switch (kind) {
    case 'directory':
      // A directory over one that is there changes it; over anything else it takes its place.
      if (existing?.kind === 'directory') {
        existing.mode = mode;
      } else {
        parent.children.set(name, { kind: 'directory', mode, children: new Map() });
      }
      return;
    case 'file': {
      const { size, content, start } = addition;
      parent.children.set(name, { kind: 'file', mode, size, layer, content, start });
      return;
    }
    case 'symbolic-link':
      parent.children.set(name, { kind: 'link', target: addition.linkName });
      return;
    case 'hard-link': {
      const target = linkTarget(root, addition);
      parent.children.set(name, target.kind === 'file' ? { ...target, layer } : target);
      return;
    }
    case 'other':
      parent.children.set(name, { kind: 'other', mode });
  }
}

/** What a hard link names: links on the way are followed, the last element is not. */
function linkTarget(root: DirectoryNode, { path, linkName }: LayerAddition): Exclude<TreeNode, DirectoryNode> {
  const [parentPath, name] = split(linkName);
  const parent = lookUp(root, parentPath);
  const target = parent?.node.kind === 'directory' ? parent.node.children.get(name) : undefined;
  if (target === undefined || target.kind === 'directory') {
    throw new ElfgateError(
      'malformed',
      `the hard link ${path} names ${linkName}, which is ${target === undefined ? 'nowhere' : 'a directory'}`,
    );
  }
  return target;
}

/** The directory that an entry goes into; those that no entry describes are made. */
function directoryFor(root: DirectoryNode, path: string, entry: string): DirectoryNode {
  let directory = root;
  let start = 0;
  while (start < path.length) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const child = directory.children.get(path.slice(start, end));
    if (child === undefined) {
      const made: DirectoryNode = { kind: 'directory', mode: directoryMode, children: new Map() };
      directory.children.set(path.slice(start, end), made);
      directory = made;
    } else if (child.kind === 'directory') {
      directory = child;
    } else {
      // A link, mostly: /lib leads to /usr/lib, and a later layer has lib/x.
      const reached = lookUp(root, path.slice(0, end));
      if (reached?.node.kind !== 'directory') {
        throw new ElfgateError(
          'malformed',
          `the entry ${entry} lies below ${path.slice(0, end)}, which is no directory`,
        );
      }
      directory = reached.node;
    }
    start = end + 1;
  }
  return directory;
}

function split(path: string): readonly [parent: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}
