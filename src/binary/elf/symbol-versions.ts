import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT } from './names.ts';

/** Symbol versions as GNU linkers record them (LSB Core, "Symbol Versioning"; glibc's `dl-version.c`). */
export interface SymbolVersions {
  /** Versions that must be present in a needed library, in file order. */
  readonly needed: readonly NeededVersion[];
  /** Versions that this file defines, without the base definition that repeats its soname. */
  readonly defined: readonly DefinedVersion[];
  /** The version of the dynamic symbol at an index; `null` when it has none. */
  versionOf(index: number): VersionOfSymbol | null;
}

export interface NeededVersion {
  readonly library: string;
  readonly version: string;
  readonly index: number;
  /** VER_FLG_WEAK: its absence is a warning and not a failure. */
  readonly weak: boolean;
  /** Hash of the name, as the file states it: loaders compare it before they compare names. */
  readonly hash: number;
}

export interface DefinedVersion {
  readonly version: string;
  readonly index: number;
  /** Versions that it takes over, nearest first. */
  readonly parents: readonly string[];
  /** Hash of the name, as the file states it. */
  readonly hash: number;
}

export interface VersionOfSymbol {
  readonly version: string;
  /** The needed library that should hold it; `null` for a version that the file itself defines. */
  readonly library: string | null;
  /** Whether a reference without a version binds to it: written `name@@VERSION`. */
  readonly default: boolean;
}

const noVersions: SymbolVersions = { needed: [], defined: [], versionOf: () => null };

/**
 * Reads DT_VERSYM, DT_VERNEED and DT_VERDEF.
 *
 * @param symbolCount number of dynamic symbols, each of which has one entry in DT_VERSYM.
 * @throws FormatError when a record lies outside the file or there are more than any linker writes.
 */
export function readSymbolVersions(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
  symbolCount: number,
): SymbolVersions {
  const indexes = dynamicValue(dynamic, DT.versionSymbols);
  if (indexes === null) {
    return noVersions;
  }
  const needed = readNeeded(header, dynamic, memory);
  const { base, defined } = readDefined(header, dynamic, memory);
  const entries = new Fields(memory.read(indexes, symbolCount * 2, 'the symbol version table'), header.encoding);
  // Few files are asked for the version of a symbol.
  let byIndex: VersionsByIndex | undefined;
  return {
    needed,
    defined,
    versionOf(index) {
      const entry = entries.u16(index * 2);
      const number = entry & 0x7fff;
      // 0 is a local symbol, 1 a global one without a version (also the index of the base definition).
      if (number <= 1) {
        return null;
      }
      byIndex ??= {
        needed: new Map(needed.map((version) => [version.index, version])),
        defined: new Map(defined.map((version) => [version.index, version])),
      };
      const ofNeed = byIndex.needed.get(number);
      if (ofNeed !== undefined) {
        return { version: ofNeed.version, library: ofNeed.library, default: false };
      }
      const ofDefinition = byIndex.defined.get(number);
      if (ofDefinition !== undefined) {
        return { version: ofDefinition.version, library: null, default: (entry & 0x8000) === 0 };
      }
      if (number === base) {
        return null;
      }
      throw new FormatError(
        memory.offsetOf(indexes) ?? 0,
        `dynamic symbol ${index} has version index ${number}, which no version record defines`,
      );
    },
  };
}

interface VersionsByIndex {
  readonly needed: ReadonlyMap<number, NeededVersion>;
  readonly defined: ReadonlyMap<number, DefinedVersion>;
}

function readNeeded(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): readonly NeededVersion[] {
  const start = dynamicValue(dynamic, DT.versionNeeds);
  if (start === null) {
    return [];
  }
  const count = dynamicValue(dynamic, DT.versionNeedCount) ?? 0;
  const versions: NeededVersion[] = [];
  let address = start;
  for (let record = 0; record < count; record++) {
    // Elfxx_Verneed: version, number of entries, file name, offset of the first entry, offset of the next record.
    const fields = new Fields(memory.read(address, 16, 'a record of needed versions'), header.encoding);
    const library = dynamic.strings.at(fields.u32(4));
    const entryCount = fields.u16(2);
    let entryAddress = address + fields.u32(8);
    for (let entry = 0; entry < entryCount; entry++) {
      // Elfxx_Vernaux: hash, flags, index, name, offset of the next entry.
      const aux = new Fields(memory.read(entryAddress, 16, 'a needed version'), header.encoding);
      versions.push({
        library,
        version: dynamic.strings.at(aux.u32(8)),
        index: aux.u16(6) & 0x7fff,
        weak: (aux.u16(4) & 2) !== 0,
        hash: aux.u32(0),
      });
      assertNotTooMany(versions.length, entryAddress, memory);
      const next = aux.u32(12);
      if (next === 0) {
        break;
      }
      // glibc follows the chain, and readers of sections the count: a file in which they differ misleads one of them.
      if (entry + 1 === entryCount) {
        throw new FormatError(memory.offsetOf(entryAddress) ?? 0, `more than the ${entry + 1} needed versions counted`);
      }
      entryAddress += next;
    }
    assertNotTooMany(record, address, memory);
    if (fields.u32(12) === 0) {
      break;
    }
    if (record + 1 === count) {
      throw new FormatError(memory.offsetOf(address) ?? 0, `more than the ${count} records of needed versions counted`);
    }
    address += fields.u32(12);
  }
  return versions;
}

function readDefined(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
): { readonly base: number | null; readonly defined: readonly DefinedVersion[] } {
  const start = dynamicValue(dynamic, DT.versionDefinitions);
  if (start === null) {
    return { base: null, defined: [] };
  }
  const count = dynamicValue(dynamic, DT.versionDefinitionCount) ?? 0;
  const defined: DefinedVersion[] = [];
  let base: number | null = null;
  let namesRead = 0;
  let address = start;
  for (let record = 0; record < count; record++) {
    // Elfxx_Verdef: version, flags, index, number of names, hash, offset of the first name, offset of the next record.
    const fields = new Fields(memory.read(address, 20, 'a version definition'), header.encoding);
    const names: string[] = [];
    let nameAddress = address + fields.u32(12);
    for (let name = 0; name < fields.u16(6); name++) {
      const aux = new Fields(memory.read(nameAddress, 8, 'the name of a version definition'), header.encoding);
      names.push(dynamic.strings.at(aux.u32(0)));
      namesRead += 1;
      assertNotTooMany(namesRead, nameAddress, memory);
      if (aux.u32(4) === 0) {
        break;
      }
      nameAddress += aux.u32(4);
    }
    const index = fields.u16(4) & 0x7fff;
    const [version, ...parents] = names;
    // VER_FLG_BASE marks the file's own name, which is no version that a symbol can have.
    if ((fields.u16(2) & 1) !== 0) {
      base = index;
    } else if (version !== undefined) {
      defined.push({ version, index, parents, hash: fields.u32(8) });
    }
    assertNotTooMany(record, address, memory);
    if (fields.u32(16) === 0) {
      break;
    }
    address += fields.u32(16);
  }
  return { base, defined };
}

// Records are linked by offsets and may overlap, so that a small table can hold the same ones over and over.
function assertNotTooMany(count: number, address: number, memory: MemoryImage): void {
  if (count > limits.versionRecords) {
    throw new FormatError(
      memory.offsetOf(address) ?? 0,
      `more than ${limits.versionRecords} version records: they overlap or lie`,
    );
  }
}
