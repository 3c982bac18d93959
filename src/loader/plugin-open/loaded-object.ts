import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, SHN, STB, STT, visibilityName } from '../../binary/elf/names.ts';
import type { SymbolTable } from '../../binary/elf/symbols.ts';
import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import { compareReleases } from '../../binary/libc/minimum-version.ts';
import { findInChain, gnuHash, type HashTable, readHashTable, systemVHash } from '../library-closure/symbol-hash.ts';

/** A reference to a symbol of another object. */
export interface SymbolReference {
  readonly name: string;
  /** The name's bytes, without the NUL: the loader compares those. */
  readonly bytes: Uint8Array;
  readonly version: string | null;
}

/** A reference without a version to a name that is known here. */
export function referenceTo(name: string): SymbolReference {
  return { name, bytes: Buffer.from(name), version: null };
}

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
  let table: HashTable | null | undefined;
  const soname = elf.dynamic?.soname ?? null;
  return {
    name: options.name,
    answersTo: new Set([soname, options.askedAs, options.name].filter((name) => name !== null)),
    elf,
    hashes: options.hashes,
    defines(reference) {
      table ??= hashTableOf(elf);
      return table !== null && finds(elf, table, reference) ? 'yes' : 'no';
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

function hashTableOf(elf: ElfFile): HashTable | null {
  const symbols = elf.dynamicSymbols;
  return elf.dynamic === null || symbols === null
    ? null
    : readHashTable(elf.header, elf.dynamic, elf.memory, symbols.length);
}

/** Looks a name up as loaders do, through the hash table: what is not in its chain is not found, wherever else it is. */
function finds(elf: ElfFile, table: HashTable, { bytes, version }: SymbolReference): boolean {
  const symbols = elf.dynamicSymbols;
  const strings = symbols?.strings.bytes ?? Buffer.alloc(0);
  const hashes = { gnu: gnuHash(bytes, 0), systemV: () => systemVHash(bytes, 0) };
  const accept = (index: number): boolean => {
    if (symbols === null || index >= symbols.length || !isDefinition(symbols, index)) {
      return false;
    }
    const start = symbols.nameOffset(index);
    return (
      strings[start + bytes.length] === 0 &&
      strings.subarray(start, start + bytes.length).equals(bytes) &&
      matches(elf, index, version)
    );
  };
  return findInChain(table, hashes, accept);
}

/**
 * An exported name that the hash table does not lead to; `null` in every file that a linker wrote. plugin.Open asks dlsym
 * for names that no relocation mentions.
 */
export function unfindableExport(elf: ElfFile): string | null {
  const table = hashTableOf(elf);
  const symbols = elf.dynamicSymbols;
  for (let index = 1; table !== null && symbols !== null && index < symbols.length; index++) {
    if (isDefinition(symbols, index)) {
      const version = elf.symbolVersions?.versionOf(index)?.version ?? null;
      const { bytes } = symbols.strings;
      const start = symbols.nameOffset(index);
      const name = bytes.subarray(start, bytes.indexOf(0, start));
      if (!finds(elf, table, { name: '', bytes: name, version })) {
        return symbols.name(index);
      }
    }
  }
  return null;
}

// glibc's do_lookup_x passes over symbols without a value, unless they are absolute or thread-local.
function isDefinition(symbols: SymbolTable, index: number): boolean {
  return (
    symbols.isExport(index) &&
    (symbols.value(index) !== 0 || symbols.section(index) === SHN.absolute || symbols.type(index) === STT.tls)
  );
}

/** glibc's check_match (`elf/dl-lookup.c`), for the two cases of a reference with and without a version. */
function matches(elf: ElfFile, index: number, version: string | null): boolean {
  const own = elf.symbolVersions?.versionOf(index) ?? null;
  if (own === null) {
    return true;
  }
  return version === null ? own.default : own.version === version;
}

/** A reference, and the library that should hold its version. */
export interface StrongReference extends SymbolReference {
  readonly library: string | null;
  /** Offset of the symbol in the file, bytes. */
  readonly at: number;
}

/**
 * What must be bound before dlopen with RTLD_NOW returns, in the order of the relocations. That a symbol is defined in the
 * file itself does not bind it: the loader looks it up as well, unless it is hidden or protected.
 */
export function strongReferences(elf: ElfFile): readonly StrongReference[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  const { bytes } = symbols.strings;
  const references = new Map<number, StrongReference>();
  for (const { symbol } of elf.relocations) {
    const binding = symbols.binding(symbol);
    if (
      references.has(symbol) ||
      binding === STB.local ||
      binding === STB.weak ||
      visibilityName(symbols.other(symbol)) !== 'default'
    ) {
      continue;
    }
    const version = elf.symbolVersions?.versionOf(symbol) ?? null;
    const start = symbols.nameOffset(symbol);
    references.set(symbol, {
      name: symbols.name(symbol),
      bytes: bytes.subarray(start, bytes.indexOf(0, start)),
      version: version?.version ?? null,
      library: version?.library ?? null,
      at: symbols.fileOffset(symbol),
    });
  }
  return [...references.values()];
}
