import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, STB, visibilityName } from '../../binary/elf/names.ts';
import type { SymbolTable } from '../../binary/elf/symbols.ts';
import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import { compareReleases } from '../../binary/libc/minimum-version.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import {
  type Effort,
  findInChain,
  type HashTable,
  readHashTable,
  symbolsInChains,
} from '../library-closure/symbol-hash.ts';
import { referenceAt, type SymbolReference } from './symbol-reference.ts';

/** Something in the process that defines symbols. `unknown` is the answer of a library that could not be read. */
export interface LoadedObject {
  /** As the loader spells it in messages (`l_name`). */
  readonly name: string;
  /** Names by which DT_NEEDED of a later object finds it without another search. */
  readonly answersTo: ReadonlySet<string>;
  /** `null` for a library that is only presumed. */
  readonly elf: ElfFile | null;
  /** Package hashes, for hosts and plugins. */
  readonly hashes: PackageHashes | null;
  defines(reference: SymbolReference): 'yes' | 'no' | 'unknown';
  hasVersion(version: string): 'yes' | 'no' | 'unknown';
}

/** An object whose file was read. */
export function objectOf(
  elf: ElfFile,
  options: { readonly name: string; readonly askedAs: string | null; readonly hashes: PackageHashes | null },
): LoadedObject {
  const effort = { left: limits.bindingSteps };
  const soname = elf.dynamic?.soname ?? null;
  return {
    name: options.name,
    answersTo: new Set([soname, options.askedAs, options.name].filter((name) => name !== null)),
    elf,
    hashes: options.hashes,
    defines(reference) {
      const table = hashTableOf(elf);
      return table !== null && finds(elf, table, reference, effort) ? 'yes' : 'no';
    },
    hasVersion(version) {
      const defined = elf.symbolVersions?.defined ?? [];
      // A library without any version definition satisfies every version; the loader may warn (glibc, dl-version.c).
      return definesVersions(elf) ? (defined.some((one) => one.version === version) ? 'yes' : 'no') : 'yes';
    },
  };
}

/**
 * A library that the host needs and that is not at hand. The host runs somewhere, so that the versions which it needs
 * are there, and the older ones of the same series: a version of a library is closed once it is released, and later
 * releases keep it (glibc, "Symbol versioning").
 */
export function presumedObject(
  name: string,
  versions: ReadonlySet<string>,
  imports: ReadonlySet<string>,
): LoadedObject {
  const hasVersion = (version: string): 'yes' | 'unknown' =>
    [...versions].some((known) => known === version || isOlder(version, known)) ? 'yes' : 'unknown';
  return {
    name,
    answersTo: new Set([name]),
    elf: null,
    hashes: null,
    defines: (reference) =>
      imports.has(reference.name) || (reference.version !== null && hasVersion(reference.version) === 'yes')
        ? 'yes'
        : 'unknown',
    hasVersion,
  };
}

const releaseVersion = /^([A-Z]+)_(\d+(?:\.\d+)*)$/;

function isOlder(version: string, known: string): boolean {
  const [, series, release = ''] = releaseVersion.exec(version) ?? [];
  const [, knownSeries, knownRelease = ''] = releaseVersion.exec(known) ?? [];
  return series !== undefined && series === knownSeries && compareReleases(release, knownRelease) <= 0;
}

function definesVersions(elf: ElfFile): boolean {
  return elf.dynamic !== null && dynamicValue(elf.dynamic, DT.versionDefinitions) !== null;
}

const hashTables = new WeakMap<ElfFile, HashTable | null>();

/** Kept for each file: three questions about a plugin start from it. */
function hashTableOf(elf: ElfFile): HashTable | null {
  const known = hashTables.get(elf);
  if (known !== undefined) {
    return known;
  }
  const symbols = elf.dynamicSymbols;
  const table =
    elf.dynamic === null || symbols === null
      ? null
      : readHashTable(elf.header, elf.dynamic, elf.memory, symbols.length);
  hashTables.set(elf, table);
  return table;
}

/**
 * Looks a name up as loaders do, through the hash table: what is not in its chain is not found, wherever else it is.
 *
 * @throws FormatError when the chains of a lying table take more steps than any real one.
 */
function finds(elf: ElfFile, table: HashTable, reference: SymbolReference, effort: Effort): boolean {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return false;
  }
  const strings = symbols.strings.bytes;
  const hashes = { gnu: table.kind === 'gnu' ? reference.gnuHash : 0, systemV: () => reference.systemVHash };
  const accept = (index: number): boolean =>
    index < symbols.length &&
    symbols.isDefinition(index) &&
    reference.isAt(strings, symbols.nameOffset(index)) &&
    matches(elf, index, reference.version);
  const found = findInChain(table, hashes, accept, effort);
  if (!found && effort.left <= 0) {
    throw new FormatError(symbols.offset, 'looking names up in the hash table takes more steps than in any real one');
  }
  return found;
}

/**
 * An exported name that the hash table does not lead to; `null` in every file that a linker wrote. plugin.Open asks dlsym
 * for names that no relocation mentions.
 *
 * @throws FormatError when the table lies so much that looking takes too long.
 */
export function unfindableExport(elf: ElfFile): string | null {
  const table = hashTableOf(elf);
  const symbols = elf.dynamicSymbols;
  if (table === null || symbols === null) {
    return null;
  }
  const effort = { left: limits.bindingSteps };
  for (const index of furtherDefinitions(elf, symbols)) {
    const version = elf.symbolVersions?.versionOf(index)?.version ?? null;
    if (!finds(elf, table, referenceAt(symbols.strings, symbols.nameOffset(index), version), effort)) {
      return symbols.name(index);
    }
  }
  return null;
}

/** Definitions that are none of {@link ownDefinitions}: hardly any, so that the others are passed over at the speed of memory. */
function* furtherDefinitions(elf: ElfFile, { definitions: { marks } }: SymbolTable): Generator<number> {
  const own = ownDefinitions(elf) ?? new Uint8Array(0);
  for (let index = own.indexOf(0); index !== -1; index = own.indexOf(0, index + 1)) {
    if (marks[index] === 1) {
      yield index;
    }
  }
  for (let index = own.length; index < marks.length; index++) {
    if (marks[index] === 1) {
      yield index;
    }
  }
}

const ownDefinitionsOf = new WeakMap<ElfFile, Uint8Array | null>();

/**
 * Symbols by whose names a loader finds this very object, as ones by index; `null` without a GNU hash table. Two questions
 * about one file start from it.
 */
function ownDefinitions(elf: ElfFile): Uint8Array | null {
  const known = ownDefinitionsOf.get(elf);
  if (known !== undefined) {
    return known;
  }
  const table = hashTableOf(elf);
  const symbols = elf.dynamicSymbols;
  const found =
    table?.kind === 'gnu' && symbols !== null
      ? symbolsInChains(table, symbols.strings, symbols.nameOffsets, symbols.definitions.marks)
      : null;
  ownDefinitionsOf.set(elf, found);
  return found;
}

/** glibc's check_match (`elf/dl-lookup.c`), for the two cases of a reference with and without a version. */
function matches(elf: ElfFile, index: number, version: string | null): boolean {
  const own = elf.symbolVersions?.versionOf(index) ?? null;
  if (own === null) {
    return true;
  }
  return version === null ? own.default : own.version === version;
}

/** A reference of an object, and the library that should hold its version. */
export interface StrongReference {
  readonly reference: SymbolReference;
  readonly library: string | null;
  /** Offset of the symbol in the file, bytes. */
  readonly at: number;
}

/**
 * What must be bound before dlopen with RTLD_NOW returns and may not be, in the order of the relocations. That a symbol is
 * defined in the file itself does not bind it: the loader looks it up as well, unless it is hidden or protected. Where it
 * comes to the file itself at the latest, the reference is bound for certain, and left out: those are nearly all.
 */
export function strongReferences(elf: ElfFile): readonly StrongReference[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  const own = ownDefinitions(elf);
  const references: StrongReference[] = [];
  const { relocatedSymbols } = elf;
  for (let index = 0; index < relocatedSymbols.length; index++) {
    const symbol = relocatedSymbols[index] ?? 0;
    if (own?.[symbol] === 1) {
      continue;
    }
    if (symbol >= symbols.length) {
      throw new FormatError(symbols.offset, `a relocation refers to symbol ${symbol} of ${symbols.length}`);
    }
    const binding = symbols.binding(symbol);
    if (binding === STB.local || binding === STB.weak || visibilityName(symbols.other(symbol)) !== 'default') {
      continue;
    }
    const version = elf.symbolVersions?.versionOf(symbol) ?? null;
    references.push({
      reference: referenceAt(symbols.strings, symbols.nameOffset(symbol), version?.version ?? null),
      library: version?.library ?? null,
      at: symbols.fileOffset(symbol),
    });
  }
  return references;
}
