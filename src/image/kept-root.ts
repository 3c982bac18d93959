import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type KeptPart, type Part, partialSource } from '../bytes/partial-source.ts';
import { limits } from '../limits.ts';
import type { KeptContent } from './layers/file-contents.ts';
import type { DirectoryNode, TreeNode } from './layers/merged-tree.ts';

/** What is to be kept of a file: its content, and the parts of it in their order. */
export type PartsOf = ReadonlyMap<KeptContent, readonly Part[]>;

/**
 * A root file system in which every path is what it was, and of some files parts are there. What else is read of it throws
 * a {@link import('../errors.ts').NotKeptError}.
 *
 * Compressed, and in one piece: the length of a JSON text, the text, and the parts after each other.
 *
 * @returns `null` for a root of more entries, levels or bytes than are kept.
 */
export function encodeKeptRoot(root: DirectoryNode, partsOf: PartsOf): Buffer | null {
  const contents = [...partsOf];
  const indexes = new Map(contents.map(([content], index) => [content, index]));
  let entries = 0;
  const encode = (directory: DirectoryNode, depth: number): EncodedDirectory | null => {
    entries += directory.children.size;
    if (depth > limits.directoryDepth || entries > limits.keptRootEntries) {
      return null;
    }
    const children: (string | EncodedNode)[] = [];
    for (const [name, child] of directory.children) {
      const encoded = child.kind === 'directory' ? encode(child, depth + 1) : encodeLeaf(child, indexes);
      if (encoded === null) {
        return null;
      }
      children.push(name, encoded);
    }
    return [directory.mode, children];
  };
  const tree = encode(root, 0);
  if (tree === null) {
    return null;
  }
  const files = contents.map(([{ size }, parts]) => [size, ...parts.flatMap(({ offset, length }) => [offset, length])]);
  const head = Buffer.from(JSON.stringify({ tree, files } satisfies EncodedRoot));
  const total = contents.reduce((sum, [, parts]) => sum + bytesOf(parts), lengthBytes + head.length);
  if (total > limits.keptRootBytes) {
    return null;
  }
  const plain = Buffer.allocUnsafeSlow(total);
  let at = plain.writeUInt32LE(head.length);
  at += head.copy(plain, at);
  for (const [content, parts] of contents) {
    const source = content.source('');
    for (const { offset, length } of parts) {
      at += source.read(offset, length).copy(plain, at);
    }
  }
  return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/** The root out of bytes that {@link encodeKeptRoot} gave; `null` when they are damaged. */
export function decodeKeptRoot(bytes: Uint8Array): DirectoryNode | null {
  try {
    const plain = zstdDecompressSync(bytes, { maxOutputLength: limits.keptRootBytes, chunkSize });
    const start = lengthBytes + plain.readUInt32LE(0);
    const { tree, files }: EncodedRoot = JSON.parse(plain.toString('utf8', lengthBytes, start));
    let at = start;
    const contents = files.map(([size = 0, ...places]) => {
      const parts: KeptPart[] = [];
      for (let index = 0; index < places.length; index += 2) {
        const [offset = 0, length = 0] = [places[index], places[index + 1]];
        parts.push({ offset, bytes: plain.subarray(at, at + length) });
        at += length;
      }
      return contentOf(size, parts);
    });
    return at === plain.length ? directoryOf(tree, contents) : null;
  } catch {
    return null;
  }
}

const lengthBytes = 4;
// The fastest: the default one takes twice the time for the same size (measured).
const level = 1;
// Bytes that are inflated at a time.
const chunkSize = 1_048_576;

/** Bytes of all parts together. */
export function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** A directory has a list; a file has its mode, size, layer, and content or -1; a link is its target, what else is a mode. */
type EncodedNode = EncodedDirectory | EncodedFile | string | number;
type EncodedDirectory = readonly [mode: number, children: readonly (string | EncodedNode)[]];
type EncodedFile = readonly [mode: number, size: number, layer: number, content: number];

interface EncodedRoot {
  readonly tree: EncodedDirectory;
  /** Of each content its size, then offset and length of each part. */
  readonly files: readonly (readonly number[])[];
}

function encodeLeaf(
  node: Exclude<TreeNode, DirectoryNode>,
  indexes: ReadonlyMap<KeptContent, number>,
): EncodedFile | string | number | null {
  switch (node.kind) {
    case 'file':
      return [node.mode, node.size, node.layer, node.content === null ? -1 : (indexes.get(node.content) ?? -1)];
    case 'link':
      return node.target;
    case 'other':
      return node.mode;
    case 'unknown':
      return null;
  }
}

function directoryOf([mode, list]: EncodedDirectory, contents: readonly KeptContent[]): DirectoryNode {
  const children = new Map<string, TreeNode>();
  for (let index = 0; index < list.length; index += 2) {
    children.set(String(list[index]), nodeOf(list[index + 1] ?? 0, contents));
  }
  return { kind: 'directory', mode, children };
}

function nodeOf(encoded: EncodedNode, contents: readonly KeptContent[]): TreeNode {
  if (typeof encoded === 'string') {
    return { kind: 'link', target: encoded };
  }
  if (typeof encoded === 'number') {
    return { kind: 'other', mode: encoded };
  }
  if (encoded.length === 2) {
    return directoryOf(encoded, contents);
  }
  const [mode, size, layer, content] = encoded;
  return { kind: 'file', mode, size, layer, content: contents[content] ?? contentOf(size, []), start: null };
}

function contentOf(size: number, parts: readonly KeptPart[]): KeptContent {
  return { size, source: (path) => partialSource(size, parts, path) };
}
