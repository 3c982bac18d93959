import { limits } from '../../limits.ts';
import type { LibraryClosure, Member } from './closure.ts';
import { boundEarly } from './early-binding.ts';
import type { LibraryShelf } from './library-shelf.ts';
import type { RunTimeLinker } from './run-time-linker.ts';
import type { SharedObject } from './shared-object.ts';
import { symbolName, use } from './symbol-index.ts';
import { assertEffortLeft, findDefinition, type LookupEffort, type Wanted, wantedBy } from './symbol-lookup.ts';
import { defines, undefinedIn } from './undefined-references.ts';
import { checkVersions, type VersionError } from './versions.ts';

export interface UnresolvedSymbol {
  readonly symbol: string;
  /** Its number in the table of dynamic symbols. */
  readonly number: number;
  readonly version: string | null;
  readonly neededBy: Member;
  /** It stays zero, and that is no failure. */
  readonly weak: boolean;
  /** Only called through the linkage table, and its address is not taken. */
  readonly isCall: boolean;
  /** The loader does not stop for it: the process dies when the function is called. */
  readonly lazy: boolean;
  /** The needed library that its version belongs to; `null` without a version. */
  readonly library: string | null;
}

export interface Binding {
  /** In the order of the members, then of their symbols. */
  readonly unresolved: readonly UnresolvedSymbol[];
  readonly versionErrors: readonly VersionError[];
}

/**
 * What stays undefined when the loader binds every reference of a closure, as `ldd -r` makes it do.
 *
 * The scope of a program at its start is one list: itself, preloaded objects, then the needed ones breadth first (gABI
 * chapter 5, "Shared Object Dependencies"). DT_SYMBOLIC and protected visibility change who wins, not whether somebody
 * does.
 *
 * @throws FormatError when the symbols of a member lie outside its file.
 * @throws ElfgateError `limit` when hash tables were made to keep their reader busy.
 */
export function bindSymbols(closure: LibraryClosure, shelf: LibraryShelf): Binding {
  const unresolved = unboundReferences(closure.members, closure, shelf);
  return {
    unresolved,
    versionErrors: closure.linker.kind === 'glibc' ? versionErrorsOf(closure.members, closure, shelf) : [],
  };
}

/**
 * What {@link checkVersions} finds. A library that has no versions at all is no reason for glibc to stop, until it binds a
 * symbol of one of these versions to it: that trips an assertion (`elf/dl-lookup.c`, check_match), which ends the process.
 *
 * @param isBound whether a reference of a member, one of `use`, is bound before anything calls it.
 * @throws as {@link checkVersions} does, and {@link bindSymbols}.
 */
export function versionErrorsOf(
  members: readonly Member[],
  scope: SymbolScope & Pick<LibraryClosure, 'missing'>,
  shelf: LibraryShelf,
  isBound: (member: Member, use: number) => boolean = () => true,
): readonly VersionError[] {
  return spending(members, shelf, (effort) =>
    checkVersions(members, scope, shelf).map((error) =>
      error.kind === 'no-versions' && tripsAssertion(error, scope, shelf, effort, isBound)
        ? { ...error, kind: 'absent' }
        : error,
    ),
  );
}

/** Looks symbols up for some members with as many steps as there are left, and takes those that it used from the shelf. */
function spending<Result>(
  members: readonly Member[],
  shelf: LibraryShelf,
  lookUp: (effort: LookupEffort) => Result,
): Result {
  const of = members[0]?.name ?? '';
  const granted = Math.min(limits.bindingSteps, shelf.stepsLeft);
  const effort = { left: granted, of };
  const result = lookUp(effort);
  shelf.spend(granted - effort.left, of);
  return result;
}

function tripsAssertion(
  { neededBy, provider, library, version }: VersionError,
  scope: SymbolScope,
  shelf: LibraryShelf,
  effort: LookupEffort,
  isBound: (member: Member, use: number) => boolean,
): boolean {
  // Most libraries without versions of their own have the table, because they ask for versions of others.
  if (provider === null || shelf.symbolsOf(provider.object).versionEntries !== null) {
    return false;
  }
  const index = shelf.symbolsOf(neededBy.object);
  return index.references.symbols.some((_, reference) => {
    const wanted = wantedBy(index, reference);
    return (
      wanted.library === library &&
      wanted.version === version &&
      isBound(neededBy, wanted.use) &&
      bindReference(neededBy, wanted, scope.members, scope, shelf, effort) === provider
    );
  });
}

/** Where references are looked up: the members of the scope in their order, and how the loader goes about it. */
export type SymbolScope = Pick<LibraryClosure, 'members' | 'linker' | 'named'>;

/**
 * What some members of a process refer to and no member of the scope defines.
 *
 * @throws FormatError when the symbols of a member lie outside its file.
 * @throws ElfgateError `limit` when hash tables were made to keep their reader busy.
 */
export function unboundReferences(
  members: readonly Member[],
  scope: SymbolScope,
  shelf: LibraryShelf,
): readonly UnresolvedSymbol[] {
  const positions = new Map(scope.members.map((member, position) => [member, position]));
  return spending(members, shelf, (effort) =>
    members.flatMap((member) => unresolvedOf(member, scope, positions, shelf, effort)),
  );
}

/**
 * The member that a reference of `user` binds to; `null` when none defines it.
 *
 * @param scope in the order in which the loader looks.
 */
export function bindReference(
  user: Member,
  wanted: Wanted,
  scope: readonly Member[],
  closure: Pick<LibraryClosure, 'linker' | 'named'>,
  shelf: LibraryShelf,
  effort: LookupEffort,
): Member | null {
  const last = lastInScope(wanted, closure);
  for (const member of scope) {
    const index = shelf.symbolsOf(member.object);
    // A program's copy of a library's data is filled from the library: the program itself is passed over.
    // Told by its identity: an index may have been given up meanwhile, and read again.
    const isSource = wanted.use !== use.copy || member.object.identity !== user.object.identity;
    if (isSource && findDefinition(wanted, index, closure.linker.kind, effort) !== 0) {
      return member;
    }
    if (member === last) {
      return null;
    }
  }
  return null;
}

/** The member at which the loader stops looking; `null` when it looks everywhere. */
function lastInScope({ library }: Wanted, closure: Pick<LibraryClosure, 'linker' | 'named'>): Member | null {
  return library !== null && closure.linker.stopsAtNamedLibrary ? closure.named(library) : null;
}

function unresolvedOf(
  member: Member,
  closure: SymbolScope,
  positions: ReadonlyMap<Member, number>,
  shelf: LibraryShelf,
  effort: LookupEffort,
): readonly UnresolvedSymbol[] {
  const remaining = likelyUnbound(member, closure, positions, shelf, effort);
  if (remaining.length === 0) {
    return [];
  }
  const index = shelf.symbolsOf(member.object);
  const found = new Map<number, UnresolvedSymbol>();
  for (const reference of remaining) {
    const wanted = wantedBy(index, reference);
    const isBound = bindReference(member, wanted, closure.members, closure, shelf, effort) !== null;
    assertEffortLeft(effort);
    if (isBound) {
      continue;
    }
    const stops = lastInScope(wanted, closure) !== null;
    const isCall = wanted.use === use.call && (found.get(wanted.symbol)?.isCall ?? true);
    found.set(wanted.symbol, {
      symbol: symbolName(index, wanted.symbol),
      number: wanted.symbol,
      version: wanted.version,
      neededBy: member,
      // A loader that stops at the library that a version names does so for weak references too.
      weak: index.references.weak[reference] === 1 && !stops,
      isCall,
      lazy: isCall && closure.linker.kind === 'glibc' && !member.object.bindsNow,
      library: wanted.library,
    });
  }
  return [...found.values()];
}

/**
 * References that neither the object itself nor what it needs defines: nearly all are bound by one of these, and what
 * one library defines for another is the same in every process.
 */
function likelyUnbound(
  member: Member,
  closure: SymbolScope,
  positions: ReadonlyMap<Member, number>,
  shelf: LibraryShelf,
  effort: LookupEffort,
): Uint32Array {
  const providers = [...new Set([member, ...member.needs])].filter((provider) => positions.has(provider));
  const known = knownOf(shelf);
  if (closure.linker.stopsAtNamedLibrary) {
    return unboundBeforeNamed(member, providers, closure, positions, known, shelf, effort);
  }
  return (
    known.remainder(member.object, providers, closure.linker.kind) ??
    known.keepRemainder(
      member.object,
      providers,
      closure.linker.kind,
      unboundAmong(member, providers, closure.linker.kind, shelf, effort),
    )
  );
}

/** References that none of the providers defines. */
function unboundAmong(
  { object }: Member,
  providers: readonly Member[],
  linker: RunTimeLinker['kind'],
  shelf: LibraryShelf,
  effort: LookupEffort,
): Uint32Array {
  const index = shelf.symbolsOf(object);
  const others = providers.map((provider) => ({
    name: provider.object.soname ?? provider.name,
    index: provider.object.identity === object.identity ? index : shelf.symbolsOf(provider.object),
  }));
  return boundEarly(index, others, linker) ?? undefinedIn(index, others, linker, effort);
}

/** The same for a loader that does not look behind the library that a version names. */
function unboundBeforeNamed(
  member: Member,
  providers: readonly Member[],
  closure: SymbolScope,
  positions: ReadonlyMap<Member, number>,
  known: KnownDefinitions,
  shelf: LibraryShelf,
  effort: LookupEffort,
): Uint32Array {
  const index = shelf.symbolsOf(member.object);
  const bound = new Uint8Array(index.references.symbols.length);
  const lastPosition = (reference: number): number => {
    const last = lastInScope(wantedBy(index, reference), closure);
    return last === null ? Number.POSITIVE_INFINITY : (positions.get(last) ?? 0);
  };
  for (const provider of providers) {
    const position = positions.get(provider) ?? 0;
    for (const reference of known.defined(member.object, provider.object, closure.linker.kind, shelf, effort)) {
      if (position <= lastPosition(reference)) {
        bound[reference] = 1;
      }
    }
  }
  return Uint32Array.from(bound.keys()).filter((reference) => bound[reference] === 0);
}

/** What one library defines for another, by their identities. */
type Pairs = Map<string, Map<string, Uint32Array>>;

interface Remainder {
  readonly providers: readonly string[];
  readonly references: Uint32Array;
}

/** What libraries define for each other, kept for as long as there is room. */
class KnownDefinitions {
  readonly #kept: Readonly<Record<RunTimeLinker['kind'], Pairs>> = { glibc: new Map(), musl: new Map() };
  /** What was left of a library's references when they were last looked up in what it needs. */
  readonly #remainders: Readonly<Record<RunTimeLinker['kind'], Map<string, Remainder>>> = {
    glibc: new Map(),
    musl: new Map(),
  };
  #bytes = 0;

  /** References of `user` that none of `providers` defines; `null` when that is not known. */
  remainder(user: SharedObject, providers: readonly Member[], linker: RunTimeLinker['kind']): Uint32Array | null {
    const known = this.#remainders[linker].get(user.identity);
    return known !== undefined &&
      known.providers.length === providers.length &&
      known.providers.every((identity, index) => identity === providers[index]?.object.identity)
      ? known.references
      : null;
  }

  keepRemainder(
    user: SharedObject,
    providers: readonly Member[],
    linker: RunTimeLinker['kind'],
    references: Uint32Array,
  ): Uint32Array {
    this.#makeRoom(references.byteLength + 64 * (1 + providers.length));
    this.#remainders[linker].set(user.identity, {
      providers: providers.map(({ object }) => object.identity),
      references,
    });
    return references;
  }

  /** References of `user` that `provider` defines. */
  defined(
    user: SharedObject,
    provider: SharedObject,
    linker: RunTimeLinker['kind'],
    shelf: LibraryShelf,
    effort: LookupEffort,
  ): Uint32Array {
    const known = this.#kept[linker].get(user.identity)?.get(provider.identity);
    if (known !== undefined) {
      return known;
    }
    const index = shelf.symbolsOf(user);
    const other = user.identity === provider.identity ? index : shelf.symbolsOf(provider);
    const result = Uint32Array.from(index.references.symbols.keys()).filter((reference) =>
      defines(other, index, reference, linker, effort),
    );
    // What a search that was broken off did not find is not to be remembered.
    assertEffortLeft(effort);
    this.#makeRoom(result.byteLength + 64);
    const ofUser = this.#kept[linker].get(user.identity) ?? new Map<string, Uint32Array>();
    ofUser.set(provider.identity, result);
    this.#kept[linker].set(user.identity, ofUser);
    return result;
  }

  #makeRoom(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > limits.remainderPairBytes) {
      for (const linker of ['glibc', 'musl'] as const) {
        this.#kept[linker].clear();
        this.#remainders[linker].clear();
      }
      this.#bytes = bytes;
    }
  }
}

const knownByShelf = new WeakMap<LibraryShelf, KnownDefinitions>();

function knownOf(shelf: LibraryShelf): KnownDefinitions {
  const known = knownByShelf.get(shelf) ?? new KnownDefinitions();
  knownByShelf.set(shelf, known);
  return known;
}
