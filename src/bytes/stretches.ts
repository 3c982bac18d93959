import type { ByteSource } from './byte-source.ts';

/** A part of a range that is looked through from its start to its end. */
export interface Stretch {
  /** Offset in the file, bytes. */
  readonly offset: number;
  /** Valid until the next stretch is asked for: its memory is used again. */
  readonly bytes: Buffer;
}

export interface StretchOptions {
  /** By how many bytes each stretch reaches into the next, so that no text of one byte more is cut in two. */
  readonly overlap?: number;
  /** Length of the entries of a table, none of which is to be cut in two. */
  readonly entryBytes?: number;
}

// Small enough to stay in the caches of a processor from its reading to its use.
const stretchBytes = 1 << 18;

// Looking through a large file with a new buffer for each stretch leaves garbage by the hundred megabytes, which is
// not collected before the memory of the process has grown by as much.
const idle: Buffer[] = [];

/**
 * A range of a file, stretch by stretch: a quarter of a megabyte of memory however long it is. A source in memory gives
 * all of it at once.
 *
 * @throws FormatError when the range is not inside the file.
 */
export function* stretches(
  source: ByteSource,
  offset: number,
  length: number,
  { overlap = 0, entryBytes = 1 }: StretchOptions = {},
): Generator<Stretch> {
  const { readInto } = source;
  if (readInto === undefined || length <= smallBytes) {
    yield { offset, bytes: source.read(offset, length) };
    return;
  }
  const step = stretchBytes - (stretchBytes % entryBytes);
  const memory = idle.pop() ?? Buffer.allocUnsafeSlow(stretchBytes + longestOverlap);
  try {
    for (let start = 0; start < length; start += step) {
      const bytes = memory.subarray(0, Math.min(step + Math.min(overlap, longestOverlap), length - start));
      readInto.call(source, bytes, offset + start);
      yield { offset: offset + start, bytes };
    }
  } finally {
    idle.push(memory);
  }
}

const smallBytes = 65_536;
const longestOverlap = 4_096;
