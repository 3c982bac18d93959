import { isAscii } from 'node:buffer';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';

// Linkers let a name be the end of another one, so that all names together may be longer than the table; twice as long
// is the most that was seen. Without a bound, a table of one long name and a million offsets into it holds a terabyte.
const mostTimesDecoded = 16;
// A name that is only measured is not kept, and may be asked for by each of a few questions.
const mostTimesMeasured = 4 * mostTimesDecoded;

// Names of larger tables, which are those of debug symbols, are asked for once and would fill the memory.
const largestKept = 16_777_216;

/** A string table: NUL-terminated names, found by their offset (gABI chapter 4, "String Table"). */
export class StringTable {
  readonly bytes: Buffer;
  /** Offset of the table in the file, for messages. */
  readonly offset: number;
  readonly #names = new Map<number, string>();
  #decodedBytes = 0;
  #measuredBytes = 0;

  constructor(bytes: Buffer, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /**
   * The name at an offset from the table's start.
   *
   * @throws FormatError when it starts outside the table, does not end in it, or is absurdly long, alone or together
   * with the other names.
   */
  at(start: number): string {
    const kept = this.#names.get(start);
    if (kept !== undefined) {
      return kept;
    }
    if (start === 0 && this.bytes.length === 0) {
      return '';
    }
    const end = this.#endOf(start);
    this.#decodedBytes += end - start;
    this.#assertBounded(this.#decodedBytes, mostTimesDecoded);
    const name = recurringName(this.bytes, start, end) ?? decodeName(this.bytes.subarray(start, end));
    if (this.bytes.length <= largestKept) {
      this.#names.set(start, name);
    }
    return name;
  }

  /**
   * Where the name at an offset ends, without decoding it: loaders compare bytes.
   *
   * @throws FormatError as {@link at} does.
   */
  endOf(start: number): number {
    const end = this.#endOf(start);
    this.addMeasured(end - start);
    return end;
  }

  /**
   * For who walks through the bytes of names without asking for their ends: how many bytes these were.
   *
   * @throws FormatError when the names overlap absurdly.
   */
  addMeasured(bytes: number): void {
    this.#measuredBytes += bytes;
    this.#assertBounded(this.#measuredBytes, mostTimesMeasured);
  }

  /** Where a text starts in the table: ten thousand names need not be decoded to find the few that start with it. */
  offsetsOf(text: string): ReadonlySet<number> {
    const needle = Buffer.from(text);
    const found = new Set<number>();
    for (let at = this.bytes.indexOf(needle); at !== -1; at = this.bytes.indexOf(needle, at + 1)) {
      found.add(at);
    }
    return found;
  }

  /**
   * {@link gnuHash} of many names, as signed numbers. In a loop of its own and without a call for each: a short
   * run is over before a compiler has made anything longer fast.
   *
   * @throws FormatError as {@link at} does.
   */
  hashesOf(starts: Uint32Array): Int32Array {
    const hashes = new Int32Array(starts.length);
    const { bytes } = this;
    let measured = 0;
    for (let index = 0; index < hashes.length; index++) {
      const start = starts[index] ?? 0;
      let at = start;
      let hash = 5381;
      for (let byte = bytes[at] ?? 0; byte !== 0; byte = bytes[at] ?? 0) {
        // Times 33. Signed: half of the unsigned values are no small integers, each of which would be allocated.
        hash = ((hash << 5) + hash + byte) | 0;
        at += 1;
      }
      hashes[index] = hash;
      measured += at - start;
      if (at >= bytes.length || at - start > limits.nameBytes) {
        this.endOf(start);
      }
      if (measured > bytes.length) {
        this.addMeasured(measured);
        measured = 0;
      }
    }
    return hashes;
  }

  #endOf(start: number): number {
    if (start >= this.bytes.length) {
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
    return end;
  }

  #assertBounded(bytes: number, times: number): void {
    if (bytes > times * this.bytes.length + limits.nameBytes) {
      throw new FormatError(
        this.offset,
        `the names in this string table of ${this.bytes.length} bytes overlap so much that all are ${times} times as long`,
      );
    }
  }
}

/** Hash of a name in a string table, as DT_GNU_HASH has it (h * 33 + c from 5381). */
export function gnuHash(strings: Uint8Array, start: number): number {
  let hash = 5381;
  for (let at = start; at < strings.length && strings[at] !== 0; at++) {
    // Signed until the end: half of the unsigned values are no small integers, each of which would be allocated.
    hash = (Math.imul(hash, 33) + (strings[at] ?? 0)) | 0;
  }
  return hash >>> 0;
}

// Sections, versions and libraries have the same few names in each file of a root: decoding one takes as long as comparing
// fifty of its like, most of it for leaving JavaScript and coming back.
const recurring = new Map<number, string>();
const mostRecurring = 4_096;
const longestRecurring = 32;

/** A short name of ASCII, decoded when it was first seen; `null` for any other. */
function recurringName(bytes: Buffer, start: number, end: number): string | null {
  const length = end - start;
  if (length > longestRecurring) {
    return null;
  }
  let hash = length;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7f) {
      return null;
    }
    hash = (Math.imul(hash, 33) + byte) | 0;
  }
  const known = recurring.get(hash);
  if (known === undefined) {
    const name = bytes.toString('latin1', start, end);
    if (recurring.size < mostRecurring) {
      recurring.set(hash, name);
    }
    return name;
  }
  // Whoever writes a file can make two names have one hash.
  let isSame = known.length === length;
  for (let index = 0; isSame && index < length; index++) {
    isSame = known.charCodeAt(index) === bytes[start + index];
  }
  return isSame ? known : null;
}

/**
 * Text of a name, UTF-8 where it is that. In one that is not, each byte above 0x7f becomes a character of a range for
 * private use, U+F780 to U+F7FF, so that two different names never read the same.
 */
export function decodeName(bytes: Buffer): string {
  const latin = bytes.toString('latin1');
  // Pure ASCII, which nearly every name is, reads the same in both; only the others are worth a second look.
  if (isAscii(bytes)) {
    return latin;
  }
  const text = bytes.toString('utf8');
  return !/[\uf780-\uf7ff]/.test(text) && Buffer.from(text, 'utf8').equals(bytes) ? text : withoutEncoding(latin);
}

function withoutEncoding(latin: string): string {
  return latin.replaceAll(/[\x80-\xff]/g, (byte) => String.fromCharCode(0xf700 + byte.charCodeAt(0)));
}

/** The bytes that {@link decodeName} made a name of. */
export function encodeName(name: string): Buffer {
  const isEncoded = !/[\uf780-\uf7ff]/.test(name);
  return isEncoded
    ? Buffer.from(name, 'utf8')
    : Buffer.from(
        name.replaceAll(/[\uf780-\uf7ff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) - 0xf700)),
        'latin1',
      );
}
