import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, EM, PT, SHN, STB, STT } from '../../binary/elf/names.ts';
import { findRelocation } from '../../binary/elf/relocations.ts';
import { FormatError } from '../../errors.ts';
import { assertSoundFile } from '../dlopen/soundness.ts';

/**
 * Refuses what a linker never writes and the loader follows without a look, or stumbles over: nobody can tell what becomes
 * of a process that has done that.
 *
 * @throws FormatError
 */
export function assertLoadable(elf: ElfFile): void {
  if (elf.dynamic === null) {
    return;
  }
  assertSoundFile(elf);
  assertSegments(elf);
  assertRelocations(elf);
  assertOwnSymbols(elf);
  const isThere = (tag: number): boolean => elf.dynamic !== null && dynamicValue(elf.dynamic, tag) !== null;
  if (!isThere(DT.versionSymbols) && (isThere(DT.versionNeeds) || isThere(DT.versionDefinitions))) {
    throw new FormatError(elf.dynamic.offset, 'versions are needed or defined, and no symbol has one');
  }
}

// Bytes: the least that any processor has, and the max-page-size of arm64, to whose end linkers may extend PT_GNU_RELRO.
const [smallestPage, largestPage] = [4_096, 65_536];

// Bytes: half of what 48 bits address, which is all that x86-64 gives to a process without being asked for more.
const addressSpace = 2 ** 47;

function assertSegments({ segments }: ElfFile): void {
  const loaded = segments.filter(({ type }) => type === PT.load);
  const [lowest, highest] = boundsOf(loaded);
  const shifted = loaded.find(({ address, offset }) => (address - offset) % smallestPage !== 0);
  if (shifted !== undefined) {
    throw new FormatError(shifted.offset, 'a loaded segment does not lie in its page as it does in the file');
  }
  if (highest > addressSpace) {
    throw new FormatError(loaded[0]?.offset ?? 0, 'the object is larger than the address space of a process');
  }
  const relro = segments.find(({ type }) => type === PT.gnuRelro);
  if (relro !== undefined && (relro.address < lowest || relro.address + relro.memoryBytes > highest + largestPage)) {
    throw new FormatError(relro.offset, 'what is to be read-only after relocation lies outside of the object');
  }
}

function boundsOf(segments: ElfFile['segments']): readonly [lowest: number, highest: number] {
  return [
    Math.min(...segments.map(({ address }) => address)),
    Math.max(...segments.map(({ address, memoryBytes }) => address + memoryBytes)),
  ];
}

interface KnownTypes {
  readonly relative: number;
  /** Types whose value is that of a symbol, so that there has to be one. */
  readonly symbolic: ReadonlySet<number>;
  /** All that the loader knows; `null` where only a highest number is known. */
  readonly all: ReadonlySet<number> | null;
}

// R_* of the processors on which plugins were measured (their psABI supplements).
const knownTypes: ReadonlyMap<number, KnownTypes> = new Map([
  [
    EM.x86_64,
    {
      relative: 8,
      symbolic: new Set([1, 6, 7]),
      all: new Set([0, 1, 2, 5, 6, 7, 8, 10, 16, 17, 18, 24, 36, 37, 38]),
    },
  ],
  [EM.aarch64, { relative: 1027, symbolic: new Set([257, 1025, 1026]), all: null }],
  [EM.s390, { relative: 12, symbolic: new Set([22, 10, 11]), all: null }],
]);

/** Whether an addend, which may be negative, leads farther away than the object is large. */
function isFar(addend: number, bytes: number): boolean {
  return addend > bytes && addend < 2 ** 64 - bytes - largestPage;
}

function assertRelocations({ header, dynamic, memory, segments }: ElfFile): void {
  const known = knownTypes.get(header.machine);
  if (dynamic === null || known === undefined) {
    return;
  }
  const [lowest, highest] = boundsOf(segments.filter(({ type }) => type === PT.load));
  const isWrong = (_address: number, type: number, symbol: number, addend: number | null): boolean => {
    const isRelative = type === known.relative;
    return (
      (isRelative && addend !== null && (addend < lowest || addend > highest)) ||
      (known.symbolic.has(type) && (symbol === 0 || isFar(addend ?? 0, highest))) ||
      known.all?.has(type) === false
    );
  };
  const wrong = findRelocation(header, dynamic, memory, isWrong);
  if (wrong !== null) {
    const offset = memory.offsetOf(wrong.address) ?? 0;
    throw new FormatError(offset, `a relocation of type ${wrong.type} for this place is none that a linker writes`);
  }
}

/** Symbols that relocations use and that the object itself has lie in it; those that nobody else may define, it has. */
function assertOwnSymbols({ relocations, dynamicSymbols: symbols, segments }: ElfFile): void {
  if (symbols === null) {
    return;
  }
  const [lowest, highest] = boundsOf(segments.filter(({ type }) => type === PT.load));
  const seen = new Uint8Array(symbols.length);
  for (const { symbol } of relocations) {
    if (symbol === 0 || seen[symbol] === 1) {
      continue;
    }
    seen[symbol] = 1;
    const section = symbols.section(symbol);
    const value = symbols.value(symbol);
    const isElsewhere = section !== SHN.undefined && section !== SHN.absolute && (value < lowest || value > highest);
    const isOwn = symbols.binding(symbol) === STB.local || (symbols.other(symbol) & 3) !== 0;
    const isMissing = isOwn && section === SHN.undefined && symbols.binding(symbol) !== STB.weak;
    // Thread-local symbols count from the start of their storage.
    if (symbols.type(symbol) !== STT.tls && (isElsewhere || isMissing)) {
      throw new FormatError(symbols.fileOffset(symbol), 'a symbol that a relocation uses is not in the object');
    }
  }
}
