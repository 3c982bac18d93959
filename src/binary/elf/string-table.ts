import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';

/**
 * A string table: NUL-terminated names, found by their offset (gABI chapter 4, "String Table").
 *
 * Names are decoded as Latin-1 when they are not valid UTF-8, so that two different names never become one.
 */
export class StringTable {
  readonly bytes: Buffer;
  /** Offset of the table in the file, for messages. */
  readonly offset: number;

  constructor(bytes: Buffer, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /**
   * The name at an offset from the table's start.
   *
   * @throws FormatError when it starts outside the table, does not end in it, or is absurdly long.
   */
  at(start: number): string {
    if (start >= this.bytes.length) {
      if (start === 0) {
        return '';
      }
      throw new FormatError(
        this.offset,
        `a name at ${start} lies outside this string table of ${this.bytes.length} bytes`,
      );
    }
    const end = this.bytes.indexOf(0, start);
    if (end === -1) {
      throw new FormatError(this.offset + start, 'this name does not end before its string table does');
    }
    if (end - start > limits.nameBytes) {
      throw new FormatError(
        this.offset + start,
        `a name of ${end - start} bytes is longer than the ${limits.nameBytes} that are read`,
      );
    }
    return decodeName(this.bytes.subarray(start, end));
  }
}

/** Text of a name: UTF-8 where it is that, one character a byte where it is not. */
export function decodeName(bytes: Buffer): string {
  const latin = bytes.toString('latin1');
  // Pure ASCII, which nearly every name is, reads the same in both; only the others are worth a second look.
  for (let index = 0; index < latin.length; index++) {
    if (latin.charCodeAt(index) > 0x7f) {
      const text = bytes.toString('utf8');
      return text.includes('\ufffd') ? latin : text;
    }
  }
  return latin;
}
