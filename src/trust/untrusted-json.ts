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

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes in base64. Node's own decoder skips what it does not know. @throws Rejection */
export function base64Of(value: unknown, what: string): Buffer {
  const text = textOf(value, what);
  if (!base64.test(text)) {
    throw new Rejection(`${what} is not base64`);
  }
  return Buffer.from(text, 'base64');
}

/** The deepest level of brackets outside of texts, found without building anything. */
function nesting(bytes: Uint8Array): number {
  let level = 0;
  let deepest = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inText) {
      if (byte === 0x5c) {
        index += 1;
      } else if (byte === 0x22) {
        inText = false;
      }
    } else if (byte === 0x22) {
      inText = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      level += 1;
      deepest = Math.max(deepest, level);
    } else if (byte === 0x7d || byte === 0x5d) {
      level -= 1;
    }
  }
  return deepest;
}
