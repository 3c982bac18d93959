import { decodeName, gnuHash, type StringTable } from '../../binary/elf/string-table.ts';
import { systemVHash } from '../library-closure/symbol-hash.ts';

/**
 * A name that is looked up. A plugin has ten thousand of them, of which a loader sees the bytes and the hash; the text is
 * made for the few that somebody reads about.
 */
export class SymbolReference {
  readonly version: string | null;
  /** The string table that holds the name, and where it begins and ends in there. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  #gnuHash: number | undefined;

  constructor(bytes: Buffer, start: number, end: number, version: string | null) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.version = version;
  }

  get name(): string {
    return decodeName(this.bytes.subarray(this.start, this.end));
  }

  get gnuHash(): number {
    this.#gnuHash ??= gnuHash(this.bytes, this.start);
    return this.#gnuHash;
  }

  get systemVHash(): number {
    return systemVHash(this.bytes, this.start);
  }

  /** Whether a string table holds the same name at an offset. */
  isAt(strings: Buffer, start: number): boolean {
    const end = start + this.end - this.start;
    return strings[end] === 0 && strings.compare(this.bytes, this.start, this.end, start, end) === 0;
  }
}

/** A reference without a version to a name that is known here. */
export function referenceTo(name: string): SymbolReference {
  const bytes = Buffer.from(`${name}\0`);
  return new SymbolReference(bytes, 0, bytes.length - 1, null);
}

/**
 * A reference to a name in a string table.
 *
 * @throws FormatError when the name does not lie in the table.
 */
export function referenceAt(strings: StringTable, start: number, version: string | null): SymbolReference {
  return new SymbolReference(strings.bytes, start, strings.endOf(start), version);
}
