import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { Fields, words32 } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, EM } from './names.ts';

/** What the relocations of a file ask for, of all that DT_RELA, DT_REL and DT_JMPREL hold, in this order. */
export interface RelocationSurvey {
  /** The highest number of a dynamic symbol that one of them refers to; 0 when none refers to any. */
  readonly highestSymbol: number;
  /** The type of the first, and how many of it stand before one of another type. */
  readonly leading: { readonly type: number; readonly count: number };
  /** What all of a type have in common; `null` for a file with more types than any processor has. */
  readonly types: readonly RelocationsOfType[] | null;
  /** Those that refer to a symbol; `null` when they are more than are kept. */
  readonly ofSymbols: SymbolRelocations | null;
}

/** What can be said of all relocations of one type. */
export interface RelocationsOfType {
  /** R_*, whose meaning is the processor's. */
  readonly type: number;
  /** Virtual addresses of the places that are patched. */
  readonly lowestAddress: number;
  readonly highestAddress: number;
  /** As signed numbers; 0 for the addends of DT_REL, which stand at the places. */
  readonly lowestAddend: number;
  readonly highestAddend: number;
  /** Whether one of them refers to no symbol. */
  readonly lacksSymbol: boolean;
}

/**
 * Relocations that refer to a symbol, in file order, as columns: a Go plugin has eight thousand.
 *
 * Relative ones are left out: libLLVM has 700,000 of them.
 */
export interface SymbolRelocations {
  readonly length: number;
  /** Virtual addresses of the places that are patched (gABI chapter 4, "Relocation"). */
  readonly addresses: Float64Array;
  /** Numbers of dynamic symbols, which may be higher than the table of symbols is long. */
  readonly symbols: Uint32Array;
  /** R_* */
  readonly types: Uint32Array;
  /** Indexes of those that refer to another symbol than the one before. Linkers sort them by symbol. */
  readonly runs: Uint32Array;
  /** From this one on the linker may leave them until the first call: they are those of DT_JMPREL. */
  readonly firstLazy: number;
}

/** How many relocations there are of each kind; relative ones in RELR are counted by what they expand to. */
export interface RelocationCounts {
  readonly rel: number;
  readonly rela: number;
  readonly relr: number;
}

/**
 * Looks at every relocation once, for all that is ever asked of all of them.
 *
 * @throws FormatError when a table lies outside the file or has more entries than any linker writes.
 */
export function surveyRelocations(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): RelocationSurvey {
  const survey = new Survey(layoutOf(header));
  for (const { bytes, ...table } of stretchesOfTables(header, dynamic, memory)) {
    survey.take(words32(bytes, header.encoding), table);
  }
  return survey.result();
}

/**
 * The highest number of a dynamic symbol that a relocation refers to; 0 when none refers to any. For who asks for nothing
 * else of the relocations: a tenth of {@link surveyRelocations}.
 *
 * @throws FormatError when a table lies outside the file or has more entries than any linker writes.
 */
export function highestSymbol(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): number {
  const { symbolAt, symbolShift } = layoutOf(header);
  let highest = 0;
  for (const { wordsEach, bytes } of stretchesOfTables(header, dynamic, memory)) {
    const words = words32(bytes, header.encoding);
    for (let at = symbolAt; at < words.length; at += wordsEach) {
      const symbol = (words[at] ?? 0) >>> symbolShift;
      if (symbol > highest) {
        highest = symbol;
      }
    }
  }
  return highest;
}

// How many relocations refer to symbols is not known before: their columns are made longer when they are full.
// Half of the files of a root have less than this.
const fewSymbolRelocations = 256;

class Survey {
  readonly #layout: EntryLayout;
  #addresses = new Float64Array(fewSymbolRelocations);
  #symbols = new Uint32Array(fewSymbolRelocations);
  #types = new Uint32Array(fewSymbolRelocations);
  #runs = new Uint32Array(fewSymbolRelocations);
  #runCount = 0;
  #lastSymbol = 0;
  /** How many refer to symbols. */
  #length = 0;
  #firstLazy: number | null = null;
  #highestSymbol = 0;
  /** How many there are. */
  #seen = 0;
  #firstType: number | null = null;
  /** How many of the first type stand before one of another. */
  #leading: number | null = null;
  readonly #byType = new Map<number, Writable<RelocationsOfType>>();

  constructor(layout: EntryLayout) {
    this.#layout = layout;
  }

  /**
   * Adds a stretch of a table, in one loop over words, without calls and without numbers that need memory of their own:
   * most files are done before a compiler has made anything else fast.
   */
  take(words: Uint32Array, { wordsEach, addends, lazy }: Omit<StretchOfTable, 'bytes'>): void {
    if (lazy) {
      this.#firstLazy ??= this.#length;
    }
    const { wide, low, high, symbolAt, symbolShift, typeAt, typeShift, typeMask } = this.#layout;
    const addendAt = wide ? 4 : 2;
    let addresses = this.#addresses;
    let symbols = this.#symbols;
    let types = this.#types;
    let length = this.#length;
    let runs = this.#runs;
    let runCount = this.#runCount;
    let lastSymbol = this.#lastSymbol;
    let highestSymbol = this.#highestSymbol;
    let { length: room } = symbols;
    const { length: end } = words;
    // Most follow one of the same type: what these have in common is kept in variables until one of another type comes.
    let common: Writable<RelocationsOfType> | null = null;
    let lowestAddress = 0;
    let highestAddress = 0;
    let lowestAddend = 0;
    let highestAddend = 0;
    for (let at = 0, commonType = -1; at < end; at += wordsEach) {
      const type = (((words[at + typeAt] ?? 0) >>> typeShift) & typeMask) >>> 0;
      const symbol = (words[at + symbolAt] ?? 0) >>> symbolShift;
      let address = words[at + low] ?? 0;
      let addend = addends ? (words[at + addendAt + low] ?? 0) : 0;
      if (wide) {
        const upper = words[at + high] ?? 0;
        const addendUpper = addends ? (words[at + addendAt + high] ?? 0) | 0 : 0;
        if ((upper | addendUpper) !== 0) {
          address += upper * 0x1_0000_0000;
          addend += addendUpper * 0x1_0000_0000;
        }
      } else {
        addend |= 0;
      }
      if (type !== commonType) {
        if (common !== null) {
          keepExtremes(common, lowestAddress, highestAddress, lowestAddend, highestAddend);
        }
        common = this.#ofType(type, this.#seen + at / wordsEach, address, addend);
        commonType = type;
        ({ lowestAddress, highestAddress, lowestAddend, highestAddend } = common);
      }
      if (address < lowestAddress) {
        lowestAddress = address;
      } else if (address > highestAddress) {
        highestAddress = address;
      }
      if (addend < lowestAddend) {
        lowestAddend = addend;
      } else if (addend > highestAddend) {
        highestAddend = addend;
      }
      if (symbol === 0) {
        if (common !== null) {
          common.lacksSymbol = true;
        }
        continue;
      }
      if (length === room) {
        if (length > limits.symbolRelocations) {
          highestSymbol = Math.max(highestSymbol, symbol);
          continue;
        }
        room = 2 * length;
        addresses = withTwiceTheRoom(addresses, new Float64Array(room));
        symbols = withTwiceTheRoom(symbols, new Uint32Array(room));
        types = withTwiceTheRoom(types, new Uint32Array(room));
        runs = withTwiceTheRoom(runs, new Uint32Array(room));
      }
      if (symbol !== lastSymbol) {
        runs[runCount] = length;
        runCount += 1;
        lastSymbol = symbol;
        if (symbol > highestSymbol) {
          highestSymbol = symbol;
        }
      }
      addresses[length] = address;
      symbols[length] = symbol;
      types[length] = type;
      length += 1;
    }
    if (common !== null) {
      keepExtremes(common, lowestAddress, highestAddress, lowestAddend, highestAddend);
    }
    this.#addresses = addresses;
    this.#symbols = symbols;
    this.#types = types;
    this.#length = length;
    this.#runs = runs;
    this.#runCount = runCount;
    this.#lastSymbol = lastSymbol;
    this.#highestSymbol = highestSymbol;
    this.#seen += words.length / wordsEach;
  }

  result(): RelocationSurvey {
    const [length, first] = [this.#length, this.#firstType ?? 0];
    return {
      highestSymbol: this.#highestSymbol,
      leading: { type: first, count: this.#leading ?? this.#seen },
      types: this.#byType.size > limits.relocationTypes ? null : [...this.#byType.values()],
      ofSymbols:
        length > limits.symbolRelocations
          ? null
          : {
              length,
              addresses: this.#addresses.subarray(0, length),
              symbols: this.#symbols.subarray(0, length),
              types: this.#types.subarray(0, length),
              runs: this.#runs.subarray(0, this.#runCount),
              firstLazy: this.#firstLazy ?? length,
            },
    };
  }

  /** What is gathered of a type, at the first relocation of a row of them. */
  #ofType(type: number, index: number, address: number, addend: number): Writable<RelocationsOfType> {
    this.#firstType ??= type;
    if (type !== this.#firstType) {
      this.#leading ??= index;
    }
    const known = this.#byType.get(type);
    if (known !== undefined) {
      return known;
    }
    const added = {
      type,
      lowestAddress: address,
      highestAddress: address,
      lowestAddend: addend,
      highestAddend: addend,
      lacksSymbol: false,
    };
    if (this.#byType.size <= limits.relocationTypes) {
      this.#byType.set(type, added);
    }
    return added;
  }
}

function keepExtremes(
  common: Writable<RelocationsOfType>,
  lowestAddress: number,
  highestAddress: number,
  lowestAddend: number,
  highestAddend: number,
): void {
  common.lowestAddress = lowestAddress;
  common.highestAddress = highestAddress;
  common.lowestAddend = lowestAddend;
  common.highestAddend = highestAddend;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

function withTwiceTheRoom<Column extends Float64Array | Uint32Array>(full: Column, longer: Column): Column {
  longer.set(full);
  return longer;
}

/**
 * Numbers of the symbols that relocations refer to, each once, in the order of the first of their relocations.
 *
 * @param count of dynamic symbols, the highest that is referred to among them.
 */
export function distinctSymbols({ symbols, runs }: SymbolRelocations, count: number): Uint32Array {
  const seen = new Uint8Array(count);
  const distinct = new Uint32Array(runs.length);
  let found = 0;
  for (let run = 0; run < runs.length; run++) {
    const symbol = symbols[runs[run] ?? 0] ?? 0;
    if (seen[symbol] !== 1) {
      seen[symbol] = 1;
      distinct[found] = symbol;
      found += 1;
    }
  }
  return distinct.subarray(0, found);
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
  const { wide, low, high, symbolAt, symbolShift, typeAt, typeShift, typeMask } = layoutOf(header);
  const addendAt = wide ? 4 : 2;
  for (const { wordsEach, addends, bytes } of stretchesOfTables(header, dynamic, memory)) {
    const words = words32(bytes, header.encoding);
    const word = (at: number): number => (wide ? (words[at + high] ?? 0) * 0x1_0000_0000 : 0) + (words[at + low] ?? 0);
    for (let at = 0; at < words.length; at += wordsEach) {
      const address = word(at);
      const type = (((words[at + typeAt] ?? 0) >>> typeShift) & typeMask) >>> 0;
      const symbol = (words[at + symbolAt] ?? 0) >>> symbolShift;
      const addend = addends ? word(at + addendAt) : null;
      if (isWanted(address, type, symbol, addend)) {
        return { address, type, addend };
      }
    }
  }
  return null;
}

export interface FoundRelocation {
  /** Virtual address of the place. */
  readonly address: number;
  /** R_* */
  readonly type: number;
  /** As an unsigned number; `null` in DT_REL, where it stands at the place itself. */
  readonly addend: number | null;
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
  const found: RelocationTable[] = [];
  const add = (addressTag: number, sizeTag: number, addend: boolean, lazy: boolean): void => {
    const address = dynamicValue(dynamic, addressTag);
    const entryBytes = header.encoding.addressBytes * (addend ? 3 : 2);
    const count = Math.floor((dynamicValue(dynamic, sizeTag) ?? 0) / entryBytes);
    if (address === null || count === 0) {
      return;
    }
    const offset = memory.offsetOfAll(address, count * entryBytes, 'the relocations');
    if (count > limits.relocations) {
      throw new FormatError(offset, `${count} relocations are more than the ${limits.relocations} that are read`);
    }
    found.push({ address, count, entryBytes, addend, lazy });
  };
  add(DT.rela, DT.relaSize, true, false);
  add(DT.rel, DT.relSize, false, false);
  add(DT.jmpRel, DT.pltRelSize, dynamicValue(dynamic, DT.pltRel) === DT.rela, true);
  return found;
}

interface StretchOfTable {
  readonly lazy: boolean;
  /** Words of 32 bits of an entry. */
  readonly wordsEach: number;
  /** Whether entries end with an addend. */
  readonly addends: boolean;
  /** Whole entries. */
  readonly bytes: Buffer;
}

function* stretchesOfTables(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
): Generator<StretchOfTable> {
  for (const { address, count, entryBytes, addend, lazy } of tables(header, dynamic, memory)) {
    for (const { bytes } of memory.stretches(address, count * entryBytes, entryBytes, 'the relocations')) {
      yield { lazy, wordsEach: entryBytes / 4, addends: addend, bytes };
    }
  }
}

/** Which words of 32 bits of an entry hold its fields, and which of their bits count. */
interface EntryLayout {
  /** Whether addresses and addends take two words. */
  readonly wide: boolean;
  /** Where in a field of two words the lower and the upper half stand. */
  readonly low: number;
  readonly high: number;
  readonly symbolAt: number;
  readonly symbolShift: number;
  readonly typeAt: number;
  readonly typeShift: number;
  readonly typeMask: number;
}

function layoutOf({ machine, encoding: { is64, littleEndian } }: ElfHeader): EntryLayout {
  if (!is64) {
    return { wide: false, low: 0, high: 0, symbolAt: 1, symbolShift: 8, typeAt: 1, typeShift: 0, typeMask: 0xff };
  }
  const [low, high] = littleEndian ? [0, 1] : [1, 0];
  // 64-bit MIPS packs symbol, special symbol and three types as single fields, so that in little-endian files the halves
  // of r_info stand the other way round, and the type is the last byte (MIPS ELF supplement 64-bit, "Relocation").
  if (machine === EM.mips && littleEndian) {
    return { wide: true, low, high, symbolAt: 2, symbolShift: 0, typeAt: 3, typeShift: 24, typeMask: 0xff };
  }
  return { wide: true, low, high, symbolAt: 2 + high, symbolShift: 0, typeAt: 2 + low, typeShift: 0, typeMask: -1 };
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
