import { isUtf8 } from 'node:buffer';
import { ElfgateError } from '../../errors.ts';

/** Headers, and the content of each entry, fill whole blocks (POSIX.1-2001, pax, "ustar Interchange Format"). */
export const blockBytes = 512;

/** One header block, with the fields that elfgate reads. Names are as stored; long ones come from extension headers. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  /** Bytes that follow in the archive. */
  readonly size: number;
  readonly type: string;
  readonly linkName: string;
  /** The header of an old GNU sparse file, whose list of pieces goes on in its own blocks. */
  readonly block: Buffer;
}

/**
 * Reads a header block; `null` for a block of zeros, which ends the archive.
 *
 * @throws ElfgateError `malformed` when the checksum is wrong or a number is none.
 */
export function readTarHeader(block: Buffer): TarHeader | null {
  if (!checksumHolds(block)) {
    if (block.every((byte) => byte === 0)) {
      return null;
    }
    throw new ElfgateError('malformed', 'a header of the tar archive has a wrong checksum');
  }
  // GNU writes `ustar  ` and uses the place of the prefix for other things.
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8) & 0o7777,
    size: number(block, 124, 12),
    type: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
    block,
  };
}

/** The unsigned sum of all bytes with the checksum's own taken as spaces; historic programs summed signed bytes. */
function checksumHolds(block: Buffer): boolean {
  let unsigned = 8 * 32;
  let high = 0;
  for (let index = 0; index < blockBytes; index++) {
    if (index < 148 || index >= 156) {
      const byte = block[index] ?? 0;
      unsigned += byte;
      high += byte >> 7;
    }
  }
  const stored = octal(block, 148, 8);
  return stored !== null && unsigned !== 8 * 32 && (stored === unsigned || stored === unsigned - 256 * high);
}

/**
 * A number of a header: octal digits, or, where the first bit is set, binary (GNU and star).
 *
 * @throws ElfgateError `malformed` when it is neither, negative, or larger than can be counted exactly.
 */
export function number(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if ((first & 0x80) === 0) {
    const value = octal(block, offset, length);
    if (value === null) {
      throw new ElfgateError('malformed', 'a header of the tar archive has a number that is none');
    }
    return value;
  }
  let value = first & 0x7f;
  for (let index = offset + 1; index < offset + length; index++) {
    value = value * 256 + (block[index] ?? 0);
  }
  if (!Number.isSafeInteger(value)) {
    throw new ElfgateError('malformed', 'a header of the tar archive has a number that is negative or too large');
  }
  return value;
}

/** `null` for anything but octal digits between spaces and zeros; 0 where nothing is written. */
function octal(block: Buffer, offset: number, length: number): number | null {
  let value = 0;
  let ended = false;
  let begun = false;
  for (let index = offset; index < offset + length; index++) {
    const byte = block[index] ?? 0;
    if (byte === 0 || byte === 32) {
      ended ||= begun;
    } else if (byte >= 48 && byte <= 55 && !ended) {
      begun = true;
      value = value * 8 + (byte - 48);
    } else {
      return null;
    }
  }
  return value;
}

/** Text up to the first zero byte. */
function text(block: Buffer, offset: number, length: number): string {
  if (block[offset] === 0) {
    return '';
  }
  const end = block.indexOf(0, offset);
  return decodePath(block.subarray(offset, end === -1 ? offset + length : Math.min(end, offset + length)));
}

/**
 * A path as text. Linux has bytes for names; those that are no UTF-8 are shown as `\xe9`, so that two names stay two.
 */
export function decodePath(bytes: Buffer): string {
  if (isUtf8(bytes)) {
    return bytes.toString('utf8');
  }
  return bytes.toString('latin1').replaceAll(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
