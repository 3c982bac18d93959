import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type Builtins, plain } from './builtin.ts';
import { textOf } from './operands.ts';

/** Hashes of the UTF-8 of a text, in hexadecimal. */
export const hashes: Builtins = {
  'crypto.md5': plain((text) => hash('md5', text)),
  'crypto.sha1': plain((text) => hash('sha1', text)),
  'crypto.sha256': plain((text) => hash('sha256', text)),
  'crypto.hmac.md5': plain((text, key) => keyedHash('md5', text, key)),
  'crypto.hmac.sha1': plain((text, key) => keyedHash('sha1', text, key)),
  'crypto.hmac.sha256': plain((text, key) => keyedHash('sha256', text, key)),
  'crypto.hmac.sha512': plain((text, key) => keyedHash('sha512', text, key)),
  'crypto.hmac.equal': plain((a, b) => {
    const [left, right] = [Buffer.from(textOf(a)), Buffer.from(textOf(b))];
    return left.length === right.length && timingSafeEqual(left, right);
  }),
};

function hash(algorithm: string, text: unknown): string {
  return createHash(algorithm).update(textOf(text)).digest('hex');
}

function keyedHash(algorithm: string, text: unknown, key: unknown): string {
  return createHmac(algorithm, textOf(key)).update(textOf(text)).digest('hex');
}
