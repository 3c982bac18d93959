import { createHash } from 'node:crypto';
import type { ByteSource } from './byte-source.ts';
import { stretches } from './stretches.ts';

/** SHA-256 of all bytes, hexadecimal. Memory does not grow with the file. */
export function sha256(source: ByteSource): string {
  const hash = createHash('sha256');
  for (const { bytes } of stretches(source, 0, source.size)) {
    hash.update(bytes);
  }
  return hash.digest('hex');
}
