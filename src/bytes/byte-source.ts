import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ElfgateError, FormatError } from '../errors.ts';

/**
 * Random access to the bytes of one file, wherever they are kept.
 *
 * Reading is synchronous: one binary is read by one thread from start to end, and who wants several at once
 * uses several threads.
 */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`. The result may share memory with the source: never write to it.
   *
   * @throws FormatError when the range is not inside the file.
   * @throws ElfgateError `unreadable` when the system cannot read it.
   */
  read(offset: number, length: number): Buffer;
  /**
   * Fills `target` with the bytes from `offset`. Absent where the bytes are in memory already and a copy is a waste.
   *
   * @throws as {@link ByteSource.read} does.
   */
  readInto?(target: Buffer, offset: number): void;
  /** Whether the memory that {@link read} gives is used again: who keeps bytes for longer than the source keeps copies. */
  readonly isLent?: boolean;
}

/** A source over bytes that are in memory already. */
export function bufferSource(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    size: buffer.length,
    read(offset, length) {
      assertInside(offset, length, buffer.length);
      return buffer.subarray(offset, offset + length);
    },
  };
}

/** A {@link ByteSource} over an open file; {@link FileSource.close} gives the handle back. */
export interface FileSource extends ByteSource {
  close(): void;
}

// Most structures of a binary are a few bytes long and lie close together: reads below the page size are served
// from pages, so that a header costs one system call and not twenty.
const pageSize = 64 * 1024;
const pagesKept = 8;

/**
 * Opens a regular file for random access.
 *
 * @throws ElfgateError `unreadable` when it cannot be opened or is not a regular file.
 */
export function openFile(path: string): FileSource {
  let descriptor: number;
  let size: number;
  try {
    // O_NONBLOCK keeps a named pipe from blocking before it is recognised as no regular file.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) {
      throw new ElfgateError('unreadable', `${path}: not a regular file`);
    }
    size = status.size;
  } catch (cause) {
    closeSync(descriptor);
    throw cause instanceof ElfgateError ? cause : unreadable(path, cause);
  }

  const source = descriptorSource(descriptor, { start: 0, size }, path);
  return {
    ...source,
    close() {
      closeSync(descriptor);
    },
  };
}

/**
 * A stretch of an open file, as a source of its own. Closing the file stays with whoever opened it.
 *
 * @param stretch in bytes.
 * @param path names it in errors.
 */
export function descriptorSource(
  descriptor: number,
  { start, size }: { readonly start: number; readonly size: number },
  path: string,
): ByteSource & Required<Pick<ByteSource, 'readInto'>> {
  const pages = new Map<number, Buffer>();

  const readInto = (target: Buffer, offset: number): void => {
    assertInside(offset, target.length, size);
    let done = 0;
    while (done < target.length) {
      let count: number;
      try {
        count = readSync(descriptor, target, done, target.length - done, start + offset + done);
      } catch (cause) {
        throw unreadable(path, cause);
      }
      if (count === 0) {
        throw new FormatError(offset + done, 'the file ends here, although its size said more (it shrank while read)');
      }
      done += count;
    }
  };

  const readExactly = (offset: number, length: number): Buffer => {
    const target = Buffer.allocUnsafeSlow(length);
    readInto(target, offset);
    return target;
  };

  const page = (index: number): Buffer => {
    const kept = pages.get(index);
    if (kept !== undefined) {
      return kept;
    }
    const pageStart = index * pageSize;
    const bytes = readExactly(pageStart, Math.min(pageSize, size - pageStart));
    if (pages.size >= pagesKept) {
      const oldest = pages.keys().next();
      if (!oldest.done) {
        pages.delete(oldest.value);
      }
    }
    pages.set(index, bytes);
    return bytes;
  };

  return {
    size,
    read(offset, length) {
      assertInside(offset, length, size);
      const first = Math.floor(offset / pageSize);
      const within = offset - first * pageSize;
      if (within + length <= pageSize) {
        return length === 0 ? Buffer.alloc(0) : page(first).subarray(within, within + length);
      }
      return readExactly(offset, length);
    },
    readInto,
  };
}

/** @throws FormatError when a range is not inside a file of that size. */
export function assertInside(offset: number, length: number, size: number): void {
  if (
    !Number.isSafeInteger(offset) ||
    !Number.isSafeInteger(length) ||
    offset < 0 ||
    length < 0 ||
    offset > size - length
  ) {
    throw new FormatError(
      Number.isSafeInteger(offset) ? offset : 0,
      `${length} bytes from here lie outside the file of ${size} bytes`,
    );
  }
}

function unreadable(path: string, cause: unknown): ElfgateError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const sentence = code === 'ENOENT' ? 'there is no such file or directory' : `cannot be read (${code})`;
  return new ElfgateError('unreadable', `${path}: ${sentence}`, {
    hint: code === 'ENOENT' ? 'check the path' : 'check that you may read it: ls -l',
    cause,
  });
}
