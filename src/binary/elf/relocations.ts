import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, EM } from './names.ts';

/** One place that the run-time linker patches (gABI chapter 4, "Relocation"). */
export interface Relocation {
  /** Virtual address of the place. */
  readonly address: number;
  /** Number of the dynamic symbol it refers to; 0 when it needs none. */
  readonly symbol: number;
  /** R_*, whose meaning is the processor's. */
  readonly type: number;
  /** Whether the linker may leave it until the first call (it is in DT_JMPREL). */
  readonly lazy: boolean;
}

/** How many relocations there are of each kind; relative ones in RELR are counted by what they expand to. */
export interface RelocationCounts {
  readonly rel: number;
  readonly rela: number;
  readonly relr: number;
}

/**
 * Relocations that refer to a symbol, in file order, of DT_RELA, DT_REL and DT_JMPREL.
 *
 * Relative ones are left out: libLLVM has 700,000 of them, and they answer no question that this program asks.
 *
 * @throws FormatError when a table lies outside the file or there are more than any linker writes.
 */
export function readSymbolRelocations(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
): readonly Relocation[] {
  const relocations: Relocation[] = [];
  for (const { lazy, entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    for (let at = 0; at < fields.bytes.length; at += entryBytes) {
      const symbol = symbolOf(fields, at, header);
      if (symbol !== 0) {
        if (relocations.length >= limits.symbolRelocations) {
          throw new FormatError(
            dynamic.offset,
            `more than ${limits.symbolRelocations} relocations refer to symbols, which is more than are read`,
          );
        }
        relocations.push({ address: fields.word(at), symbol, type: typeOf(fields, at, header), lazy });
      }
    }
  }
  return relocations;
}

/**
 * The first relocation, relative ones included, that a question picks; `null` when it picks none. The addend is `null`
 * where it stands at the place that is patched.
 *
 * @throws FormatError when a table lies outside the file.
 */
export function findRelocation(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
  isWanted: (address: number, type: number, symbol: number, addend: number | null) => boolean,
): FoundRelocation | null {
  const { addressBytes } = header.encoding;
  for (const { entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    const hasAddend = entryBytes === 3 * addressBytes;
    for (let at = 0; at < fields.bytes.length; at += entryBytes) {
      const address = fields.word(at);
      const type = typeOf(fields, at, header);
      // Elf64_Rela and Elf32_Rela end with it.
      const addend = hasAddend ? fields.word(at + 2 * addressBytes) : null;
      if (isWanted(address, type, symbolOf(fields, at, header), addend)) {
        return { address, type, addend };
      }
    }
  }
  return null;
}

export interface FoundRelocation extends Pick<Relocation, 'address' | 'type'> {
  /** `null` in DT_REL, where it stands at the place itself. */
  readonly addend: number | null;
}

/**
 * The highest number of a dynamic symbol that a relocation refers to; 0 when none refers to any.
 *
 * @throws FormatError when a table lies outside the file.
 */
export function highestSymbol(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): number {
  let highest = 0;
  const { littleEndian } = header.encoding;
  const { place, shift } = symbolField(header);
  for (const { entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    const { bytes } = fields;
    // A plugin has fifty thousand of them, and every file is asked: no call more than one for each.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = place; at < bytes.length; at += entryBytes) {
      const symbol = view.getUint32(at, littleEndian) >>> shift;
      if (symbol > highest) {
        highest = symbol;
      }
    }
  }
  return highest;
}

/** @throws FormatError when a table lies outside the file. */
export function countRelocations(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): RelocationCounts {
  let rel = 0;
  let rela = 0;
  for (const table of tables(header, dynamic, memory)) {
    if (table.addend) {
      rela += table.count;
    } else {
      rel += table.count;
    }
  }
  return { rel, rela, relr: countRelative(header, dynamic, memory) };
}

interface RelocationTable {
  readonly address: number;
  readonly count: number;
  readonly entryBytes: number;
  readonly addend: boolean;
  readonly lazy: boolean;
}

function tables(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): readonly RelocationTable[] {
  const value = (tag: number): number | null => dynamicValue(dynamic, tag);
  const wanted = [
    { address: value(DT.rela), bytes: value(DT.relaSize), addend: true, lazy: false },
    { address: value(DT.rel), bytes: value(DT.relSize), addend: false, lazy: false },
    { address: value(DT.jmpRel), bytes: value(DT.pltRelSize), addend: value(DT.pltRel) === DT.rela, lazy: true },
  ];
  return wanted.flatMap(({ address, bytes, addend, lazy }) => {
    const entryBytes = header.encoding.addressBytes * (addend ? 3 : 2);
    const count = Math.floor((bytes ?? 0) / entryBytes);
    if (address === null || count === 0) {
      return [];
    }
    const offset = memory.offsetOfAll(address, count * entryBytes, 'the relocations');
    if (count > limits.relocations) {
      throw new FormatError(offset, `${count} relocations are more than the ${limits.relocations} that are read`);
    }
    return [{ address, count, entryBytes, addend, lazy }];
  });
}

interface StretchOfTable {
  readonly lazy: boolean;
  readonly entryBytes: number;
  /** Whole entries. */
  readonly fields: Fields;
}

function* stretchesOfTables(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
): Generator<StretchOfTable> {
  for (const { address, count, entryBytes, lazy } of tables(header, dynamic, memory)) {
    for (const { bytes } of memory.stretches(address, count * entryBytes, entryBytes, 'the relocations')) {
      yield { lazy, entryBytes, fields: new Fields(bytes, header.encoding) };
    }
  }
}

// 64-bit MIPS packs symbol, special symbol and three types as single fields, so that in little-endian files the
// halves of r_info stand the other way round (MIPS ELF supplement 64-bit, "Relocation").
function hasMipsInfo({ machine, encoding }: ElfHeader): boolean {
  return machine === EM.mips && encoding.is64 && encoding.littleEndian;
}

function symbolOf(fields: Fields, at: number, header: ElfHeader): number {
  const { place, shift } = symbolField(header);
  return fields.u32(at + place) >>> shift;
}

/** Where in an entry the symbol's number stands, and how many bits of the word below it are not part of it. */
function symbolField(header: ElfHeader): { readonly place: number; readonly shift: number } {
  const { is64, littleEndian } = header.encoding;
  if (!is64) {
    return { place: 4, shift: 8 };
  }
  return { place: littleEndian && !hasMipsInfo(header) ? 12 : 8, shift: 0 };
}

function typeOf(fields: Fields, at: number, header: ElfHeader): number {
  const { is64, littleEndian } = header.encoding;
  if (!is64) {
    return fields.u32(at + 4) & 0xff;
  }
  return hasMipsInfo(header) ? fields.u8(at + 15) : fields.u32(littleEndian ? at + 8 : at + 12);
}

// gABI, DT_RELR: an even word is an address, an odd one a bitmap of the words that follow the last address.
function countRelative(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): number {
  const address = dynamicValue(dynamic, DT.relr);
  const bytes = dynamicValue(dynamic, DT.relrSize);
  if (address === null || bytes === null) {
    return 0;
  }
  const wordBytes = header.encoding.addressBytes;
  const words = Math.floor(bytes / wordBytes);
  if (words > limits.relocations) {
    throw new FormatError(
      dynamic.offset,
      `${words} words of RELR are more than the ${limits.relocations} that are read`,
    );
  }
  const fields = new Fields(memory.read(address, words * wordBytes, 'the RELR relocations'), header.encoding);
  let count = 0;
  for (let at = 0; at < words * wordBytes; at += 4) {
    // The lowest bit of a word is in its first half in little-endian files and in its last in big-endian ones.
    const wordStart = at - (at % wordBytes);
    const lowHalf = header.encoding.littleEndian ? wordStart : wordStart + wordBytes - 4;
    const isBitmap = (fields.u32(lowHalf) & 1) === 1;
    if (isBitmap) {
      count += bitsSet(at === lowHalf ? fields.u32(at) & ~1 : fields.u32(at));
    } else if (at === wordStart) {
      count += 1;
    }
  }
  return count;
}

function bitsSet(word: number): number {
  let bits = 0;
  for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) {
    bits += 1;
  }
  return bits;
}
