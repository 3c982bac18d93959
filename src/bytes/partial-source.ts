import { NotKeptError } from '../errors.ts';
import { assertInside, type ByteSource } from './byte-source.ts';

/** A part of a file. */
export interface Part {
  /** Offset in the file, bytes. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export interface RecordingSource {
  readonly source: ByteSource;
  /** What was read so far, in the order of the file; parts neither touch nor overlap. */
  parts(): readonly Part[];
}

/** The same source, which notes what is read of it. */
export function recordingSource(file: ByteSource): RecordingSource {
  const { readInto } = file;
  // By offset, as the same tables are read more than once.
  const longest = new Map<number, number>();
  const note = (offset: number, length: number): void => {
    if (length > (longest.get(offset) ?? 0)) {
      longest.set(offset, length);
    }
  };
  return {
    source: {
      size: file.size,
      read(offset, length) {
        const bytes = file.read(offset, length);
        note(offset, length);
        return bytes;
      },
      ...(readInto === undefined
        ? {}
        : {
            readInto(target: Buffer, offset: number) {
              readInto.call(file, target, offset);
              note(offset, target.length);
            },
          }),
    },
    parts: () => joined([...longest].map(([offset, length]) => ({ offset, length }))),
  };
}

// Bytes between two parts that are kept along with them: naming another part takes as many.
const smallGap = 16;

function joined(parts: readonly Part[]): readonly Part[] {
  const result: { offset: number; length: number }[] = [];
  for (const { offset, length } of parts.toSorted((left, right) => left.offset - right.offset)) {
    const last = result.at(-1);
    if (last !== undefined && offset <= last.offset + last.length + smallGap) {
      last.length = Math.max(last.length, offset + length - last.offset);
    } else {
      result.push({ offset, length });
    }
  }
  return result;
}

/** A part with its bytes. */
export interface KeptPart {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * A file of which only parts were kept, in the order of the file. Reading anything else of it throws a
 * {@link NotKeptError}: nobody is to take missing bytes for zeros.
 *
 * @param size of the whole file, bytes.
 * @param path names it in errors.
 */
export function partialSource(size: number, parts: readonly KeptPart[], path: string): ByteSource {
  const read = (offset: number, length: number): Buffer => {
    assertInside(offset, length, size);
    if (length === 0) {
      return Buffer.alloc(0);
    }
    const part = partBefore(parts, offset);
    if (part === undefined || offset + length > part.offset + part.bytes.length) {
      throw new NotKeptError(path);
    }
    return part.bytes.subarray(offset - part.offset, offset - part.offset + length);
  };
  return {
    size,
    read,
    // Whoever searches stops where it finds something, and what comes after that was not read, nor kept.
    readInto(target, offset) {
      read(offset, target.length).copy(target);
    },
  };
}

/** The last part that begins at an offset or before it. Hostile files have parts by the ten thousand. */
function partBefore(parts: readonly KeptPart[], offset: number): KeptPart | undefined {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((parts[middle]?.offset ?? 0) <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return parts[low - 1];
}
