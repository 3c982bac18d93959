import { createHash } from 'node:crypto';
import type { ByteSource } from './byte-source.ts';

const chunkBytes = 1 << 20;

/** SHA-256 of all bytes, hexadecimal. Reads a chunk at a time, so that memory does not grow with the file. */
export function sha256(source: ByteSource): string {
  const hash = createHash('sha256');
  for (let offset = 0; offset < source.size; offset += chunkBytes) {
    hash.update(source.read(offset, Math.min(chunkBytes, source.size - offset)));
  }
  return hash.digest('hex');
}
