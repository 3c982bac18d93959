import { randomUUID } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteSource, bufferSource, descriptorSource } from '../../bytes/byte-source.ts';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { ContentSink } from './tar-reader.ts';

/** Bytes of one file, by which work on them is found again. */
export interface KeptContent {
  readonly size: number;
  /** @param path names the file in errors. */
  source(path: string): ByteSource;
}

/** The bytes of one file of a layer, for as long as the {@link FileContents} they are in is open. */
export interface FileContent extends KeptContent {
  /** Where the bytes are, for another thread of this process. */
  place(): ContentPlace;
}

/** Bytes that every thread of the process can read: in shared memory, or in an open file. */
export type ContentPlace =
  | { readonly kind: 'memory'; readonly bytes: Uint8Array<SharedArrayBuffer> }
  | { readonly kind: 'file'; readonly descriptor: number; readonly start: number; readonly size: number };

/** @param path names the file in errors. */
export function sourceAt(place: ContentPlace, path: string): ByteSource {
  return place.kind === 'memory' ? bufferSource(place.bytes) : descriptorSource(place.descriptor, place, path);
}

/**
 * Keeps the bytes of files: small ones in memory up to a bound, all others in one temporary file.
 *
 * The file has no name from the moment it is opened, so that nothing of it stays behind however the process ends.
 */
export interface FileContents {
  /**
   * Takes the content of one file; what it says of it is known once the sink has ended.
   *
   * @throws ElfgateError `limit` when it is, or all are, larger than what is kept; `unreadable` when the temporary file
   * cannot be written.
   */
  take(size: number): ContentSink & { readonly content: FileContent };
  close(): void;
}

/** @param temporaryDirectory where the temporary file is made when it is needed. */
export function fileContents(temporaryDirectory: string): FileContents {
  let spill: number | null = null;
  let inMemory = 0;
  let spilled = 0;
  let closed = false;

  const spillFile = (): number => {
    if (closed) {
      throw new ElfgateError('unreadable', 'the files of this image are closed already');
    }
    spill ??= openUnnamed(temporaryDirectory);
    return spill;
  };

  const kept = (bytes: number): void => {
    if (inMemory + spilled + bytes > limits.keptImageBytes) {
      throw new ElfgateError(
        'limit',
        `the binaries of the image have more than ${limits.keptImageBytes} bytes in all, the limit of what is kept`,
      );
    }
  };

  return {
    take(size) {
      if (size > limits.keptFileBytes) {
        throw new ElfgateError(
          'limit',
          `a binary of ${size} bytes is larger than the limit of ${limits.keptFileBytes}`,
        );
      }
      kept(size);
      if (size <= limits.keptFileInMemoryBytes && inMemory + size <= limits.keptInMemoryBytes) {
        inMemory += size;
        const memory = new Uint8Array(new SharedArrayBuffer(size));
        let filled = 0;
        return {
          write(bytes) {
            memory.set(bytes, filled);
            filled += bytes.length;
          },
          end() {},
          content: contentAt(size, () => ({ kind: 'memory', bytes: memory })),
        };
      }
      // Files of several layers are written at once, each into its own stretch.
      const start = spilled;
      spilled += size;
      let filled = 0;
      return {
        write(bytes) {
          writeAll(spillFile(), bytes, start + filled, temporaryDirectory);
          filled += bytes.length;
        },
        end() {},
        content: contentAt(size, () => ({ kind: 'file', descriptor: spillFile(), start, size })),
      };
    },
    close() {
      closed = true;
      if (spill !== null) {
        closeSync(spill);
        spill = null;
      }
    },
  };
}

function contentAt(size: number, place: () => ContentPlace): FileContent {
  return { size, place, source: (path) => sourceAt(place(), path) };
}

function openUnnamed(directory: string): number {
  const path = join(directory, `elfgate-${randomUUID()}`);
  try {
    // Fails if the name is taken, by a symbolic link too, and gives nobody else access.
    const descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return descriptor;
  } catch (cause) {
    throw unwritable(directory, cause);
  }
}

function writeAll(descriptor: number, bytes: Buffer, position: number, directory: string): void {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
    } catch (cause) {
      throw unwritable(directory, cause);
    }
  }
}

function unwritable(directory: string, cause: unknown): ElfgateError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new ElfgateError('unreadable', `${directory}: no temporary file can be written (${code})`, {
    hint: 'free some space there, or name another directory with TMPDIR',
    cause,
  });
}
