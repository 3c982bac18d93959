import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { type Encoding, words32 } from './encoding.ts';
import { symbolCountByHash } from './hash-tables.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, SHN, SHT, STB, STT, STV } from './names.ts';
import type { Section } from './sections.ts';
import { StringTable } from './string-table.ts';

/**
 * A symbol table, read as columns: a Go host has ten thousand symbols, and most questions touch one column.
 *
 * Indexes run from 0, the reserved undefined symbol, to `length - 1`.
 */
export class SymbolTable {
  readonly length: number;
  readonly strings: StringTable;
  /** Offset of the table in the file, bytes. */
  readonly offset: number;
  readonly #words: Uint32Array;
  readonly #at: SymbolLayout;
  #sorted: { readonly imports: readonly number[]; readonly exports: readonly number[] } | undefined;
  #nameOffsets: Uint32Array | undefined;
  #definitions: Definitions | undefined;

  constructor(bytes: Buffer, encoding: Encoding, strings: StringTable, offset: number) {
    this.#at = layoutOf(encoding);
    this.#words = words32(bytes, encoding);
    this.length = Math.floor(bytes.length / symbolBytes(encoding));
    this.strings = strings;
    this.offset = offset;
  }

  /** Where the symbol itself stands in the file, bytes. */
  fileOffset(index: number): number {
    return this.offset + index * this.#at.words * 4;
  }

  nameOffset(index: number): number {
    return this.#words[index * this.#at.words] ?? 0;
  }

  /**
   * Where each symbol's name starts in the string table, by index. Questions about thousands of names are answered by
   * this column, because a short run is over before a compiler has made the accessors fast.
   */
  get nameOffsets(): Uint32Array {
    this.#nameOffsets ??= this.#readNameOffsets();
    return this.#nameOffsets;
  }

  #readNameOffsets(): Uint32Array {
    const offsets = new Uint32Array(this.length);
    const words = this.#words;
    const step = this.#at.words;
    for (let index = 0, at = 0; index < offsets.length; index++, at += step) {
      offsets[index] = words[at] ?? 0;
    }
    return offsets;
  }

  /**
   * What of each symbol says who binds to it: `st_info`, `st_other` and `st_shndx` from the lowest bit on, in whatever order
   * they stand in the file, and whether the symbol has a value.
   */
  get kinds(): { readonly words: Uint32Array; readonly isValued: Uint8Array } {
    const kinds = new Uint32Array(this.length);
    const isValued = new Uint8Array(this.length);
    const words = this.#words;
    const { words: step, kind, value, high, low, infoShift, otherShift, sectionShift } = this.#at;
    for (let index = 0, at = 0; index < kinds.length; index++, at += step) {
      const word = words[at + kind] ?? 0;
      kinds[index] =
        ((word >>> infoShift) & 0xff) |
        (((word >>> otherShift) & 0xff) << 8) |
        (((word >>> sectionShift) & 0xffff) << 16);
      isValued[index] = words[at + value + low] !== 0 || words[at + value + high] !== 0 ? 1 : 0;
    }
    return { words: kinds, isValued };
  }

  /** Indexes of the symbols whose names start at one of some offsets in the string table, ascending. */
  namedAt(starts: ReadonlySet<number>): readonly number[] {
    if (starts.size === 0) {
      return [];
    }
    const { nameOffsets } = this;
    // A column of marks is passed over sooner than a set.
    const isWanted = new Uint8Array(this.strings.bytes.length);
    for (const start of starts) {
      isWanted[start] = 1;
    }
    const found: number[] = [];
    for (let index = 1; index < nameOffsets.length; index++) {
      if (isWanted[nameOffsets[index] ?? 0] === 1) {
        found.push(index);
      }
    }
    return found;
  }

  /** @throws FormatError when the name lies outside the string table. */
  name(index: number): string {
    return this.strings.at(this.nameOffset(index));
  }

  /** STB_* */
  binding(index: number): number {
    return this.#info(index) >>> 4;
  }

  /** STT_* */
  type(index: number): number {
    return this.#info(index) & 0xf;
  }

  /** `st_info` */
  #info(index: number): number {
    const { words, kind, infoShift } = this.#at;
    return ((this.#words[index * words + kind] ?? 0) >>> infoShift) & 0xff;
  }

  /** `st_other`; its lowest two bits are the visibility. */
  other(index: number): number {
    const { words, kind, otherShift } = this.#at;
    return ((this.#words[index * words + kind] ?? 0) >>> otherShift) & 0xff;
  }

  /** Index of the section that defines it, or one of SHN_*. */
  section(index: number): number {
    const { words, kind, sectionShift } = this.#at;
    return ((this.#words[index * words + kind] ?? 0) >>> sectionShift) & 0xffff;
  }

  value(index: number): number {
    return this.#word(index * this.#at.words + this.#at.value);
  }

  /** Bytes that the symbol covers. */
  size(index: number): number {
    return this.#word(index * this.#at.words + this.#at.size);
  }

  #word(at: number): number {
    const { wide, low, high } = this.#at;
    const lower = this.#words[at + low] ?? 0;
    const upper = wide ? (this.#words[at + high] ?? 0) : 0;
    return upper === 0 ? lower : upper * 0x1_0000_0000 + lower;
  }

  /** Indexes of symbols wanted from another object: undefined here, and not local. */
  get imports(): readonly number[] {
    this.#sorted ??= this.#sort();
    return this.#sorted.imports;
  }

  /** Indexes of symbols offered to other objects: defined here, not local, neither hidden nor internal. */
  get exports(): readonly number[] {
    this.#sorted ??= this.#sort();
    return this.#sorted.exports;
  }

  /** Whether a symbol is one of {@link exports}. */
  isExport(index: number): boolean {
    const { words, kind, infoShift, otherShift, sectionShift } = this.#at;
    const word = this.#words[index * words + kind] ?? 0;
    const visibility = (word >>> otherShift) & 3;
    return (
      index !== 0 &&
      ((word >>> sectionShift) & 0xffff) !== SHN.undefined &&
      ((word >>> infoShift) & 0xff) >>> 4 !== STB.local &&
      (visibility === STV.default || visibility === STV.protected)
    );
  }

  /**
   * Whether a loader binds to a symbol: glibc's do_lookup_x (`elf/dl-lookup.c`) passes over those without a value, unless
   * they are absolute or thread-local.
   */
  isDefinition(index: number): boolean {
    return (
      this.isExport(index) &&
      (this.value(index) !== 0 || this.section(index) === SHN.absolute || this.type(index) === STT.tls)
    );
  }

  /** All for which {@link isDefinition} holds. */
  get definitions(): Definitions {
    this.#definitions ??= this.#findDefinitions();
    return this.#definitions;
  }

  #findDefinitions(): Definitions {
    const marks = new Uint8Array(this.length);
    const threadLocal: number[] = [];
    let [lowestValue, highestValue] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const words = this.#words;
    const { words: step, kind, infoShift, otherShift, sectionShift, value: valueAt, wide, low, high } = this.#at;
    const [{ tls }, { absolute }, { protected: isProtected }] = [STT, SHN, STV];
    for (let index = 1, at = step; index < marks.length; index++, at += step) {
      const word = words[at + kind] ?? 0;
      const section = (word >>> sectionShift) & 0xffff;
      const visibility = (word >>> otherShift) & 3;
      const info = (word >>> infoShift) & 0xff;
      if (section === 0 || info < firstGlobalInfo || (visibility !== 0 && visibility !== isProtected)) {
        continue;
      }
      if ((info & 0xf) === tls) {
        threadLocal.push(index);
        marks[index] = 1;
        continue;
      }
      const upper = wide ? (words[at + valueAt + high] ?? 0) : 0;
      const lower = words[at + valueAt + low] ?? 0;
      const value = upper === 0 ? lower : upper * 0x1_0000_0000 + lower;
      if (section === absolute) {
        marks[index] = 1;
      } else if (value !== 0) {
        marks[index] = 1;
        if (value < lowestValue) {
          lowestValue = value;
        }
        if (value > highestValue) {
          highestValue = value;
        }
      }
    }
    return { marks, threadLocal, lowestValue, highestValue };
  }

  // Half a dozen questions start from these lists. They are made in one pass over the bytes, because a short run is
  // over before a compiler has made the accessors above fast.
  #sort(): { readonly imports: readonly number[]; readonly exports: readonly number[] } {
    const imports: number[] = [];
    const exports: number[] = [];
    const words = this.#words;
    const { words: step, kind, infoShift, otherShift, sectionShift } = this.#at;
    for (let index = 1, at = step; index < this.length; index++, at += step) {
      const word = words[at + kind] ?? 0;
      if (((word >>> infoShift) & 0xff) >>> 4 === STB.local) {
        continue;
      }
      if (((word >>> sectionShift) & 0xffff) === SHN.undefined) {
        if (words[at] !== 0) {
          imports.push(index);
        }
        continue;
      }
      const visibility = (word >>> otherShift) & 3;
      if (visibility === STV.default || visibility === STV.protected) {
        exports.push(index);
      }
    }
    return { imports, exports };
  }
}

/** Symbols that loaders bind to. */
export interface Definitions {
  /** By index: 1 for a definition. */
  readonly marks: Uint8Array;
  /** Indexes of those in thread-local storage, ascending. */
  readonly threadLocal: readonly number[];
  /** Between which virtual addresses the others lie that are not absolute; infinite when there are none. */
  readonly lowestValue: number;
  readonly highestValue: number;
}

// The binding stands in the upper half of `st_info`, and local is 0.
const firstGlobalInfo = STB.global << 4;

/** Which words of 32 bits of a symbol hold its fields, the name's first (gABI chapter 4, "Symbol Table"). */
interface SymbolLayout {
  /** Words of a symbol. */
  readonly words: number;
  /** Whether values and sizes take two words. */
  readonly wide: boolean;
  /** Where in a field of two words the lower and the upper half stand. */
  readonly low: number;
  readonly high: number;
  readonly value: number;
  readonly size: number;
  /** The word of `st_info`, `st_other` and `st_shndx`, which stand in this order. */
  readonly kind: number;
  readonly infoShift: number;
  readonly otherShift: number;
  readonly sectionShift: number;
}

function layoutOf({ is64, littleEndian }: Encoding): SymbolLayout {
  const shifts = littleEndian
    ? { infoShift: 0, otherShift: 8, sectionShift: 16 }
    : { infoShift: 24, otherShift: 16, sectionShift: 0 };
  const [low, high] = littleEndian ? [0, 1] : [1, 0];
  return is64
    ? { words: 6, wide: true, low, high, value: 2, size: 4, kind: 1, ...shifts }
    : { words: 4, wide: false, low: 0, high: 0, value: 1, size: 2, kind: 3, ...shifts };
}

/** Bytes of one symbol: 24 in 64-bit files, 16 in 32-bit ones (gABI chapter 4, "Symbol Table"). */
function symbolBytes(encoding: Encoding): number {
  return encoding.is64 ? 24 : 16;
}

/**
 * The symbols that the run-time linker works with, found through the dynamic section.
 *
 * Their number is stated nowhere. It is the largest that the hash tables, the relocations and, where it describes
 * the same table, the section header speak of.
 *
 * @param highestSymbol the highest number that a relocation refers to; asked for when the table is there.
 * @throws FormatError when the table lies outside the file.
 */
export function readDynamicSymbols(
  header: ElfHeader,
  sections: readonly Section[],
  dynamic: DynamicSection,
  memory: MemoryImage,
  highestSymbol: (dynamic: DynamicSection) => number,
): SymbolTable {
  const address = dynamicValue(dynamic, DT.symtab);
  if (address === null) {
    return new SymbolTable(Buffer.alloc(0), header.encoding, dynamic.strings, dynamic.offset);
  }
  const entryBytes = symbolBytes(header.encoding);
  const claimedEntryBytes = dynamicValue(dynamic, DT.symbolEntry);
  if (claimedEntryBytes !== null && claimedEntryBytes !== entryBytes) {
    throw new FormatError(dynamic.offset, `a dynamic symbol of ${claimedEntryBytes} bytes is not one of ${entryBytes}`);
  }
  const offset = memory.offsetOf(address);
  const described = sections.find((section) => section.type === SHT.dynsym && section.offset === offset);
  const count = Math.max(
    symbolCountByHash(header, dynamic, memory),
    described === undefined ? 0 : Math.floor(described.size / entryBytes),
    highestSymbol(dynamic) + 1,
  );
  if (count > limits.dynamicSymbols) {
    throw new FormatError(
      offset ?? 0,
      `${count} dynamic symbols are more than the ${limits.dynamicSymbols} that are read`,
    );
  }
  const bytes = memory.read(address, count * entryBytes, `the table of ${count} dynamic symbols`);
  return new SymbolTable(bytes, header.encoding, dynamic.strings, offset ?? 0);
}

/** Symbols of `.symtab` that are handed out at a time: it can be larger than memory should hold. */
const chunkSymbols = 65_536;

/**
 * The linker's own symbol table, a chunk at a time; nothing for a stripped file.
 *
 * @throws FormatError when the table or its names lie outside the file.
 */
export function* readLinkSymbols(
  source: ByteSource,
  header: ElfHeader,
  sections: readonly Section[],
): Generator<SymbolTable> {
  const table = linkSymbolSection(sections);
  if (table === null) {
    return;
  }
  const entryBytes = symbolBytes(header.encoding);
  const count = Math.floor(table.size / entryBytes);
  const names = sections[table.link];
  if (names === undefined || names.type !== SHT.strtab) {
    throw new FormatError(
      table.at,
      `the symbol table's names are said to be in section ${table.link}, which holds none`,
    );
  }
  if (count > limits.symbols || names.size > limits.stringTableBytes * 4) {
    throw new FormatError(table.at, `${count} symbols with ${names.size} bytes of names are more than are read`);
  }
  const strings = new StringTable(source.read(names.offset, names.size), names.offset);
  for (let first = 0; first < count; first += chunkSymbols) {
    const length = Math.min(chunkSymbols, count - first);
    const offset = table.offset + first * entryBytes;
    yield new SymbolTable(source.read(offset, length * entryBytes), header.encoding, strings, offset);
  }
}

/** The section header of `.symtab`; `null` when the file is stripped of it. */
export function linkSymbolSection(sections: readonly Section[]): Section | null {
  return sections.find((section) => section.type === SHT.symtab) ?? null;
}
