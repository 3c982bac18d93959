import { ElfFile } from '../binary/elf/elf-file.ts';
import { ElfgateError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { runsOwnInitialisers } from '../loader/dlopen/initialisers.ts';
import { serves } from '../loader/global-scope.ts';
import { findInitialiserCycles, type InitialiserOpens, sharedObjectNames } from '../loader/initialiser-cycles.ts';
import { LibraryShelf } from '../loader/library-closure/library-shelf.ts';
import { type Resolution, resolveFile } from '../loader/library-closure/resolution.ts';
import type { InspectedBinary } from './binary-facts.ts';
import { hiddenReferencesInTree, type UnansweredObject } from './hidden-reference-facts.ts';
import { interposedInTree } from './interposed-facts.ts';
import { type LinkedWith, linkedWith } from './mixtures.ts';
import type {
  BinaryFacts,
  CycleFacts,
  GlobalScopeFacts,
  HiddenReferenceFacts,
  InterpositionFacts,
  LinkageFacts,
} from './schema.ts';

/** What the loader of a root makes of its objects. */
export interface TreeLinkage {
  readonly linkage: readonly LinkageFacts[];
  readonly cycles: readonly CycleFacts[];
  readonly globalScope: readonly GlobalScopeFacts[];
  readonly interposed: readonly InterpositionFacts[];
  readonly hiddenReferences: readonly HiddenReferenceFacts[];
  /** Objects that another C library comes into the process of, by DT_NEEDED. */
  readonly mixtures: readonly TreeMixture[];
}

export interface TreeMixture {
  readonly path: string;
  readonly libc: LinkedWith;
  readonly other: { readonly path: string; readonly libc: LinkedWith };
}

export const noLinkage: TreeLinkage = {
  linkage: [],
  cycles: [],
  globalScope: [],
  interposed: [],
  hiddenReferences: [],
  mixtures: [],
};

interface Resolved {
  readonly facts: BinaryFacts;
  readonly resolution: Resolution;
}

/**
 * Resolves every program and library of a root as its loader would.
 *
 * @param libraryPath LD_LIBRARY_PATH of the processes that an image starts.
 */
export function linkageOfTree(
  tree: FileTree,
  binaries: readonly InspectedBinary[],
  libraryPath: readonly string[],
): TreeLinkage {
  const shelf = new LibraryShelf(tree, limits.rootBindingSteps);
  const dynamic = binaries.map(({ facts }) => facts).filter(isDynamic);
  const linkage: LinkageFacts[] = [];
  const resolved: Resolved[] = [];
  const loaded = new Set<string>();
  const together = new Map<string, readonly string[]>();
  const mixtures: TreeMixture[] = [];
  const options = { libraryPath: libraryPath.join(':') };
  const linked = new Map(binaries.map(({ facts }) => [facts.path, linkedWith(facts)]));
  for (const facts of dynamic) {
    const path = `/${facts.path}`;
    try {
      const resolution = resolveFile({ name: path, place: path, inRoot: path }, shelf, options);
      const libraries = resolution.libraries.map((library) => placeIn(shelf, library.path));
      if (facts.role !== null) {
        together.set(facts.path, libraries);
      }
      if (facts.elf?.program === true) {
        for (const library of libraries) {
          loaded.add(library);
        }
      }
      mixtures.push(...mixtureIn(facts, libraries, linked));
      if (!isClean(resolution)) {
        resolved.push({ facts, resolution });
      }
    } catch (error) {
      linkage.push(undecided(facts, error));
    }
  }
  const elsewhere = definersOf(wantedNames(resolved), tree, dynamic);
  linkage.push(...resolved.map((each) => linkageFacts(each, elsewhere, dynamic, shelf)).filter(isWorthSaying));
  return {
    linkage: linkage.sort((left, right) => (left.path < right.path ? -1 : 1)),
    cycles: [...neededCyclesOf(resolved, shelf), ...initialiserCycles(tree, dynamic)],
    globalScope: resolved.flatMap((each) => globalScopeNeed(each, elsewhere, loaded)),
    mixtures,
    interposed: interposedInTree(
      tree,
      binaries.map(({ facts }) => facts),
      together,
    ),
    hiddenReferences: hiddenReferencesInTree(
      resolved.flatMap((each) => unansweredIn(each, elsewhere)),
      dynamic.map(({ path }) => path),
      (path, question) => askFile(tree, path, question),
    ),
  };
}

/** References of a shared object with Go code that no object of the root answers. */
function unansweredIn(each: Resolved, elsewhere: Definers): readonly UnansweredObject[] {
  const { path, go, elf } = each.facts;
  const symbols = strongOf(each).flatMap((wanted) => (elsewhere.has(keyOf(wanted)) ? [] : [wanted.symbol]));
  return go === null || elf?.program === true || symbols.length === 0 ? [] : [{ path, symbols: new Set(symbols) }];
}

function isDynamic({ format, elf }: BinaryFacts): boolean {
  return (
    format === 'elf' &&
    elf !== null &&
    elf.machine !== 'bpf' &&
    (elf.interpreter !== null || elf.needed.length + elf.importCount + elf.exportCount > 0)
  );
}

/** The first library of a closure that was linked with another C library than the object that it is loaded for. */
function mixtureIn(
  facts: BinaryFacts,
  libraries: readonly string[],
  linked: ReadonlyMap<string, LinkedWith | null>,
): readonly TreeMixture[] {
  const libc = linkedWith(facts);
  for (const path of libc === null ? [] : libraries) {
    const other = linked.get(path) ?? null;
    if (libc !== null && other !== null && other !== libc) {
      return [{ path: facts.path, libc, other: { path, libc: other } }];
    }
  }
  return [];
}

function isClean({ missing, versionErrors, unresolved, cycles, unsearched }: Resolution): boolean {
  return (
    missing.length + versionErrors.length + cycles.length + unsearched.length === 0 &&
    unresolved.every(({ weak }) => weak)
  );
}

function isWorthSaying({ undecided: reason, missing, versions, unresolvedCount }: LinkageFacts): boolean {
  return reason !== null || missing.length + versions.length + unresolvedCount > 0;
}

/** @throws whatever is no failure to read a file. */
function undecided(facts: BinaryFacts, error: unknown): LinkageFacts {
  if (!(error instanceof ElfgateError)) {
    throw error;
  }
  return { ...nothingOf(facts), undecided: error.message };
}

function nothingOf({ path, elf }: BinaryFacts): LinkageFacts {
  return {
    path,
    program: elf?.program === true,
    undecided: null,
    missing: [],
    versions: [],
    unresolved: [],
    unresolvedCount: 0,
  };
}

/** Path of a file in the document: without links, as the tree lists it. */
function placeIn(shelf: LibraryShelf, path: string): string {
  return shelf.resolve(path)?.path ?? path.replace(/^\/+/, '');
}

/** Strong references of an object itself, or for a program of all that is loaded with it. */
function strongOf({ facts, resolution }: Resolved): Resolution['unresolved'] {
  return resolution.unresolved.filter(
    ({ weak, neededBy }) => !weak && (facts.elf?.program === true || neededBy === resolution.file),
  );
}

type Wanted = Pick<Resolution['unresolved'][number], 'symbol' | 'version'>;

const keyOf = ({ symbol, version }: Wanted): string => `${symbol}\0${version ?? ''}`;

/** Names that somebody wants, with the versions in which they are wanted. */
function wantedNames(resolved: readonly Resolved[]): ReadonlyMap<string, ReadonlySet<string | null>> {
  const wanted = new Map<string, Set<string | null>>();
  for (const { symbol, version } of resolved.flatMap(strongOf)) {
    wanted.set(symbol, (wanted.get(symbol) ?? new Set()).add(version));
  }
  return wanted;
}

function linkageFacts(
  each: Resolved,
  elsewhere: Definers,
  dynamic: readonly BinaryFacts[],
  shelf: LibraryShelf,
): LinkageFacts {
  const { facts, resolution } = each;
  const isOwn = (neededBy: string): boolean => facts.elf?.program === true || neededBy === resolution.file;
  const [depends] = resolution.unsearched;
  const strong = strongOf(each);
  return {
    ...nothingOf(facts),
    undecided:
      depends === undefined
        ? null
        : `the search path element "${depends.entry}" depends on where the process is started`,
    missing: resolution.missing
      // The program's own loader is the business of linkage/interpreter.
      .filter(({ name, neededBy, optional }) => !optional && isOwn(neededBy) && name !== resolution.interpreter?.path)
      .slice(0, limits.listedLinkage)
      .map(({ name, neededBy, refused }) => ({
        name,
        neededBy: placeIn(shelf, neededBy),
        refused: refused === null ? null : `${placeIn(shelf, refused.path)}: ${refused.reason}`,
        elsewhere: dynamic.find((other) => other.elf?.soname === name || fileName(other.path) === name)?.path ?? null,
      })),
    versions: resolution.versionErrors
      .filter(({ kind, neededBy }) => kind === 'absent' && isOwn(neededBy))
      .slice(0, limits.listedLinkage)
      .map(({ library, version, neededBy, provider }) => ({
        library,
        version,
        neededBy: placeIn(shelf, neededBy),
        provider: provider === null ? null : placeIn(shelf, provider),
      })),
    // What nothing defines comes first, because a list may be cut.
    unresolved: strong
      .toSorted((left, right) => Number(elsewhere.has(keyOf(left))) - Number(elsewhere.has(keyOf(right))))
      .slice(0, limits.listedLinkage)
      .map(({ symbol, version, neededBy, lazy }) => ({
        symbol,
        version,
        neededBy: placeIn(shelf, neededBy),
        lazy,
        elsewhere: elsewhere.get(keyOf({ symbol, version }))?.[0]?.path ?? null,
      })),
    unresolvedCount: strong.length,
  };
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Objects by the symbols, of those that are wanted, that they define. */
type Definers = ReadonlyMap<string, readonly BinaryFacts[]>;

function definersOf(wanted: ReturnType<typeof wantedNames>, tree: FileTree, dynamic: readonly BinaryFacts[]): Definers {
  const definers = new Map<string, BinaryFacts[]>();
  for (const facts of wanted.size === 0 ? [] : dynamic) {
    for (const key of askFile(tree, facts.path, (elf) => definedOf(elf, wanted)) ?? []) {
      const known = definers.get(key);
      if (known === undefined) {
        definers.set(key, [facts]);
      } else {
        known.push(facts);
      }
    }
  }
  return definers;
}

function definedOf(elf: ElfFile, wanted: ReturnType<typeof wantedNames>): ReadonlySet<string> {
  const { dynamicSymbols } = elf;
  return new Set(
    (dynamicSymbols?.exports ?? []).flatMap((index) => {
      const symbol = dynamicSymbols?.name(index) ?? '';
      return [...(wanted.get(symbol) ?? [])]
        .filter((version) => serves(elf, index, version))
        .map((version) => keyOf({ symbol, version }));
    }),
  );
}

/** `null` for a file that contradicts its format, which its own facts say. */
function askFile<Answer>(tree: FileTree, path: string, question: (elf: ElfFile) => Answer): Answer | null {
  const source = tree.open(path);
  try {
    return question(new ElfFile(source));
  } catch (error) {
    if (error instanceof ElfgateError) {
      return null;
    }
    throw error;
  } finally {
    source.close();
  }
}

/**
 * Symbols of a library that only another one defines, which neither it nor any program of the root needs: whoever loads it
 * has to open that one first, with RTLD_GLOBAL.
 */
function globalScopeNeed(
  each: Resolved,
  elsewhere: Definers,
  loaded: ReadonlySet<string>,
): readonly GlobalScopeFacts[] {
  if (each.facts.elf?.program === true) {
    return [];
  }
  const symbols = strongOf(each).flatMap(({ symbol, version }) => {
    const definers = elsewhere.get(keyOf({ symbol, version })) ?? [];
    const inScope = definers.some(({ path, elf }) => elf?.program === true || loaded.has(path));
    const [provider] = definers;
    return inScope || provider === undefined ? [] : [{ name: symbol, provider: provider.path }];
  });
  return symbols.length === 0
    ? []
    : [
        {
          path: each.facts.path,
          symbols: symbols.slice(0, limits.listedLinkage),
          count: symbols.length,
          certain: each.resolution.missing.length === 0,
        },
      ];
}

function neededCyclesOf(resolved: readonly Resolved[], shelf: LibraryShelf): readonly CycleFacts[] {
  const found = new Map<string, CycleFacts>();
  for (const { resolution } of resolved) {
    const paths = new Map(resolution.libraries.map(({ name, path }) => [name, placeIn(shelf, path)]));
    for (const cycle of resolution.cycles) {
      const members = cycle.map((name) => paths.get(name) ?? placeIn(shelf, name));
      const key = members.toSorted().join('\0');
      if (!found.has(key)) {
        const evidence = members.map((path, index) => ({
          path,
          at: 'DT_NEEDED',
          value: members[(index + 1) % members.length] ?? path,
        }));
        found.set(key, { paths: members, kind: 'needed', evidence });
      }
    }
  }
  return [...found.values()];
}

function initialiserCycles(tree: FileTree, dynamic: readonly BinaryFacts[]): readonly CycleFacts[] {
  const objects = dynamic
    .filter(({ elf }) => elf?.program === false)
    .map(
      ({ path, elf }): InitialiserOpens => ({
        path,
        needed: elf?.needed ?? [],
        names: [...new Set([fileName(path), ...(elf?.soname == null ? [] : [elf.soname])])],
        opens: askFile(tree, path, opensOf) ?? [],
      }),
    );
  return findInitialiserCycles(objects).map(({ paths, evidence }) => ({
    paths: [...paths],
    kind: 'initialiser',
    evidence: evidence.map((each) => ({ ...each })),
  }));
}

/** Libraries that an object may open while it is initialised. */
export function opensOf(elf: ElfFile): InitialiserOpens['opens'] {
  const { dynamicSymbols } = elf;
  const importsDlopen = dynamicSymbols?.imports.some((index) => dynamicSymbols.name(index) === 'dlopen') === true;
  return importsDlopen && runsOwnInitialisers(elf) ? sharedObjectNames(elf) : [];
}
