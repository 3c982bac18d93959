import type { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram } from '../binary/elf/hardening.ts';
import { STB } from '../binary/elf/names.ts';

/** One object of a set whose members are opened into the same process. */
export interface SetMember {
  readonly name: string;
  readonly elf: ElfFile;
}

export interface MissingSymbol {
  readonly name: string;
  readonly provider: string | null;
}

/** Symbols of one member that only another, which it does not need, defines. */
export interface GlobalScopeNeed {
  readonly member: SetMember;
  /** `provider` is `null` for a symbol that no member defines, and nothing that is needed can. */
  readonly symbols: readonly MissingSymbol[];
  /** False when a library outside the set, which the member needs, could define them as well. */
  readonly certain: boolean;
}

/**
 * Finds the members that load only when another member was opened before them with RTLD_GLOBAL (dlopen(3)).
 *
 * A symbol that the member asks for with a version is bound to the library of that version and counts as found, as does
 * one that a program of the set exports: the program is at the head of the global scope. DF_1_GLOBAL (`-z global`) of
 * the provider changes nothing: glibc ignores it (measured on 2.36).
 */
export function findGlobalScopeNeeds(members: readonly SetMember[]): readonly GlobalScopeNeed[] {
  const libraries = members.filter(({ elf }) => elf.dynamic !== null);
  const needs: GlobalScopeNeed[] = [];
  let known: Offers | undefined;
  for (const member of libraries) {
    const wanted = isProgram(member.elf) ? [] : unversionedImports(member.elf);
    if (wanted.length === 0) {
      continue;
    }
    // A Go host offers ten thousand names; most sets never ask for one.
    known ??= new Map(libraries.map((library) => [library, exportedNames(library.elf)]));
    const offers = known;
    const near = closure(member, libraries);
    const certain = !needsUnknownLibraries(near, libraries);
    const symbols = wanted.flatMap((name) => missingSymbol(name, near, definersOf(name, offers), certain));
    if (symbols.length > 0) {
      needs.push({ member, symbols, certain });
    }
  }
  return needs;
}

/** Exported names of each member. */
type Offers = ReadonlyMap<SetMember, ReadonlySet<string>>;

function definersOf(name: string, offers: Offers): readonly SetMember[] {
  return [...offers].filter(([, names]) => names.has(name)).map(([member]) => member);
}

function missingSymbol(
  name: string,
  near: ReadonlySet<SetMember>,
  definers: readonly SetMember[],
  certain: boolean,
): readonly MissingSymbol[] {
  if (definers.some((definer) => near.has(definer) || isProgram(definer.elf))) {
    return [];
  }
  const [provider] = definers;
  if (provider !== undefined) {
    return [{ name, provider: provider.name }];
  }
  // Where a needed library is not part of the set, it may well be the one that defines the symbol.
  return certain ? [{ name, provider: null }] : [];
}

/** Names that an object defines for references without a version. */
export function exportedNames(elf: ElfFile): ReadonlySet<string> {
  const symbols = elf.dynamicSymbols;
  return new Set(
    symbols?.exports.filter((index) => serves(elf, index, null)).map((index) => symbols.name(index)) ?? [],
  );
}

/** Whether the definition at an index serves a reference to its name (glibc `elf/dl-lookup.c`, check_match). */
export function serves({ symbolVersions }: ElfFile, index: number, version: string | null): boolean {
  const own = symbolVersions?.versionOf(index) ?? null;
  return own === null || (version === null ? own.default : own.version === version);
}

export function unversionedImports(elf: ElfFile): readonly string[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  return (
    symbols.imports
      // A weak reference that nothing defines is zero, and no failure.
      .filter((index) => symbols.binding(index) !== STB.weak && !elf.symbolVersions?.versionOf(index))
      .map((index) => symbols.name(index))
      .sort()
  );
}

/** The member itself and those members that it needs, directly or through others. */
function closure(member: SetMember, members: readonly SetMember[]): ReadonlySet<SetMember> {
  const reached = new Set([member]);
  for (const current of reached) {
    for (const needed of current.elf.dynamic?.needed ?? []) {
      for (const candidate of members) {
        if (answersTo(candidate, needed)) {
          reached.add(candidate);
        }
      }
    }
  }
  return reached;
}

/** Whether a member is what DT_NEEDED of another one means. */
export function answersTo(member: SetMember, needed: string): boolean {
  return namesOf(member).includes(fileName(needed));
}

/** The names by which DT_NEEDED of others means a member. */
export function namesOf({ name, elf }: SetMember): readonly string[] {
  return [fileName(name), ...(elf.dynamic?.soname == null ? [] : [fileName(elf.dynamic.soname)])];
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

// Libraries of glibc and GCC give every symbol a version, also where a file needs them without using one.
const alwaysVersioned = /^(?:ld-linux[\w.-]*|lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+))\.so\.\d+$/;

// A needed library that gives its symbols versions would have given one to a reference linked against it.
function needsUnknownLibraries(near: ReadonlySet<SetMember>, members: readonly SetMember[]): boolean {
  for (const { elf } of near) {
    const versioned = new Set(elf.symbolVersions?.needed.map(({ library }) => library));
    for (const needed of elf.dynamic?.needed ?? []) {
      if (
        !versioned.has(needed) &&
        !alwaysVersioned.test(needed) &&
        !members.some((member) => answersTo(member, needed))
      ) {
        return true;
      }
    }
  }
  return false;
}
