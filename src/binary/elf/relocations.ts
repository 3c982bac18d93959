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
  const layout = layoutOf(header);
  const { littleEndian } = header.encoding;
  for (const { lazy, entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    const view = viewOf(fields.bytes);
    for (let at = 0; at < view.byteLength; at += entryBytes) {
      const symbol = view.getUint32(at + layout.symbol, littleEndian) >>> layout.symbolShift;
      if (symbol !== 0) {
        if (relocations.length >= limits.symbolRelocations) {
          throw new FormatError(
            dynamic.offset,
            `more than ${limits.symbolRelocations} relocations refer to symbols, which is more than are read`,
          );
        }
        const type = (view.getUint32(at + layout.type, littleEndian) >>> layout.typeShift) & layout.typeMask;
        relocations.push({ address: fields.word(at), symbol, type: type >>> 0, lazy });
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
  const { addressBytes, is64, littleEndian } = header.encoding;
  const layout = layoutOf(header);
  const [low, high] = littleEndian || !is64 ? [0, 4] : [4, 0];
  for (const { entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    const view = viewOf(fields.bytes);
    // Elf64_Rela and Elf32_Rela end with it.
    const addendPlace = entryBytes === 3 * addressBytes ? 2 * addressBytes : null;
    const word = (at: number): number =>
      (is64 ? view.getUint32(at + high, littleEndian) * 0x1_0000_0000 : 0) + view.getUint32(at + low, littleEndian);
    for (let at = 0; at < view.byteLength; at += entryBytes) {
      const address = word(at);
      const type = ((view.getUint32(at + layout.type, littleEndian) >>> layout.typeShift) & layout.typeMask) >>> 0;
      const symbol = view.getUint32(at + layout.symbol, littleEndian) >>> layout.symbolShift;
      const addend = addendPlace === null ? null : word(at + addendPlace);
      if (isWanted(address, type, symbol, addend)) {
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
  const { symbol: place, symbolShift } = layoutOf(header);
  for (const { entryBytes, fields } of stretchesOfTables(header, dynamic, memory)) {
    const view = viewOf(fields.bytes);
    for (let at = place; at < view.byteLength; at += entryBytes) {
      const symbol = view.getUint32(at, littleEndian) >>> symbolShift;
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

// A plugin has fifty thousand relocations, and every file is asked: no calls for a field of each, which a short run is too
// short to make fast.
function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Where in an entry the 32-bit fields of `r_info` stand, bytes, and which of their bits count. */
interface EntryLayout {
  readonly symbol: number;
  readonly symbolShift: number;
  readonly type: number;
  readonly typeShift: number;
  readonly typeMask: number;
}

function layoutOf({ machine, encoding: { is64, littleEndian } }: ElfHeader): EntryLayout {
  if (!is64) {
    return { symbol: 4, symbolShift: 8, type: 4, typeShift: 0, typeMask: 0xff };
  }
  // 64-bit MIPS packs symbol, special symbol and three types as single fields, so that in little-endian files the halves
  // of r_info stand the other way round, and the type is the last byte (MIPS ELF supplement 64-bit, "Relocation").
  if (machine === EM.mips && littleEndian) {
    return { symbol: 8, symbolShift: 0, type: 12, typeShift: 24, typeMask: 0xff };
  }
  return littleEndian
    ? { symbol: 12, symbolShift: 0, type: 8, typeShift: 0, typeMask: -1 }
    : { symbol: 8, symbolShift: 0, type: 12, typeShift: 0, typeMask: -1 };
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
