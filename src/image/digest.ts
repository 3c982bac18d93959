import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { ElfgateError } from '../errors.ts';

/** What names bytes: `sha256:` or `sha512:` and lower-case hexadecimal digits (OCI image specification, descriptor.md). */
export type Digest = `sha256:${string}` | `sha512:${string}`;

// The two algorithms that the specification registers for content from elsewhere; its blake3 is optional.
const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest that can be verified here. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && pattern.test(text);
}

/** The digest of bytes, by SHA-256. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Whether bytes are those that a digest names.
 *
 * @param what names the bytes in the message: `registry.example.com/app: manifest`.
 * @throws ElfgateError `integrity`
 */
export function verifyBytes(bytes: Uint8Array, digest: Digest, what: string): void {
  const found = createHash(algorithmOf(digest)).update(bytes).digest('hex');
  if (found !== digest.slice(digest.indexOf(':') + 1)) {
    throw mismatch(what, digest, found);
  }
}

/**
 * Passes bytes on and fails at their end, or as soon as there are too many, unless they are the ones that were promised.
 * Whoever reads the stream must not believe its bytes before it has ended.
 *
 * @param size bytes; null where only the digest is known.
 * @param what names the bytes in the message.
 */
export function verifyingStream(digest: Digest, size: number | null, what: string): Transform {
  const hash = createHash(algorithmOf(digest));
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (size !== null && seen > size) {
        done(wrongSize(what, `has more than the ${size} bytes that were promised`));
        return;
      }
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const wrong = size === null ? null : unlessOfSize(seen, size, what);
      if (wrong !== null) {
        done(wrong);
        return;
      }
      const found = hash.digest('hex');
      done(found === digest.slice(digest.indexOf(':') + 1) ? null : mismatch(what, digest, found));
    },
  });
}

/** @throws ElfgateError `integrity` when there are other than the bytes that were promised. */
export function verifySize(bytes: Uint8Array, size: number, what: string): void {
  const wrong = unlessOfSize(bytes.length, size, what);
  if (wrong !== null) {
    throw wrong;
  }
}

function unlessOfSize(found: number, promised: number, what: string): ElfgateError | null {
  return found === promised ? null : wrongSize(what, `has ${found} bytes where ${promised} were promised`);
}

function algorithmOf(digest: Digest): 'sha256' | 'sha512' {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

const hint = 'what the registry, proxy or file holds is not what was pushed; fetch or push it again';

function mismatch(what: string, promised: Digest, found: string): ElfgateError {
  return new ElfgateError('integrity', `${what}: the bytes are not those of ${promised}, but of ${found}`, { hint });
}

function wrongSize(what: string, sentence: string): ElfgateError {
  return new ElfgateError('integrity', `${what}: ${sentence}`, { hint });
}
