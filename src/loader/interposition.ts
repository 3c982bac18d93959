import { dynamicFlags } from '../binary/elf/dynamic.ts';
import type { ElfFile } from '../binary/elf/elf-file.ts';
import { STB, STT, visibilityName } from '../binary/elf/names.ts';
import { isGoOwnName } from '../binary/visibility/go-names.ts';

/** One object of a scope, in the order in which the scope is searched. */
export interface ScopeMember {
  readonly name: string;
  readonly elf: ElfFile;
}

/** A strong symbol that several objects of a scope define. */
export interface Interposed {
  readonly symbol: string;
  /** The first that defines it: everyone who looks it up gets this definition. */
  readonly winner: ScopeMember;
  readonly shadowed: readonly {
    readonly member: ScopeMember;
    /** Whether it looks the symbol up itself, and so gets the winner's: its own code calls another object's. */
    readonly binds: boolean;
  }[];
}

/**
 * Strong symbols of objects in one scope that shadow each other (gABI chapter 5, "Shared Object Dependencies": the first
 * definition in the scope wins).
 *
 * What Go's toolchain exports is shared by design, as is what each object was linked to bind to itself: with DT_SYMBOLIC,
 * protected or hidden visibility.
 */
export function findInterposed(scope: readonly ScopeMember[]): readonly Interposed[] {
  const definers = new Map<string, { readonly member: ScopeMember; readonly symbol: number }[]>();
  for (const member of scope) {
    for (const [name, symbol] of strongExports(member.elf)) {
      const known = definers.get(name);
      if (known === undefined) {
        definers.set(name, [{ member, symbol }]);
      } else {
        known.push({ member, symbol });
      }
    }
  }
  const interposed: Interposed[] = [];
  for (const [symbol, [first, ...others]] of definers) {
    if (first !== undefined && others.length > 0) {
      const shadowed = others.map(({ member, symbol: number }) => ({ member, binds: looksUp(member.elf, number) }));
      interposed.push({ symbol, winner: first.member, shadowed });
    }
  }
  return interposed.sort((left, right) => (left.symbol < right.symbol ? -1 : 1));
}

function* strongExports(elf: ElfFile): Generator<readonly [string, number]> {
  const symbols = elf.dynamicSymbols;
  for (const index of symbols?.exports ?? []) {
    const type = symbols?.type(index);
    if (symbols?.binding(index) === STB.global && (type === STT.func || type === STT.object)) {
      const name = symbols.name(index);
      if (!isGoOwnName(name)) {
        yield [name, index];
      }
    }
  }
}

function looksUp({ dynamic, dynamicSymbols, relocations }: ElfFile, symbol: number): boolean {
  const bindsToItself =
    (dynamic !== null && dynamicFlags(dynamic).includes('SYMBOLIC')) ||
    visibilityName(dynamicSymbols?.other(symbol) ?? 0) !== 'default';
  return !bindsToItself && relocations.some((relocation) => relocation.symbol === symbol && relocation.type !== 0);
}
