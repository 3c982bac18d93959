import { limits } from '../limits.ts';
import { Rejection } from './rejection.ts';

/**
 * Parses JSON that somebody else wrote.
 *
 * @param what names it in the reason, as "the signature's payload".
 * @throws Rejection when it is too large, too deep, not UTF-8 or not JSON.
 */
export function untrustedJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > limits.attestationBytes) {
    throw new Rejection(`${what} has ${bytes.length} bytes, above the limit of ${limits.attestationBytes}`);
  }
  if (nesting(bytes) > limits.attestationDepth) {
    throw new Rejection(`${what} is nested deeper than ${limits.attestationDepth} levels`);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Rejection(`${what} is not JSON`);
  }
}

/** An object of untrusted JSON. @throws Rejection */
export function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Rejection(`${what} is not an object`);
  }
  return value as Record<string, unknown>;
}

/** A text of untrusted JSON. @throws Rejection */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') {
    throw new Rejection(`${what} is not a text`);
  }
  return value;
}

/** A list of untrusted JSON. @throws Rejection */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new Rejection(`${what} is not a list`);
  }
  return value;
}

// The last four characters. Bits that they leave over are of no matter, as in Go's decoder, which cosign reads with.
const lastOfBase64 = /^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes in base64. @throws Rejection */
export function base64Of(value: unknown, what: string): Buffer {
  const text = textOf(value, what);
  const bytes = Buffer.from(text, 'base64');
  // Node's own decoder skips what it does not know. Encoding again shows that, in a tenth of a regular expression's time.
  const again = bytes.toString('base64');
  if (again.length !== text.length || !again.startsWith(text.slice(0, -4)) || !lastOfBase64.test(text.slice(-4))) {
    throw new Rejection(`${what} is not base64`);
  }
  return bytes;
}

/** The deepest level of brackets outside of texts, found without building anything. */
function nesting(bytes: Uint8Array): number {
  let level = 0;
  let deepest = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === 0x22) {
      index = endOfText(bytes, index);
    } else if (byte === 0x7b || byte === 0x5b) {
      level += 1;
      deepest = Math.max(deepest, level);
    } else if (byte === 0x7d || byte === 0x5d) {
      level -= 1;
    }
  }
  return deepest;
}

/** Where the quote is that ends the text whose first one is at `start`; the length of the bytes where none does. */
function endOfText(bytes: Uint8Array, start: number): number {
  for (let end = bytes.indexOf(0x22, start + 1); end !== -1; end = bytes.indexOf(0x22, end + 1)) {
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === 0x5c) {
      backslashes += 1;
    }
    // Of two of them the first one is about the second, and not about the quote.
    if (backslashes % 2 === 0) {
      return end;
    }
  }
  return bytes.length;
}
