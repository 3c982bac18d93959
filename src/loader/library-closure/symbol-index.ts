import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { words16 } from '../../binary/elf/encoding.ts';
import { DT, EM, SHN, STB, STT, STV } from '../../binary/elf/names.ts';
import { relocationTypes } from '../../binary/elf/relocation-types.ts';
import { decodeName, gnuHash } from '../../binary/elf/string-table.ts';
import { FormatError } from '../../errors.ts';
import { type HashTable, readHashTable } from './symbol-hash.ts';

/** How a reference is used, which decides what may define it (glibc `elf_machine_type_class`). */
export const use = {
  /** Data, or a function's address: an executable's entry of its own linkage table serves as well. */
  data: 0,
  /** A call through the linkage table, or thread-local storage: only a real definition will do. */
  call: 1,
  /** Data that a program copies to itself (R_*_COPY): it is defined in a library and not in the program. */
  copy: 2,
} as const;

export type Use = (typeof use)[keyof typeof use];

/** For which loader, and which use, a symbol counts as a definition: bits of {@link SymbolIndex.defines}. */
export const definesFor = { glibcData: 1, glibcCall: 2, muslData: 4, muslCall: 8 } as const;

/** The dynamic symbols of one object as columns, and the places that refer to them. */
export interface SymbolIndex {
  /** Rough memory that it takes, bytes. */
  readonly bytes: number;
  readonly hash: HashTable | null;
  readonly strings: Uint8Array;
  /** By symbol: where its name starts in `strings`. */
  readonly names: Uint32Array;
  /** By symbol: see {@link measureName}. */
  readonly measured: MeasuredNames;
  /** By symbol: bits of {@link definesFor}. */
  readonly defines: Uint8Array;
  /** By symbol: its entry of DT_VERSYM, hidden bit included; `null` for an object without versions. */
  readonly versionEntries: Uint16Array | null;
  /** By version index: its name; what is absent has none. */
  readonly versionNames: readonly (string | undefined)[];
  /** By version index: the needed library that should define it. */
  readonly versionLibraries: readonly (string | undefined)[];
  readonly versionsNeeded: readonly RequiredVersion[];
  /** `null` for a library that has no versions at all. */
  readonly versionsDefined: ReadonlySet<string> | null;
  readonly references: References;
}

/** A version that must be present in a needed library (DT_VERNEED). */
export interface RequiredVersion {
  readonly library: string;
  readonly version: string;
  /** Its absence is a warning and not a failure. */
  readonly weak: boolean;
}

/** What an object's relocations ask for: one entry for each symbol and use, in the order of the symbols. */
export interface References {
  readonly symbols: Uint32Array;
  readonly uses: Uint8Array;
  /** 1 for a reference that may stay zero. */
  readonly weak: Uint8Array;
}

/** Holds on to no bytes of the file, unless it is in memory as a whole. @throws FormatError when a table lies outside the file. */
export function readSymbolIndex(elf: ElfFile): SymbolIndex {
  const table = elf.dynamicSymbols;
  const { dynamic } = elf;
  if (table === null || dynamic === null) {
    return nothing;
  }
  const { bytes } = dynamic.strings;
  // A file in memory is there in any case; what any other was read into is used again.
  const isKept = elf.source.readInto === undefined && elf.source.isLent !== true;
  const strings = isKept ? bytes : new Uint8Array(bytes);
  const defines = new Uint8Array(table.length);
  const kinds = table.kinds;
  for (let index = 1; index < defines.length; index++) {
    defines[index] = definitionBits(kinds.words[index] ?? 0, kinds.isValued[index] === 1);
  }
  const hash = readHashTable(elf.header, dynamic, elf.memory, table.length);
  const versionNames: string[] = [];
  const versionLibraries: string[] = [];
  for (const { index, version, library } of elf.symbolVersions?.needed ?? []) {
    versionNames[index] = version;
    versionLibraries[index] = library;
  }
  for (const { index, version } of elf.symbolVersions?.defined ?? []) {
    versionNames[index] = version;
  }
  return {
    bytes: (isKept ? 0 : strings.length) + table.length * 15 + (hash?.bytes ?? 0) + 1024,
    hash,
    strings,
    names: table.nameOffsets,
    measured: namesToMeasure(table.length),
    defines,
    versionEntries: readVersionEntries(elf, table.length),
    versionNames,
    versionLibraries,
    versionsNeeded: (elf.symbolVersions?.needed ?? []).map(({ library, version, weak }) => ({
      library,
      version,
      weak,
    })),
    versionsDefined:
      dynamicValue(dynamic, DT.versionDefinitions) === null
        ? null
        : new Set(elf.symbolVersions?.defined.map(({ version }) => version)),
    references: readReferences(elf, table.length, kinds.words),
  };
}

const nothing: SymbolIndex = {
  bytes: 0,
  hash: null,
  strings: new Uint8Array(0),
  names: new Uint32Array(0),
  measured: namesToMeasure(0),
  defines: new Uint8Array(0),
  versionEntries: null,
  versionNames: [],
  versionLibraries: [],
  versionsNeeded: [],
  versionsDefined: null,
  references: { symbols: new Uint32Array(0), uses: new Uint8Array(0), weak: new Uint8Array(0) },
};

/** What is known of the names of symbols, found out for each when it is first looked up. */
interface MeasuredNames {
  /** GNU hash. */
  readonly hashes: Uint32Array;
  /** Bytes and 1 more; 0 for a name that was not looked at. */
  readonly lengths: Uint32Array;
}

function namesToMeasure(count: number): MeasuredNames {
  return { hashes: new Uint32Array(count), lengths: new Uint32Array(count) };
}

/** Makes sure that hash and length of a symbol's name are known: it is looked up in one library after the other. */
export function measureName({ measured: { hashes, lengths }, names, strings }: SymbolIndex, symbol: number): void {
  if (lengths[symbol] === 0) {
    const start = names[symbol] ?? 0;
    lengths[symbol] = 1 + Math.max(0, strings.indexOf(0, start) - start);
    hashes[symbol] = gnuHash(strings, start);
  }
}

/** Name of a symbol, for people. @throws FormatError when it lies outside the string table. */
export function symbolName(index: SymbolIndex, symbol: number): string {
  const start = index.names[symbol] ?? 0;
  const end = index.strings.indexOf(0, start);
  if (end === -1) {
    throw new FormatError(0, `the name of dynamic symbol ${symbol} does not end inside its string table`);
  }
  return decodeName(Buffer.from(index.strings.subarray(start, end)));
}

const common = 5;
// By STT_*: 1 for those that define.
const definingTypes = new Uint8Array(16);
for (const type of [STT.notype, STT.object, STT.func, common, STT.tls]) {
  definingTypes[type] = 1;
}

// glibc's check_match and do_lookup_x (elf/dl-lookup.c); musl's OK_TYPES and OK_BINDS (ldso/dynlink.c), which lack
// indirect functions and know no absolute symbols of value 0.
function definitionBits(kind: number, isValued: boolean): number {
  const binding = (kind >>> 4) & 0xf;
  if (binding !== STB.global && binding !== STB.weak && binding !== STB.unique) {
    return 0;
  }
  const type = kind & 0xf;
  const section = kind >>> 16;
  const here = section !== SHN.undefined;
  const valued = isValued || type === STT.tls;
  const known = definingTypes[type] === 1;
  let bits = 0;
  if (isVisible(kind) && (known || type === STT.ifunc)) {
    if (valued || section === SHN.absolute) {
      bits |= here ? definesFor.glibcData | definesFor.glibcCall : type === STT.tls ? 0 : definesFor.glibcData;
    }
  }
  if (known && valued) {
    bits |= here ? definesFor.muslData | definesFor.muslCall : type === STT.tls ? 0 : definesFor.muslData;
  }
  return bits;
}

/** Neither hidden nor internal. */
function isVisible(kind: number): boolean {
  const visibility = (kind >>> 8) & 3;
  return visibility === STV.default || visibility === STV.protected;
}

function readVersionEntries(elf: ElfFile, count: number): Uint16Array | null {
  const address = elf.dynamic === null ? null : dynamicValue(elf.dynamic, DT.versionSymbols);
  if (address === null) {
    return null;
  }
  // A copy: a view would be kept with all that was read with it.
  return words16(elf.memory.read(address, count * 2, 'the symbol version table'), elf.header.encoding).slice();
}

const mipsGlobalOffsetTableSymbol = 0x70000013;

/** @param kinds of the dynamic symbols: `SymbolTable.kinds`. */
function readReferences(elf: ElfFile, count: number, kinds: Uint32Array): References {
  const copy = relocationTypes(elf.header.machine)?.copy ?? null;
  // One bit for each use of a symbol.
  const used = new Uint8Array(count);
  const { length, symbols: ofRelocations, types, firstLazy } = elf.relocations;
  for (let index = 0; index < length; index++) {
    const symbol = ofRelocations[index] ?? 0;
    const type = types[index] ?? 0;
    // R_*_NONE is 0 on every machine.
    if (type !== 0 && symbol < count) {
      const asked = type === copy ? use.copy : index >= firstLazy ? use.call : use.data;
      used[symbol] = (used[symbol] ?? 0) | (1 << asked);
    }
  }
  // MIPS has no relocations for the global part of its offset table: every symbol from this one on has an entry.
  const implied = elf.dynamic === null ? null : dynamicValue(elf.dynamic, mipsGlobalOffsetTableSymbol);
  if (elf.header.machine === EM.mips && implied !== null) {
    for (let symbol = Math.max(1, implied); symbol < count; symbol++) {
      used[symbol] = (used[symbol] ?? 0) | (1 << use.data);
    }
  }
  let found = 0;
  for (let symbol = 1; symbol < count; symbol++) {
    const bits = isLookedUp(kinds[symbol] ?? 0) ? (used[symbol] ?? 0) : 0;
    used[symbol] = bits;
    found += (bits & 1) + ((bits >>> 1) & 1) + ((bits >>> 2) & 1);
  }
  const symbols = new Uint32Array(found);
  const uses = new Uint8Array(found);
  const weak = new Uint8Array(found);
  for (let symbol = 1, at = 0; at < found; symbol++) {
    let bits = used[symbol] ?? 0;
    // Bit by bit, from that of `use.data` on.
    for (let each: number = use.data; bits !== 0; each++, bits >>>= 1) {
      if ((bits & 1) === 1) {
        symbols[at] = symbol;
        uses[at] = each;
        weak[at] = (((kinds[symbol] ?? 0) >>> 4) & 0xf) === STB.weak ? 1 : 0;
        at += 1;
      }
    }
  }
  return { symbols, uses, weak };
}

// RESOLVE_MAP in glibc's elf/dl-reloc.c: local, hidden and internal symbols are the object's own without a look-up.
function isLookedUp(kind: number): boolean {
  return ((kind >>> 4) & 0xf) !== STB.local && isVisible(kind);
}
