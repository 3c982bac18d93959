import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type PaxRecords, readPaxRecords } from './pax-records.ts';
import {
  assertPieces,
  leadingPieces,
  oldGnuPieces,
  oldGnuRealSize,
  paxPieces,
  type SparsePiece,
} from './sparse-map.ts';
import { blockBytes, decodePath, readTarHeader, type TarHeader } from './tar-header.ts';

/** One entry of an archive, with what extension headers said of it applied. */
export interface TarEntry {
  /** As stored: nothing is normalised. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symbolic-link' | 'hard-link' | 'other';
  /** Permission bits. */
  readonly mode: number;
  /** Bytes of the file, holes included. */
  readonly size: number;
  /** Bytes of a sparse file that the archive does not hold, which read as zeros. */
  readonly holes: number;
  /** What a link names; empty for all others. */
  readonly linkName: string;
}

/** Takes the content of one file, in order. */
export interface ContentSink {
  /** The bytes are valid during the call only. */
  write(bytes: Buffer): void;
  end(): void;
}

/** Called for each entry; the sink that it gives takes the content, `null` has it skipped. */
export type OnTarEntry = (entry: TarEntry) => ContentSink | null;

/** Reads a tar archive as its bytes come, without keeping more than a header of it. */
export interface TarReader {
  /** @throws ElfgateError `malformed` or `limit` */
  push(bytes: Buffer): void;
  /** Says that no more bytes come. @throws ElfgateError `malformed` when the archive is not complete. */
  end(): void;
}

/** What has to come before the archive goes on. */
type Expected =
  | { readonly kind: 'header' }
  /** Content of an extension header, which is kept whole. */
  | { readonly kind: 'extension'; readonly type: string; readonly bytes: Buffer; filled: number }
  /** A block of pieces after an old GNU sparse header. */
  | { readonly kind: 'sparse-block'; readonly header: TarHeader; readonly pieces: SparsePiece[] }
  /** Decimal lines before the content of a sparse file. */
  | { readonly kind: 'sparse-lines'; readonly header: TarHeader; readonly realSize: number; bytes: Buffer }
  | { readonly kind: 'content'; readonly sink: ContentSink | null; left: number }
  | { readonly kind: 'padding'; left: number }
  /** After the block of zeros: whatever follows is no part of the archive. */
  | { readonly kind: 'nothing' };

/**
 * A reader of ustar, pax and GNU archives, with long names, binary numbers and sparse files.
 *
 * Own code, because tar-stream 3 takes the pieces of sparse files for headers, merges names that are no UTF-8, and
 * needs half as long for a Debian root as inflating it does.
 */
export function tarReader(onEntry: OnTarEntry): TarReader {
  let expected: Expected = { kind: 'header' };
  // A block that came in two chunks.
  const partial = Buffer.alloc(blockBytes);
  let partialBytes = 0;
  let global: PaxRecords = new Map();
  let extended: PaxRecords = new Map();
  let longName: string | null = null;
  let longLink: string | null = null;

  /** The next whole block, or `null` until its end comes. */
  const takeBlock = (bytes: Buffer, offset: number): Buffer | null => {
    if (partialBytes === 0 && bytes.length - offset >= blockBytes) {
      return bytes.subarray(offset, offset + blockBytes);
    }
    partialBytes += bytes.copy(partial, partialBytes, offset, offset + blockBytes - partialBytes);
    return partialBytes === blockBytes ? partial : null;
  };

  const record = (keyword: string): string | undefined => extended.get(keyword)?.at(-1) ?? global.get(keyword)?.at(-1);

  const sizeOf = (keyword: string): number | null => {
    const digits = record(keyword);
    if (digits === undefined) {
      return null;
    }
    const size = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
    if (!Number.isSafeInteger(size)) {
      throw new ElfgateError('malformed', `an extended header of the tar archive says that ${keyword} is no number`);
    }
    return size;
  };

  const onHeader = (block: Buffer): Expected => {
    const header = readTarHeader(block);
    if (header === null) {
      return { kind: 'nothing' };
    }
    if (extensionTypes.has(header.type)) {
      if (header.size > limits.tarExtensionBytes) {
        throw new ElfgateError(
          'limit',
          `an extended header of the tar archive has ${header.size} bytes, more than ${limits.tarExtensionBytes}`,
        );
      }
      return afterPadding({ kind: 'extension', type: header.type, bytes: Buffer.alloc(header.size), filled: 0 });
    }
    if (header.type === 'S') {
      const { pieces, goesOn } = oldGnuPieces(block, 'header');
      // The block is overwritten by those that follow.
      const kept = { ...header, block: Buffer.from(block) };
      return goesOn
        ? { kind: 'sparse-block', header: kept, pieces: [...pieces] }
        : begin(kept, oldGnuRealSize(block), pieces, header.size);
    }
    const stored = sizeOf('size') ?? header.size;
    const realSize = sizeOf('GNU.sparse.realsize') ?? sizeOf('GNU.sparse.size');
    if (realSize === null) {
      return begin(header, stored, null, stored);
    }
    if (record('GNU.sparse.major') === '1') {
      return { kind: 'sparse-lines', header: { ...header, size: stored }, realSize, bytes: Buffer.alloc(0) };
    }
    return begin(header, realSize, paxPieces(extended), stored);
  };

  /** Tells of an entry, and expects its stored bytes. */
  const begin = (
    header: TarHeader,
    size: number,
    pieces: readonly SparsePiece[] | null,
    storedBytes: number,
    storedFrom = 0,
  ): Expected => {
    const kind = kindOf(header);
    // Links and devices carry no content, whatever their headers say; directories and unknown types may.
    const stored = contentTypes(kind) || header.type === 'D' ? storedBytes : 0;
    if (pieces !== null) {
      assertPieces(pieces, size, storedBytes - storedFrom);
    }
    const sink = onEntry({
      path: record('GNU.sparse.name') ?? longName ?? record('path') ?? header.name,
      kind,
      mode: header.mode,
      size: kind === 'file' ? size : 0,
      holes: kind === 'file' && pieces !== null ? size - (storedBytes - storedFrom) : 0,
      linkName: kind === 'file' || kind === 'directory' ? '' : (longLink ?? record('linkpath') ?? header.linkName),
    });
    extended = new Map();
    longName = null;
    longLink = null;
    const taking = sink === null || kind !== 'file' ? null : pieces === null ? sink : withHoles(sink, pieces, size);
    const left = stored - storedFrom;
    if (left === 0) {
      taking?.end();
      return padded(stored);
    }
    paddingAfter = stored;
    return { kind: 'content', sink: taking, left };
  };

  // Stored bytes of the entry whose content comes now, which its padding depends on.
  let paddingAfter = 0;

  const afterPadding = (extension: Expected & { kind: 'extension' }): Expected => {
    paddingAfter = extension.bytes.length;
    return extension.bytes.length === 0 ? { kind: 'header' } : extension;
  };

  const onExtension = (type: string, bytes: Buffer): void => {
    switch (type) {
      case 'x':
      case 'X':
        extended = readPaxRecords(bytes);
        return;
      case 'g':
        global = new Map([...global, ...readPaxRecords(bytes)]);
        return;
      case 'L':
        longName = decodePath(untilZero(bytes));
        return;
      default:
        longLink = decodePath(untilZero(bytes));
    }
  };

  return {
    push(bytes) {
      let offset = 0;
      while (offset < bytes.length) {
        switch (expected.kind) {
          case 'header':
          case 'sparse-block':
          case 'sparse-lines': {
            const before = partialBytes;
            const block = takeBlock(bytes, offset);
            offset += block === null ? bytes.length - offset : blockBytes - before;
            if (block === null) {
              break;
            }
            partialBytes = 0;
            if (expected.kind === 'header') {
              expected = onHeader(block);
            } else if (expected.kind === 'sparse-block') {
              const { pieces, goesOn } = oldGnuPieces(block, 'extension');
              expected.pieces.push(...pieces);
              if (expected.pieces.length > limits.tarSparsePieces) {
                throw new ElfgateError('limit', `a sparse file has more than ${limits.tarSparsePieces} pieces`);
              }
              if (!goesOn) {
                const { header } = expected;
                expected = begin(header, oldGnuRealSize(header.block), expected.pieces, header.size);
              }
            } else {
              expected.bytes = Buffer.concat([expected.bytes, block]);
              const map = leadingPieces(expected.bytes);
              if (map !== null) {
                expected = begin(expected.header, expected.realSize, map.pieces, expected.header.size, map.bytes);
              } else if (expected.bytes.length >= Math.min(expected.header.size, limits.tarExtensionBytes)) {
                throw new ElfgateError('malformed', 'the list of pieces of a sparse file does not end');
              }
            }
            break;
          }
          case 'extension': {
            const count = bytes.copy(expected.bytes, expected.filled, offset);
            expected.filled += count;
            offset += count;
            if (expected.filled === expected.bytes.length) {
              onExtension(expected.type, expected.bytes);
              expected = padded(paddingAfter);
            }
            break;
          }
          case 'content': {
            const count = Math.min(expected.left, bytes.length - offset);
            expected.sink?.write(bytes.subarray(offset, offset + count));
            expected.left -= count;
            offset += count;
            if (expected.left === 0) {
              expected.sink?.end();
              expected = padded(paddingAfter);
            }
            break;
          }
          case 'padding': {
            const count = Math.min(expected.left, bytes.length - offset);
            expected.left -= count;
            offset += count;
            if (expected.left === 0) {
              expected = { kind: 'header' };
            }
            break;
          }
          case 'nothing':
            return;
        }
      }
    },
    end() {
      // Some writers leave the blocks of zeros out, and some the last padding.
      const complete = expected.kind === 'nothing' || expected.kind === 'padding' || expected.kind === 'header';
      if (!complete || partialBytes !== 0) {
        throw new ElfgateError('malformed', 'the tar archive ends in the middle of an entry');
      }
    },
  };
}

// Type flags of headers whose content tells of the next entry: pax, Solaris' pax, pax global, GNU long name and link.
const extensionTypes: ReadonlySet<string> = new Set(['x', 'X', 'g', 'L', 'K']);

function kindOf(header: TarHeader): TarEntry['kind'] {
  switch (header.type) {
    case '1':
      return 'hard-link';
    case '2':
      return 'symbolic-link';
    case '3':
    case '4':
    case '6':
      return 'other';
    case '5':
    case 'D':
      return 'directory';
    // Volume labels and the rest of a file that began on another tape.
    case 'V':
    case 'M':
      return 'other';
    default:
      // Before ustar, directories were files whose names end in a slash; unknown types count as files (POSIX).
      return header.name.endsWith('/') && (header.type === '0' || header.type === '\0') ? 'directory' : 'file';
  }
}

const contentTypes = (kind: TarEntry['kind']): boolean => kind === 'file';

function padded(bytes: number): Expected {
  const left = (blockBytes - (bytes % blockBytes)) % blockBytes;
  return left === 0 ? { kind: 'header' } : { kind: 'padding', left };
}

function untilZero(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

const zeros = Buffer.alloc(65_536);

/** A sink that writes the holes between pieces as zeros. */
function withHoles(sink: ContentSink, pieces: readonly SparsePiece[], size: number): ContentSink {
  let position = 0;
  let index = 0;
  const fillTo = (offset: number): void => {
    while (position < offset) {
      const count = Math.min(zeros.length, offset - position);
      sink.write(zeros.subarray(0, count));
      position += count;
    }
  };
  return {
    write(bytes) {
      let offset = 0;
      while (offset < bytes.length) {
        const piece = pieces[index];
        if (piece === undefined) {
          return;
        }
        fillTo(piece.offset);
        const count = Math.min(piece.offset + piece.length - position, bytes.length - offset);
        sink.write(bytes.subarray(offset, offset + count));
        position += count;
        offset += count;
        if (position === piece.offset + piece.length) {
          index += 1;
        }
      }
    },
    end() {
      fillTo(size);
      sink.end();
    },
  };
}
