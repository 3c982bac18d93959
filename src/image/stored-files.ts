import { closeSync, constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ElfgateError } from '../errors.ts';

/** The files of a layout or archive, by their path in it. */
export interface StoredFiles {
  /** For messages: a path. */
  readonly name: string;
  /** Bytes of a file; null when there is none. */
  sizeOf(path: string): Promise<number | null>;
  /** All bytes of a file, or a part of them from the first on. @throws ElfgateError `not-found`, `unreadable` */
  stream(path: string, length?: number): Promise<Readable>;
}

/** The files of a directory. */
export function directoryFiles(directory: string): StoredFiles {
  return {
    name: directory,
    async sizeOf(path) {
      const file = openRegular(join(directory, path));
      if (file !== null) {
        closeSync(file.descriptor);
      }
      return file?.size ?? null;
    },
    async stream(path, length) {
      const file = openRegular(join(directory, path));
      if (file === null) {
        throw new ElfgateError('not-found', `${join(directory, path)}: there is no such file`);
      }
      return streamOf(file, 0, length);
    },
  };
}

/** A file of this machine that is open, until {@link streamOf} or its owner closes it. */
export interface OpenFile {
  readonly descriptor: number;
  readonly size: number;
}

/** A part of an open file as a stream, which closes the file at its end. @param length all of it unless given. */
export function streamOf({ descriptor }: OpenFile, start: number, length: number | undefined): Readable {
  return createReadStream('', {
    fd: descriptor,
    start,
    ...(length === undefined ? {} : { end: start + Math.max(0, length - 1) }),
    highWaterMark: 1_048_576,
  });
}

/**
 * Opens a regular file; null when there is none. Not by `node:fs/promises`, which takes nine milliseconds to load.
 *
 * @throws ElfgateError `unreadable`
 */
export function openRegular(path: string): OpenFile | null {
  let descriptor: number;
  try {
    // O_NONBLOCK keeps a named pipe from blocking before it is recognised as no regular file.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return null;
    }
    throw new ElfgateError('unreadable', `${path}: cannot be read (${code})`, { cause });
  }
  const status = fstatSync(descriptor);
  if (!status.isFile()) {
    closeSync(descriptor);
    throw new ElfgateError('unreadable', `${path}: not a regular file`);
  }
  return { descriptor, size: status.size };
}

/** A whole file in memory. @throws ElfgateError `not-found`, `limit` when it has more than `most` bytes. */
export async function readStored(files: StoredFiles, path: string, most: number): Promise<Buffer> {
  const size = await files.sizeOf(path);
  if (size === null) {
    throw new ElfgateError('not-found', `${files.name}: holds no ${path}`);
  }
  if (size > most) {
    throw new ElfgateError('limit', `${files.name}: ${path} has more than ${most} bytes`);
  }
  if (size === 0) {
    return Buffer.alloc(0);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await files.stream(path, size)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
