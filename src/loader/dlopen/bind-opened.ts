import { dynamicValue } from '../../binary/elf/dynamic.ts';
import { DT } from '../../binary/elf/names.ts';
import { limits } from '../../limits.ts';
import {
  bindReference,
  type SymbolScope,
  type UnresolvedSymbol,
  unboundReferences,
  versionErrorsOf,
} from '../library-closure/binding.ts';
import type { Member } from '../library-closure/closure.ts';
import type { LibraryShelf } from '../library-closure/library-shelf.ts';
import { use } from '../library-closure/symbol-index.ts';
import { firstAboveLevel } from '../processor-level.ts';
import type { ErrorTexts } from './error-texts.ts';
import { hasOwnInitialisers } from './initialisers.ts';
import { loads, type Outcome, refused } from './outcome.ts';
import type { DlopenEvidence, UnboundCalls } from './prediction.ts';
import { firstRelocated, relocationOrder } from './relocation-order.ts';
import { assertSound } from './soundness.ts';
import { type FixedThreadStorage, fixedPlaces } from './thread-storage.ts';

interface BindingSurroundings {
  readonly shelf: LibraryShelf;
  readonly scope: SymbolScope;
  /** What this call brought in. */
  readonly isNew: ReadonlySet<Member>;
  /** What was in the process before, in or out of the scope. */
  readonly present: readonly Member[];
  readonly threadStorage: FixedThreadStorage;
  readonly texts: ErrorTexts;
  readonly binding: 'now' | 'lazy';
}

/**
 * Checks versions and binds what dlopen brought in, in the loader's order (glibc `elf/dl-open.c`, dl_open_worker; musl
 * `ldso/dynlink.c`, dlopen).
 *
 * @param reached the opened object and what it needs, breadth first.
 * @throws FormatError when symbols lie outside a file, or it would have the loader write or jump outside of it.
 * @throws ElfgateError `limit` when files were made to keep their loader busy.
 */
export function bindOpened(reached: readonly Member[], surroundings: BindingSurroundings): Outcome {
  const { scope, isNew, shelf, binding } = surroundings;
  const { kind } = scope.linker;
  const added = reached.filter((member) => isNew.has(member));
  for (const { object } of added) {
    assertSound(object);
  }
  const refusal = dependsOnRelease(added, scope) ?? (kind === 'glibc' ? missingVersion(added, surroundings) : null);
  if (refusal !== null) {
    return refusal;
  }
  const calls: UnresolvedSymbol[] = [];
  for (const member of kind === 'glibc' ? relocationOrder(reached, isNew) : added) {
    const unbound = unboundReferences([member], scope, shelf).filter(({ weak }) => !weak);
    const fatal = binding === 'lazy' ? unbound.filter((symbol) => !mayWait(symbol, kind)) : unbound;
    const first = firstRelocated(fatal, member, kind);
    if (first !== undefined) {
      return undefinedSymbol(first, surroundings);
    }
    calls.push(...unbound);
    const crowded = withoutThreadStorage(member, surroundings);
    if (crowded !== null) {
      return crowded;
    }
  }
  const above =
    kind === 'glibc' ? firstAboveLevel(added, surroundings.present, ({ object }, ask) => object.ask(ask)) : null;
  if (above !== null) {
    const evidence = [{ path: above.item.path, at: '.note.gnu.property', label: 'needs', value: above.level }];
    const help = `link the program with -Wl,-z,${above.level} as well: where it starts, the object loads`;
    return refused('unknown-processor', null, evidence, help);
  }
  const caller = calls.length === 0 ? null : initialiserThatMayCall(calls, reached, isNew);
  return caller === null
    ? {
        ...loads('compatible', unboundCalls(calls, surroundings.texts)),
        initialisers: added
          .filter(({ object }) => hasOwnInitialisers(object))
          .slice(0, listedInitialisers)
          .map(({ path }) => path),
      }
    : refused('unknown-initialiser', null, [
        { path: caller.path, at: 'DT_INIT, DT_INIT_ARRAY', label: 'runs', value: 'code of its own' },
        ...calls.slice(0, listedEvidence).map(needs),
      ]);
}

/** Most functions that are listed by name, and most of them as evidence. */
const listedCalls = 32;
const listedEvidence = 8;
/** Most objects that are listed for running code of their own. */
const listedInitialisers = 256;

/** A symbol as tools write it: with its version behind an at sign. */
export function textWithVersion({ symbol, version }: Pick<UnresolvedSymbol, 'symbol' | 'version'>): string {
  return version === null ? symbol : `${symbol}@${version}`;
}

function needs(symbol: UnresolvedSymbol): DlopenEvidence {
  return { path: symbol.neededBy.path, at: '.dynsym', label: 'needs', value: textWithVersion(symbol) };
}

// musl leaves calls for later too, unless the object wants them now (prepare_lazy); it looks at DT_BIND_NOW as glibc does.
function mayWait(symbol: UnresolvedSymbol, kind: 'glibc' | 'musl'): boolean {
  return kind === 'glibc' ? symbol.lazy : symbol.isCall && !symbol.neededBy.object.bindsNow;
}

/** The first version that a library lacks (glibc `elf/dl-version.c`, _dl_check_map_versions). */
function missingVersion(added: readonly Member[], { scope, shelf, binding }: BindingSurroundings): Outcome | null {
  const isBound = (member: Member, asked: number) => binding === 'now' || asked !== use.call || member.object.bindsNow;
  const error = versionErrorsOf(added, { ...scope, missing: [] }, shelf, isBound).find(({ kind }) => kind === 'absent');
  if (error === undefined) {
    return null;
  }
  const { library, version, neededBy, provider } = error;
  const evidence = [{ path: neededBy.path, at: '.gnu.version_r', label: 'needs', value: `${version} of ${library}` }];
  // An assertion of the loader, whose line differs from release to release.
  return provider === null || shelf.versionsOf(provider.object).versionsDefined === null
    ? { ...refused('version-without-library', null, evidence), outcome: 'crashes', recoverable: false }
    : refused(
        'symbol-version-missing',
        `${provider.path}: version \`${version}' not found (required by ${neededBy.path})`,
        evidence,
      );
}

// glibc refuses since 2.41 (its NEWS) what asks for an executable stack, unless the program has one. musl relocates DT_RELR
// since 1.2.4 and never IRELATIVE, which programs of glibc hold.
function dependsOnRelease(added: readonly Member[], scope: SymbolScope): Outcome | null {
  const [main] = scope.members;
  for (const member of added) {
    const { object, path } = member;
    const evidence = (at: string, value: string): readonly DlopenEvidence[] => [{ path, at, label: 'wants', value }];
    if (scope.linker.kind === 'musl') {
      if (object.ask(({ dynamic }) => dynamic !== null && dynamicValue(dynamic, DT.relr) !== null)) {
        return refused('unknown-loader', null, evidence('DT_RELR', 'musl 1.2.4'));
      }
    } else if (
      object.executableStack &&
      main?.object.executableStack === false &&
      scope.linker.refusesExecutableStacks
    ) {
      const message = `${path}: cannot enable executable stack as shared object requires: Invalid argument`;
      return refused('executable-stack', message, evidence('PT_GNU_STACK', 'an executable stack'));
    }
  }
  return null;
}

function undefinedSymbol(symbol: UnresolvedSymbol, { texts, scope, present, shelf }: BindingSurroundings): Outcome {
  const provider = hiddenProvider(symbol, present, scope, shelf);
  const message = texts.undefinedSymbol(symbol.neededBy.path, symbol.symbol, symbol.version);
  return provider === null
    ? refused('undefined-symbol', message, [needs(symbol)])
    : refused(
        'undefined-symbol',
        message,
        [
          needs(symbol),
          { path: provider.path, at: '.dynsym', label: 'defines it, opened with RTLD_LOCAL', value: symbol.symbol },
        ],
        `open ${provider.path} with RTLD_GLOBAL, or link ${symbol.neededBy.path} against it`,
      );
}

/** An object in the process that defines a symbol and does not offer it. */
function hiddenProvider(
  symbol: UnresolvedSymbol,
  present: readonly Member[],
  scope: SymbolScope,
  shelf: LibraryShelf,
): Member | null {
  const index = shelf.symbolsOf(symbol.neededBy.object);
  const wanted = {
    index,
    symbol: symbol.number,
    use: use.call,
    version: symbol.version,
    library: symbol.library,
  };
  return bindReference(symbol.neededBy, wanted, present, scope, shelf, {
    left: limits.bindingSteps,
    of: symbol.neededBy.path,
  });
}

function unboundCalls(calls: readonly UnresolvedSymbol[], texts: ErrorTexts): UnboundCalls {
  return {
    count: calls.length,
    symbols: calls.slice(0, listedCalls).map(({ symbol, version, neededBy }) => ({
      symbol,
      version,
      object: neededBy.path,
      message: texts.unboundCall(neededBy.path, symbol, version),
    })),
  };
}

/**
 * An object whose initialisers may come to such a call: the one that holds it, or one that needs it. What a library calls
 * in those that it does not need, nobody can tell; libraries do not.
 */
function initialiserThatMayCall(
  calls: readonly UnresolvedSymbol[],
  reached: readonly Member[],
  isNew: ReadonlySet<Member>,
): Member | null {
  const callers = new Set(calls.map(({ neededBy }) => neededBy));
  // From the end on, so that what needs comes after what is needed; a second round for those that need each other.
  for (let grown = true; grown; ) {
    grown = false;
    for (const member of reached.toReversed()) {
      if (!callers.has(member) && member.needs.some((needed) => callers.has(needed))) {
        callers.add(member);
        grown = true;
      }
    }
  }
  return [...callers].find((member) => isNew.has(member) && hasOwnInitialisers(member.object)) ?? null;
}

/** Gives thread-local storage at fixed places to what a new object asks for; `null` when all have theirs. */
function withoutThreadStorage(member: Member, surroundings: BindingSurroundings): Outcome | null {
  const { scope, shelf, threadStorage, texts } = surroundings;
  if (!member.object.wantsFixedThreadStorage) {
    return null;
  }
  const index = shelf.symbolsOf(member.object);
  const effort = { left: limits.bindingSteps, of: member.path };
  const owners = new Set<Member>(member.object.threadStorage === null ? [] : [member]);
  for (const symbol of fixedPlaces(member)) {
    const version = index.versionNames[(index.versionEntries?.[symbol] ?? 0) & 0x7fff] ?? null;
    const wanted = { index, symbol, use: use.call, version, library: null };
    const owner = bindReference(member, wanted, scope.members, scope, shelf, effort);
    if (owner !== null) {
      owners.add(owner);
    }
  }
  for (const owner of owners) {
    const evidence = [
      {
        path: owner.path,
        at: 'PT_TLS',
        label: 'needs',
        value: `${owner.object.threadStorage?.bytes ?? 0} bytes at a fixed place`,
      },
    ];
    const isPlaced = scope.linker.kind === 'musl' ? placedByMusl(owner, surroundings) : threadStorage.place(owner);
    if (isPlaced === 'unknown') {
      return refused('unknown-loader', null, evidence);
    }
    if (isPlaced === 'no room') {
      return refused('static-tls', texts.noThreadStorage(owner.path), evidence);
    }
  }
  return null;
}

/** musl gives nothing to what comes later (`ldso/dynlink.c`, do_relocs, REL_TPOFF). */
function placedByMusl(owner: Member, { isNew }: BindingSurroundings): 'placed' | 'no room' {
  return isNew.has(owner) && owner.object.threadStorage !== null ? 'no room' : 'placed';
}
