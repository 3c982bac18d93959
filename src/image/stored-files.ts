import { close, closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ElfgateError } from '../errors.ts';

/** The files of a layout or archive, by their path in it. */
export interface StoredFiles {
  /** For messages: a path. */
  readonly name: string;
  /** Bytes of a file; null when there is none. @throws ElfgateError `unreadable` */
  sizeOf(path: string): number | null;
  /** Opens a file, which {@link streamOf} or its owner closes. @throws ElfgateError `not-found`, `unreadable` */
  open(path: string): OpenFile;
}

/** A stretch of an open file of this machine. */
export interface OpenFile {
  /** For messages. */
  readonly path: string;
  readonly descriptor: number;
  /** Of the first byte. */
  readonly offset: number;
  readonly size: number;
}

/** The files of a directory. */
export function directoryFiles(directory: string): StoredFiles {
  return {
    name: directory,
    sizeOf(path) {
      const file = openRegular(join(directory, path));
      if (file !== null) {
        closeSync(file.descriptor);
      }
      return file?.size ?? null;
    },
    open(path) {
      const file = openRegular(join(directory, path));
      if (file === null) {
        throw new ElfgateError('not-found', `${join(directory, path)}: there is no such file`);
      }
      return file;
    },
  };
}

/** Opens a regular file; null when there is none. @throws ElfgateError `unreadable` */
export function openRegular(path: string): OpenFile | null {
  let descriptor: number;
  try {
    // O_NONBLOCK keeps a named pipe from blocking before it is recognised as no regular file.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return null;
    }
    throw unreadable(path, cause);
  }
  const status = fstatSync(descriptor);
  if (!status.isFile()) {
    closeSync(descriptor);
    throw new ElfgateError('unreadable', `${path}: not a regular file`);
  }
  return { path, descriptor, offset: 0, size: status.size };
}

const pieceBytes = 1_048_576;

/**
 * The bytes of an open file as a stream, which closes it at its end. Not by `createReadStream`, which loads
 * `node:fs/promises` and all that comes with it: a twentieth of the time before a layer is read.
 */
export function streamOf({ path, descriptor, offset, size }: OpenFile): Readable {
  const end = offset + size;
  let position = offset;
  let whenRead: (() => void) | null = null;
  let isReading = false;
  return new Readable({
    highWaterMark: pieceBytes,
    read() {
      if (position >= end) {
        this.push(null);
        return;
      }
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, end - position));
      isReading = true;
      read(descriptor, piece, 0, piece.length, position, (error, count) => {
        isReading = false;
        if (whenRead !== null) {
          whenRead();
        } else if (error !== null) {
          this.destroy(unreadable(path, error));
        } else {
          // A file that shrank ends sooner.
          position = count === 0 ? end : position + count;
          this.push(count === 0 ? null : piece.subarray(0, count));
        }
      });
    },
    destroy(error, done) {
      const closeFile = (): void => close(descriptor, (failure) => done(error ?? failure));
      // What is read into a piece must not come from whatever gets this descriptor next.
      if (isReading) {
        whenRead = closeFile;
      } else {
        closeFile();
      }
    },
  });
}

/** A whole file in memory. @throws ElfgateError `not-found`, `unreadable`, `limit` when it has more than `most` bytes. */
export function readStored(files: StoredFiles, path: string, most: number): Buffer {
  const size = files.sizeOf(path);
  if (size === null) {
    throw new ElfgateError('not-found', `${files.name}: holds no ${path}`);
  }
  if (size > most) {
    throw new ElfgateError('limit', `${files.name}: ${path} has more than ${most} bytes`);
  }
  return readStart(files.open(path), size);
}

/** The first bytes of an open file, as many as there are up to a length; closes it. @throws ElfgateError `unreadable` */
export function readStart({ path, descriptor, offset, size }: OpenFile, length: number): Buffer {
  const start = Buffer.allocUnsafeSlow(Math.min(length, size));
  try {
    let filled = 0;
    let count = 1;
    while (filled < start.length && count > 0) {
      count = readSync(descriptor, start, filled, start.length - filled, offset + filled);
      filled += count;
    }
    return start.subarray(0, filled);
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(path: string, cause: unknown): ElfgateError {
  return new ElfgateError('unreadable', `${path}: cannot be read (${codeOf(cause)})`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
