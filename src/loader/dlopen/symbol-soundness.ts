import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { Fields } from '../../binary/elf/encoding.ts';
import { DT, PF, PT, SHN, STT } from '../../binary/elf/names.ts';
import { FormatError } from '../../errors.ts';
import { type HashTable, readHashTable, systemVHash } from '../library-closure/symbol-hash.ts';

/**
 * Refuses symbols that would have the loader read behind their names, or call what is no code: a function that chooses
 * another (STT_GNU_IFUNC) is called as soon as somebody binds to it.
 *
 * @throws FormatError
 */
export function assertSymbols({ dynamicSymbols: symbols, segments }: ElfFile): void {
  if (symbols === null || symbols.length === 0) {
    return;
  }
  const names = symbols.strings.bytes;
  if (names.at(-1) !== 0) {
    throw new FormatError(symbols.offset, 'the names of the dynamic symbols do not end');
  }
  const code = segments.filter(({ type, flags }) => type === PT.load && (flags & PF.execute) !== 0);
  for (let index = 1; index < symbols.length; index++) {
    if (symbols.nameOffset(index) >= names.length) {
      throw new FormatError(symbols.offset, `the name of dynamic symbol ${index} lies behind all names`);
    }
    if (symbols.type(index) === STT.ifunc && symbols.section(index) !== SHN.undefined) {
      const value = symbols.value(index);
      if (!code.some(({ address, memoryBytes }) => value >= address && value < address + memoryBytes)) {
        throw new FormatError(
          symbols.offset,
          `dynamic symbol ${index} chooses a function at address 0x${value.toString(16)}, which is no code of the object`,
        );
      }
    }
  }
}

/**
 * Refuses hash tables that no linker writes: with chains that leave the table or lead in circles, loaders read what is
 * not theirs or never come back (glibc `elf/dl-lookup.c`, do_lookup_x, which trusts them).
 *
 * @throws FormatError
 */
export function assertHashTable({ header, dynamic, memory, dynamicSymbols: symbols }: ElfFile): void {
  const table = dynamic === null || symbols === null ? null : readHashTable(header, dynamic, memory, symbols.length);
  if (dynamic === null || symbols === null || table === null) {
    return;
  }
  const flaw = table.kind === 'gnu' ? flawOfGnuTable(table) : flawOfSystemVTable(table);
  if (flaw !== null) {
    throw new FormatError(dynamic.offset, `the hash table of the dynamic symbols ${flaw}`);
  }
}

function flawOfGnuTable(table: Extract<HashTable, { kind: 'gnu' }>): string | null {
  const { filterWords, buckets, chain, firstSymbol } = table;
  if (buckets.length === 0 || filterWords === 0 || (filterWords & (filterWords - 1)) !== 0) {
    return `has ${buckets.length} buckets and a filter of ${filterWords} words`;
  }
  // Where chains lie one after the other, the end of the last one ends all of them.
  const lastEnd = chain.findLastIndex((value) => (value & 1) === 1);
  const wrong = buckets.find((first) => first !== 0 && (first < firstSymbol || first - firstSymbol > lastEnd));
  return wrong === undefined ? null : `has a chain that starts at symbol ${wrong} and does not end`;
}

function flawOfSystemVTable({ buckets, chain }: Extract<HashTable, { kind: 'sysv' }>): string | null {
  if (buckets.length === 0) {
    return 'has no buckets';
  }
  const visited = new Uint8Array(chain.length);
  for (const first of buckets) {
    for (let symbol = first; symbol !== 0; symbol = chain[symbol] ?? 0) {
      if (symbol >= chain.length) {
        return `leads to symbol ${symbol}, which is not there`;
      }
      if (visited[symbol] === 1) {
        return `leads to symbol ${symbol} twice`;
      }
      visited[symbol] = 1;
    }
  }
  return null;
}

/**
 * Refuses version records that do not belong to the symbols, which loaders use as indexes, and hashes that are not those
 * of the names: by these loaders compare first (glibc `elf/dl-version.c`).
 *
 * @throws FormatError
 */
export function assertVersions(elf: ElfFile): void {
  const { dynamicSymbols: symbols, symbolVersions: versions, dynamic } = elf;
  if (dynamic === null || symbols === null || versions === null) {
    return;
  }
  for (let index = 1; index < symbols.length; index++) {
    versions.versionOf(index);
  }
  for (const { version, hash } of [...versions.needed, ...versions.defined]) {
    if (systemVHash(Buffer.from(version), 0) !== hash) {
      throw new FormatError(dynamic.offset, `version ${version} is recorded with the hash of another name`);
    }
  }
  assertListEnds(elf, DT.versionNeeds, DT.versionNeedCount, 12);
  assertListEnds(elf, DT.versionDefinitions, DT.versionDefinitionCount, 16);
}

// Loaders follow the links from record to record and never ask how many there are.
function assertListEnds({ dynamic, memory, header }: ElfFile, start: number, count: number, linkAt: 12 | 16): void {
  let address = dynamic === null ? null : dynamicValue(dynamic, start);
  const records = dynamic === null ? 0 : (dynamicValue(dynamic, count) ?? 0);
  for (let record = 0; address !== null && dynamic !== null; record++) {
    if (record >= records) {
      throw new FormatError(dynamic.offset, `the list of ${records} version records does not end with them`);
    }
    const link = new Fields(memory.read(address, linkAt + 4, 'a version record'), header.encoding).u32(linkAt);
    address = link === 0 ? null : address + link;
  }
}
