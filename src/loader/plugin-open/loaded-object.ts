import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, SHN, STB, STT } from '../../binary/elf/names.ts';
import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import { compareReleases } from '../../binary/libc/minimum-version.ts';

/** A reference to a symbol of another object. */
export interface SymbolReference {
  readonly name: string;
  readonly version: string | null;
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
  let exports: ReadonlyMap<string, readonly number[]> | undefined;
  const soname = elf.dynamic?.soname ?? null;
  return {
    name: options.name,
    answersTo: new Set([soname, options.askedAs, options.name].filter((name) => name !== null)),
    elf,
    hashes: options.hashes,
    defines(reference) {
      exports ??= definedNames(elf);
      return exports.get(reference.name)?.some((index) => matches(elf, index, reference.version)) === true
        ? 'yes'
        : 'no';
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

function definedNames(elf: ElfFile): ReadonlyMap<string, readonly number[]> {
  const names = new Map<string, number[]>();
  const symbols = elf.dynamicSymbols;
  for (let index = 1; symbols !== null && index < symbols.length; index++) {
    // glibc's do_lookup_x passes over symbols without a value, unless they are absolute or thread-local.
    if (
      symbols.isExport(index) &&
      (symbols.value(index) !== 0 || symbols.section(index) === SHN.absolute || symbols.type(index) === STT.tls)
    ) {
      const name = symbols.name(index);
      const known = names.get(name);
      if (known === undefined) {
        names.set(name, [index]);
      } else {
        known.push(index);
      }
    }
  }
  return names;
}

/** glibc's check_match (`elf/dl-lookup.c`), for the two cases of a reference with and without a version. */
function matches(elf: ElfFile, index: number, version: string | null): boolean {
  const own = elf.symbolVersions?.versionOf(index) ?? null;
  if (own === null) {
    return true;
  }
  return version === null ? own.default : own.version === version;
}

/** Symbols that must be bound before dlopen with RTLD_NOW returns: relocations name them, nothing in the file defines them. */
export function strongReferences(elf: ElfFile): readonly (SymbolReference & { readonly library: string | null })[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  const references = new Map<number, SymbolReference & { readonly library: string | null }>();
  for (const { symbol } of elf.relocations) {
    if (!references.has(symbol) && symbols.isImport(symbol) && symbols.binding(symbol) !== STB.weak) {
      const version = elf.symbolVersions?.versionOf(symbol) ?? null;
      references.set(symbol, {
        name: symbols.name(symbol),
        version: version?.version ?? null,
        library: version?.library ?? null,
      });
    }
  }
  return [...references.values()];
}
