import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'none';

// Fewer and larger pieces than the default of 16 KiB: for each, two threads wake each other up.
const chunkSize = 1_048_576;

// Inflating goes on, on another thread, while this one looks at what came out.
const streaming = { chunkSize, highWaterMark: 2 * chunkSize };

/** How a layer is compressed, by its first bytes: media types name it too, and are sometimes wrong. */
export function compressionOf(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) {
    return 'gzip';
  }
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}

/**
 * A stream that inflates; it fails when its input ends too early.
 *
 * It gives the memory of its input back as soon as it is inflated, and {@link freeInflated} that of what came out. Left to
 * the garbage collector, which counts it, the memory of a whole root makes it look through everything a dozen times.
 */
export function decompressor(compression: 'gzip' | 'zstd'): Transform {
  const stream = compression === 'gzip' ? createGunzip(streaming) : createZstdDecompress(streaming);
  const inflate = stream._transform.bind(stream);
  stream._transform = (stored: Buffer, encoding, done) =>
    inflate(stored, encoding, (error, data) => {
      if (stored.byteLength === stored.buffer.byteLength) {
        free(stored);
      }
      done(error, data);
    });
  return stream;
}

/** @param inflated comes out of a {@link decompressor}, and is not read any more. */
export function freeInflated(inflated: Buffer): void {
  // The stream fills a piece of memory to its end, and hands it out in parts.
  if (inflated.byteOffset + inflated.byteLength === chunkSize && inflated.buffer.byteLength === chunkSize) {
    free(inflated);
  }
}

function free({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) {
    buffer.transfer(0);
  }
}
