import type { ElfFile } from '../binary/elf/elf-file.ts';
import { SHN, STB, STT, visibilityName } from '../binary/elf/names.ts';
import { isGoOwnName, withoutGoPunctuation } from '../binary/visibility/go-names.ts';
import { FormatError } from '../errors.ts';
import { namesOf } from './global-scope.ts';

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
  readonly shadowed: readonly Shadowed[];
}

export interface Shadowed {
  readonly member: ScopeMember;
  /** Whether it looks the symbol up itself, and so gets the winner's: its own code calls another object's. */
  readonly binds: boolean;
  /** Objects that need it by DT_NEEDED, look the symbol up, and get the winner's instead. */
  readonly users: readonly ScopeMember[];
}

/**
 * Strong symbols of objects in one scope that shadow each other (gABI chapter 5, "Shared Object Dependencies": the first
 * definition in the scope wins). Definitions of different versions do not meet.
 *
 * What Go's toolchain exports is shared by design, as is what each object was linked to bind to itself: with DT_SYMBOLIC,
 * protected or hidden visibility.
 *
 * @throws FormatError that names the member whose symbols, versions or relocations lie outside its file.
 */
export function findInterposed(scope: readonly ScopeMember[]): readonly Interposed[] {
  const losses = lossesIn(scope);
  const wanted = new Set([...losses.values()].map(({ symbol }) => symbol));
  const lookUps = new Map(
    wanted.size === 0
      ? []
      : scope.map((member) => [member, inMember(member, () => lookUpsOf(member.elf, wanted))] as const),
  );
  const neededBy = usersByNeed(losses.size === 0 ? [] : scope);
  const interposed = new Map<string, Interposed & { readonly shadowed: Shadowed[] }>();
  for (const { symbol, winner, loser } of losses.values()) {
    const key = `${symbol}\0${scope.indexOf(winner)}`;
    const found = interposed.get(key) ?? { symbol, winner, shadowed: [] };
    interposed.set(key, found);
    const users = [...(neededBy.get(loser) ?? [])].filter(
      (user) => user !== winner && lookUps.get(user)?.get(symbol) === 'of others',
    );
    found.shadowed.push({ member: loser, binds: lookUps.get(loser)?.get(symbol) === 'its own', users });
  }
  return [...interposed.values()].sort((left, right) => (left.symbol < right.symbol ? -1 : 1));
}

interface Definer {
  readonly member: ScopeMember;
}

/** The first definitions of a name. */
interface FirstDefiners {
  /** Of any version. */
  readonly any: Definer;
  /** Without one, which serves every reference. */
  plain: Definer | null;
  readonly byVersion: Map<string, Definer>;
}

interface Loss {
  readonly symbol: string;
  readonly winner: ScopeMember;
  readonly loser: ScopeMember;
}

/** Every object whose definition of a name is passed over, with the one that is taken; each such pair once. */
function lossesIn(scope: readonly ScopeMember[]): ReadonlyMap<string, Loss> {
  const definers = new Map<string, FirstDefiners>();
  const losses = new Map<string, Loss>();
  for (const [position, member] of scope.entries()) {
    for (const { name, version } of inMember(member, () => strongExports(member.elf))) {
      const first = definers.get(name);
      if (first === undefined) {
        const byVersion = new Map(version === null ? [] : [[version, { member }]]);
        definers.set(name, { any: { member }, plain: version === null ? { member } : null, byVersion });
        continue;
      }
      const winner = version === null ? first.any : (first.byVersion.get(version) ?? first.plain);
      if (winner !== null && winner.member !== member) {
        losses.set(`${name}\0${position}`, { symbol: name, winner: winner.member, loser: member });
      }
      if (version === null) {
        first.plain ??= { member };
      } else if (!first.byVersion.has(version)) {
        first.byVersion.set(version, { member });
      }
    }
  }
  return losses;
}

interface Export {
  readonly name: string;
  readonly version: string | null;
}

function strongExports(elf: ElfFile): readonly Export[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  const found: Export[] = [];
  for (const index of withoutGoPunctuation(symbols.exports, symbols.nameOffsets, symbols.strings.bytes)) {
    const type = symbols.type(index);
    if (symbols.binding(index) === STB.global && (type === STT.func || type === STT.object)) {
      const name = symbols.name(index);
      if (!isGoOwnName(name)) {
        found.push({ name, version: elf.symbolVersions?.versionOf(index)?.version ?? null });
      }
    }
  }
  return found;
}

function inMember<Answer>({ name }: ScopeMember, read: () => Answer): Answer {
  try {
    return read();
  } catch (error) {
    throw error instanceof FormatError ? error.inFile(name) : error;
  }
}

/** Names, of those that are wanted, that an object's relocations look up, and whether it defines them itself. */
function lookUpsOf(elf: ElfFile, wanted: ReadonlySet<string>): ReadonlyMap<string, 'its own' | 'of others'> {
  const { dynamic, dynamicSymbols: symbols, relocations } = elf;
  const found = new Map<string, 'its own' | 'of others'>();
  if (symbols === null) {
    return found;
  }
  const bindsToItself = dynamic?.flagNames.includes('SYMBOLIC');
  const seen = new Uint8Array(symbols.length);
  for (let index = 0; index < relocations.length; index++) {
    const symbol = relocations.symbols[index] ?? 0;
    if (relocations.types[index] === 0 || symbol >= symbols.length || seen[symbol] === 1) {
      continue;
    }
    seen[symbol] = 1;
    const isOwn = symbols.section(symbol) !== SHN.undefined;
    const isBound = symbols.binding(symbol) === STB.local || visibilityName(symbols.other(symbol)) !== 'default';
    if (isOwn && (bindsToItself || isBound)) {
      continue;
    }
    const name = symbols.name(symbol);
    if (wanted.has(name)) {
      found.set(name, isOwn ? 'its own' : 'of others');
    }
  }
  return found;
}

/** For each object, those that name it in DT_NEEDED. */
function usersByNeed(scope: readonly ScopeMember[]): ReadonlyMap<ScopeMember, ReadonlySet<ScopeMember>> {
  const byName = new Map<string, ScopeMember>();
  for (const member of scope) {
    for (const name of namesOf(member)) {
      byName.set(name, byName.get(name) ?? member);
    }
  }
  const users = new Map<ScopeMember, Set<ScopeMember>>();
  for (const member of scope) {
    for (const needed of member.elf.dynamic?.needed ?? []) {
      const other = byName.get(needed.slice(needed.lastIndexOf('/') + 1));
      if (other !== undefined && other !== member) {
        users.set(other, (users.get(other) ?? new Set()).add(member));
      }
    }
  }
  return users;
}
