import { bufferSource, type FileSource } from '../../bytes/byte-source.ts';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { FileTree, TreeEntry } from '../file-tree.ts';
import type { KeptContent } from './file-contents.ts';
import { type DirectoryNode, type FileNode, lookUp } from './merged-tree.ts';

/** A root file system that lies in memory but for the bytes of its files. */
export interface NodeTree extends FileTree {
  /** The kept bytes of a file, by which work on them is found again; `null` for a file that is not kept. */
  contentOf(path: string): KeptContent | null;
}

/** The file system below a directory. */
export function nodeTree(root: DirectoryNode): NodeTree {
  // Whoever walks the tree asks about the file that was reached.
  let walked: { readonly path: string; readonly node: FileNode } | null = null;
  const fileAt = (path: string): FileNode => {
    if (walked?.path === path) {
      return walked.node;
    }
    const reached = lookUp(root, path);
    if (reached === null || reached.path !== path || reached.node.kind !== 'file') {
      throw new ElfgateError('unreadable', `${path}: there is no such file in the image`);
    }
    return reached.node;
  };
  return {
    entries: () =>
      walk(root, '', 0, (path, node) => {
        walked = { path, node };
      }),
    resolve(path) {
      const reached = lookUp(root, path);
      if (reached === null || reached.node.kind === 'link') {
        return null;
      }
      return { path: reached.path, kind: reached.node.kind, mode: reached.node.mode };
    },
    open: (path) => sourceOf(fileAt(path), path),
    contentOf: (path) => fileAt(path).content,
  };
}

function* walk(
  directory: DirectoryNode,
  path: string,
  depth: number,
  reaching: (path: string, node: FileNode) => void,
): Generator<TreeEntry> {
  if (depth > limits.directoryDepth) {
    yield { kind: 'problem', path, message: `directories are nested deeper than ${limits.directoryDepth} levels` };
    return;
  }
  const names = [...directory.children.keys()].sort();
  for (const name of names) {
    const child = directory.children.get(name);
    const childPath = path === '' ? name : `${path}/${name}`;
    if (child?.kind === 'directory') {
      yield* walk(child, childPath, depth + 1, reaching);
    } else if (child?.kind === 'file') {
      reaching(childPath, child);
      yield { kind: 'file', path: childPath, size: child.size, layer: child.layer };
    }
  }
}

function sourceOf({ size, content, start }: FileNode, path: string): FileSource {
  if (content !== null) {
    return { ...content.source(path), close() {} };
  }
  const known = bufferSource(start ?? Buffer.alloc(0));
  return {
    size,
    read(offset, length) {
      if (offset + length > known.size && offset + length <= size) {
        throw new ElfgateError('unreadable', `${path}: is no binary, and its bytes were not kept`);
      }
      return known.read(offset, length);
    },
    close() {},
  };
}
