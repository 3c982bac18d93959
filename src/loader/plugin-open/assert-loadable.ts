import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, PT, SHN, STB, STT } from '../../binary/elf/names.ts';
import { largestPage, loadedAddresses } from '../../binary/elf/segments.ts';
import { FormatError } from '../../errors.ts';
import { assertLinkersRelocations } from '../dlopen/relocation-soundness.ts';
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
  assertLinkersRelocations(elf);
  assertOwnSymbols(elf);
  const isThere = (tag: number): boolean => elf.dynamic !== null && dynamicValue(elf.dynamic, tag) !== null;
  if (!isThere(DT.versionSymbols) && (isThere(DT.versionNeeds) || isThere(DT.versionDefinitions))) {
    throw new FormatError(elf.dynamic.offset, 'versions are needed or defined, and no symbol has one');
  }
}

// Bytes: the least that any processor has.
const smallestPage = 4_096;

// Bytes: half of what 48 bits address, which is all that x86-64 gives to a process without being asked for more.
const addressSpace = 2 ** 47;

function assertSegments({ segments }: ElfFile): void {
  const loaded = segments.filter(({ type }) => type === PT.load);
  const { lowest, highest } = loadedAddresses(segments);
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

/** Symbols that relocations use and that the object itself has lie in it; those that nobody else may define, it has. */
function assertOwnSymbols({ relocatedSymbols, dynamicSymbols: symbols, segments }: ElfFile): void {
  if (symbols === null) {
    return;
  }
  const { lowest, highest } = loadedAddresses(segments);
  const { marks, lowestValue, highestValue } = symbols.definitions;
  // Of nearly all symbols, this is known by what they have in common.
  const areInside = lowestValue >= lowest && highestValue <= highest;
  for (let index = 0; index < relocatedSymbols.length; index++) {
    const symbol = relocatedSymbols[index] ?? 0;
    if (areInside && marks[symbol] === 1) {
      continue;
    }
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
