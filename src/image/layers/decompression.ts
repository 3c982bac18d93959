import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'none';

// Fewer and larger pieces than the default of 16 KiB: each costs a turn of the event loop.
const chunkSize = 262_144;

/** How a layer is compressed, by its first bytes: media types name it too, and are sometimes wrong. */
export function compressionOf(start: Buffer): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) {
    return 'gzip';
  }
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : 'none';
}

/** A stream that inflates; it fails when its input ends too early. */
export function decompressor(compression: 'gzip' | 'zstd'): Transform {
  return compression === 'gzip' ? createGunzip({ chunkSize }) : createZstdDecompress({ chunkSize });
}
