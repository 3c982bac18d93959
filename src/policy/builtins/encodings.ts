import { type Builtins, plain } from './builtin.ts';

export const encodings: Builtins = {
  'base64url.encode_no_pad': plain((text) =>
    typeof text === 'string' ? Buffer.from(text).toString('base64url') : undefined,
  ),
  'hex.decode': plain(decodeHex),
  'hex.encode': plain(encodeHex),
};

/** `hex.encode`: the UTF-8 bytes of a string. */
function encodeHex(text: unknown): string | undefined {
  return typeof text === 'string' ? Buffer.from(text).toString('hex') : undefined;
}

/** `hex.decode`: undefined for what is not hexadecimal, or does not decode to UTF-8. */
function decodeHex(digits: unknown): string | undefined {
  if (typeof digits !== 'string' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    return undefined;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(digits, 'hex'));
  } catch {
    return undefined;
  }
}
