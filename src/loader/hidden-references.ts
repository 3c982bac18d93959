import type { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram } from '../binary/elf/hardening.ts';
import { SHN, STB } from '../binary/elf/names.ts';
import { linkSymbolSection } from '../binary/elf/symbols.ts';
import { answersTo, exportedNames, type SetMember, unversionedImports } from './global-scope.ts';

/** A reference that nothing in the process answers, though an object has what is looked for. */
export interface HiddenReference {
  readonly symbol: string;
  /** Offset of the undefined symbol in the object that refers to it, bytes. */
  readonly at: number;
  /** The object that keeps a definition to itself, and the offset of that; `null` where that cannot be told. */
  readonly hiddenIn: { readonly member: SetMember; readonly at: number } | null;
  /** Why it cannot be told; `null` where it can. */
  readonly doubt: string | null;
}

/**
 * References of a shared object that stay undefined because an object of the set, or the object itself, keeps the
 * definition to itself: a `static` function, or one of hidden visibility, both of which linkers write as local symbols
 * (gABI chapter 4, "Symbol Visibility"). Linkers accept such references in shared objects, and loaders do not.
 *
 * A reference with a version was answered when the object was linked, and is left out.
 */
export function findHiddenReferences(object: SetMember, set: readonly SetMember[]): readonly HiddenReference[] {
  const wanted = isProgram(object.elf) ? [] : unversionedImports(object.elf);
  if (wanted.length === 0 || object.elf.dynamic?.needed.some((name) => muslLibrary.test(name)) === true) {
    return [];
  }
  const exported = set.map(({ elf }) => exportedNames(elf));
  const unanswered = new Set(wanted.filter((name) => !exported.some((names) => names.has(name))));
  const hidden = hiddenIn(set, unanswered);
  const doubt = doubtAbout(object, set);
  return references(object.elf, unanswered).flatMap(({ symbol, at }) => {
    const found = hidden.get(symbol) ?? null;
    return found === null && doubt === null
      ? []
      : [{ symbol, at, hiddenIn: found, doubt: found === null ? doubt : null }];
  });
}

// It gives its symbols no versions, so that every reference to it looks like one to an unknown library.
const muslLibrary = /^libc\.(?:so|musl-.*)$/;

/** The first object of each name that has a symbol of that name for itself alone. */
export function hiddenIn<Member extends SetMember>(
  set: readonly Member[],
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, { readonly member: Member; readonly at: number }> {
  const found = new Map<string, { readonly member: Member; readonly at: number }>();
  for (const member of wanted.size === 0 ? [] : set) {
    for (const [name, at] of localDefinitions(member.elf, wanted)) {
      if (!found.has(name)) {
        found.set(name, { member, at });
      }
    }
  }
  return found;
}

function* localDefinitions(elf: ElfFile, wanted: ReadonlySet<string>): Generator<readonly [string, number]> {
  for (const symbols of elf.linkSymbols()) {
    for (let index = 0; index < symbols.length; index++) {
      if (symbols.binding(index) === STB.local && symbols.section(index) !== SHN.undefined) {
        const name = symbols.name(index);
        if (wanted.has(name)) {
          yield [name, symbols.fileOffset(index)];
        }
      }
    }
  }
}

/** Undefined symbols of these names, with their offsets in the file, in the order of the table. */
export function references(
  { dynamicSymbols }: ElfFile,
  names: ReadonlySet<string>,
): readonly { readonly symbol: string; readonly at: number }[] {
  return (dynamicSymbols?.imports ?? []).flatMap((index) => {
    const symbol = dynamicSymbols?.name(index) ?? '';
    return names.has(symbol) ? [{ symbol, at: dynamicSymbols?.fileOffset(index) ?? 0 }] : [];
  });
}

// Libraries of glibc and GCC hide nothing that others are meant to use.
const toolchainLibrary = /^(?:ld-linux[\w.-]*|lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+))\.so\.\d+$/;

function doubtAbout(object: SetMember, set: readonly SetMember[]): string | null {
  const others = set.filter((member) => member !== object && !isProgram(member.elf));
  const needed = (object.elf.dynamic?.needed ?? []).filter((name) => !toolchainLibrary.test(name));
  const absent = needed.find((name) => !others.some((member) => answersTo(member, name)));
  if (absent !== undefined) {
    return `${absent} is not checked with it`;
  }
  if (others.length === 0) {
    return 'no library is checked with it';
  }
  const stripped = others.find(({ elf }) => linkSymbolSection(elf.sections) === null);
  return stripped === undefined ? null : `${stripped.name} is stripped of its symbol table`;
}
