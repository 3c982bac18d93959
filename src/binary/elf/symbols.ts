import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { type Encoding, Fields } from './encoding.ts';
import { symbolCountByHash } from './hash-tables.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, SHN, SHT, STB, visibilityName } from './names.ts';
import { highestSymbol } from './relocations.ts';
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
  readonly #fields: Fields;
  readonly #entryBytes: number;
  readonly #is64: boolean;
  #sorted: { readonly imports: readonly number[]; readonly exports: readonly number[] } | undefined;
  #nameOffsets: Uint32Array | undefined;

  constructor(bytes: Buffer, encoding: Encoding, strings: StringTable, offset: number) {
    this.#entryBytes = symbolBytes(encoding);
    this.#is64 = encoding.is64;
    this.#fields = new Fields(bytes, encoding);
    this.length = Math.floor(bytes.length / this.#entryBytes);
    this.strings = strings;
    this.offset = offset;
  }

  /** Where the symbol itself stands in the file, bytes. */
  fileOffset(index: number): number {
    return this.offset + index * this.#entryBytes;
  }

  nameOffset(index: number): number {
    return this.#fields.u32(index * this.#entryBytes);
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
    const { bytes, encoding } = this.#fields;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0, at = 0; index < offsets.length; index++, at += this.#entryBytes) {
      offsets[index] = view.getUint32(at, encoding.littleEndian);
    }
    return offsets;
  }

  /** @throws FormatError when the name lies outside the string table. */
  name(index: number): string {
    return this.strings.at(this.nameOffset(index));
  }

  /** STB_* */
  binding(index: number): number {
    return this.#fields.u8(index * this.#entryBytes + (this.#is64 ? 4 : 12)) >> 4;
  }

  /** STT_* */
  type(index: number): number {
    return this.#fields.u8(index * this.#entryBytes + (this.#is64 ? 4 : 12)) & 0xf;
  }

  /** `st_other`; its lowest two bits are the visibility. */
  other(index: number): number {
    return this.#fields.u8(index * this.#entryBytes + (this.#is64 ? 5 : 13));
  }

  /** Index of the section that defines it, or one of SHN_*. */
  section(index: number): number {
    return this.#fields.u16(index * this.#entryBytes + (this.#is64 ? 6 : 14));
  }

  value(index: number): number {
    return this.#fields.word(index * this.#entryBytes + (this.#is64 ? 8 : 4));
  }

  /** Bytes that the symbol covers. */
  size(index: number): number {
    return this.#is64 ? this.#fields.u64(index * 24 + 16) : this.#fields.u32(index * 16 + 8);
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

  isExport(index: number): boolean {
    if (index === 0 || this.section(index) === SHN.undefined || this.binding(index) === STB.local) {
      return false;
    }
    const visibility = visibilityName(this.other(index));
    return visibility === 'default' || visibility === 'protected';
  }

  // Half a dozen questions start from these lists. They are made in one pass over the bytes, because a short run is
  // over before a compiler has made the accessors above fast.
  #sort(): { readonly imports: readonly number[]; readonly exports: readonly number[] } {
    const imports: number[] = [];
    const exports: number[] = [];
    const { bytes } = this.#fields;
    const info = this.#is64 ? 4 : 12;
    for (let index = 1; index < this.length; index++) {
      const at = index * this.#entryBytes + info;
      const binding = (bytes[at] ?? 0) >> 4;
      if (binding === STB.local) {
        continue;
      }
      // st_other follows st_info and st_shndx that, in both classes.
      if (bytes[at + 2] === 0 && bytes[at + 3] === 0) {
        if (this.nameOffset(index) !== 0) {
          imports.push(index);
        }
        continue;
      }
      const visibility = (bytes[at + 1] ?? 0) & 3;
      // Default is 0, protected 3.
      if (visibility === 0 || visibility === 3) {
        exports.push(index);
      }
    }
    return { imports, exports };
  }
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
 * @throws FormatError when the table lies outside the file.
 */
export function readDynamicSymbols(
  header: ElfHeader,
  sections: readonly Section[],
  dynamic: DynamicSection,
  memory: MemoryImage,
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
    highestSymbol(header, dynamic, memory) + 1,
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
