import { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram } from '../binary/elf/hardening.ts';
import { encodeName, gnuHash } from '../binary/elf/string-table.ts';
import { withLentMemory } from '../bytes/lent-memory.ts';
import { ElfgateError, type FormatError, unlessDamaged } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { runsOwnInitialisers } from '../loader/dlopen/initialisers.ts';
import { serves } from '../loader/global-scope.ts';
import { findInitialiserCycles, type InitialiserOpens, sharedObjectNames } from '../loader/initialiser-cycles.ts';
import { type KnownObject, LibraryShelf, readPeek } from '../loader/library-closure/library-shelf.ts';
import { type Resolution, resolveFile } from '../loader/library-closure/resolution.ts';
import { objectFactsOf } from '../loader/library-closure/shared-object.ts';
import { readHashTable } from '../loader/library-closure/symbol-hash.ts';
import { measureName, readSymbolIndex, type SymbolIndex } from '../loader/library-closure/symbol-index.ts';
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

/** What the loader of a root asks of one object, found out before the root around it is known: plain data. */
export interface EarlyLinkage extends KnownObject {
  readonly opens: InitialiserOpens['opens'];
}

/** Holds on to no bytes of the file. `null` for one that no loader reads, or that contradicts its format. */
export function earlyLinkageOf(elf: ElfFile): EarlyLinkage | null {
  return elf.dynamic === null
    ? null
    : unlessDamaged(() => ({
        header: readPeek(elf.source),
        object: objectFactsOf(elf),
        symbols: readyToBind(readSymbolIndex(elf)),
        opens: opensUnlessProgram(elf),
      }));
}

function readyToBind(symbols: SymbolIndex): SymbolIndex {
  for (const symbol of symbols.references.symbols) {
    measureName(symbols, symbol);
  }
  return symbols;
}

/** What is not in order about a file. Its references are held apart: a root has millions, to far fewer symbols. */
interface Resolved {
  readonly facts: BinaryFacts;
  readonly resolution: Omit<Resolution, 'unresolved'>;
  readonly unserved: readonly Reference[];
}

/** A strong reference that nothing loaded with the object serves: of the object itself, or for a program of all. */
interface Reference {
  readonly wanted: WantedSymbol;
  readonly neededBy: string;
  readonly lazy: boolean;
}

/** A symbol that some reference of the root misses, and who in the root would define it. */
interface WantedSymbol {
  readonly symbol: string;
  readonly version: string | null;
  readonly definers: BinaryFacts[];
}

/** Each wanted symbol once, by its name and then its version. */
type WantedSymbols = Map<string, Map<string | null, WantedSymbol>>;

export interface TreeLinkageOptions {
  /** LD_LIBRARY_PATH of the processes that an image starts. */
  readonly libraryPath: readonly string[];
  /** What is known of an object; `null` when it is to be read. */
  readonly early: (path: string) => EarlyLinkage | null;
  /** Told, maybe more than once, of an object that turns out to contradict its format when it is compared with others. */
  readonly onDamaged: (path: string, error: FormatError) => void;
}

/** Resolves every program and library of a root as its loader would. */
export function linkageOfTree(
  tree: FileTree,
  binaries: readonly InspectedBinary[],
  { libraryPath, early, onDamaged }: TreeLinkageOptions,
): TreeLinkage {
  const looks = new LooksInside(early);
  const shelf = new LibraryShelf(
    tree,
    limits.rootBindingSteps,
    (path, elf, symbols) => looks.lookInside(path, elf, symbols),
    early,
  );
  const dynamic = binaries.map(({ facts }) => facts).filter(isDynamic);
  const linkage: LinkageFacts[] = [];
  const resolved: Resolved[] = [];
  const wanted: WantedSymbols = new Map();
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
        const { unresolved, ...rest } = resolution;
        resolved.push({ facts, resolution: rest, unserved: unservedOf(facts, resolution, wanted) });
      }
    } catch (error) {
      linkage.push(undecided(facts, error));
    }
  }
  shelf.releaseSymbols();
  findDefiners(wanted, tree, dynamic, looks);
  const opens = new Map(
    dynamic.filter(({ elf }) => elf?.program === false).map((facts) => [facts, looks.opensOf(facts.path, tree)]),
  );
  linkage.push(...resolved.map((each) => linkageFacts(each, dynamic, shelf)).filter(isWorthSaying));
  const interposed = interposedInTree(
    tree,
    binaries.map(({ facts }) => facts),
    together,
    onDamaged,
  );
  return {
    linkage: linkage.sort((left, right) => (left.path < right.path ? -1 : 1)),
    cycles: [...neededCyclesOf(resolved, shelf), ...initialiserCycles(dynamic, opens)],
    globalScope: resolved.flatMap((each) => globalScopeNeed(each, loaded)),
    mixtures,
    interposed,
    hiddenReferences: hiddenReferencesInTree(
      resolved.flatMap(unansweredIn),
      dynamic.map(({ path }) => path),
      (path, question) => askFile(tree, path, question),
    ),
  };
}

/** References of a shared object with Go code that no object of the root answers. */
function unansweredIn({ facts, unserved }: Resolved): readonly UnansweredObject[] {
  const { path, go, elf } = facts;
  const symbols = unserved.flatMap(({ wanted }) => (wanted.definers.length === 0 ? [wanted.symbol] : []));
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

function unservedOf(facts: BinaryFacts, { file, unresolved }: Resolution, wanted: WantedSymbols): readonly Reference[] {
  return unresolved
    .filter(({ weak, neededBy }) => !weak && (facts.elf?.program === true || neededBy === file))
    .map(({ symbol, version, neededBy, lazy }) => ({ wanted: wantedSymbol(wanted, symbol, version), neededBy, lazy }));
}

function wantedSymbol(wanted: WantedSymbols, symbol: string, version: string | null): WantedSymbol {
  const versions = wanted.get(symbol) ?? new Map<string | null, WantedSymbol>();
  const known = versions.get(version) ?? { symbol, version, definers: [] };
  versions.set(version, known);
  wanted.set(symbol, versions);
  return known;
}

function linkageFacts(
  { facts, resolution, unserved }: Resolved,
  dynamic: readonly BinaryFacts[],
  shelf: LibraryShelf,
): LinkageFacts {
  const isOwn = (neededBy: string): boolean => facts.elf?.program === true || neededBy === resolution.file;
  const [depends] = resolution.unsearched;
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
    unresolved: [
      ...unserved.filter(({ wanted }) => wanted.definers.length === 0),
      ...unserved.filter(({ wanted }) => wanted.definers.length > 0),
    ]
      .slice(0, limits.listedLinkage)
      .map(({ wanted: { symbol, version, definers }, neededBy, lazy }) => ({
        symbol,
        version,
        neededBy: placeIn(shelf, neededBy),
        lazy,
        elsewhere: definers[0]?.path ?? null,
      })),
    unresolvedCount: unserved.length,
  };
}

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** What only an object itself tells: taken while its loader has it open, as opening each again takes longer. */
class LooksInside {
  readonly #looks = new Map<
    string,
    { readonly chain: Uint32Array | null; readonly opens: InitialiserOpens['opens'] }
  >();
  #chainBytes = 0;
  readonly #early: (path: string) => EarlyLinkage | null;

  /** @param early what is known of an object before its loader has it open; `null` for nothing. */
  constructor(early: (path: string) => EarlyLinkage | null) {
    this.#early = early;
  }

  lookInside(path: string, elf: ElfFile, symbols: SymbolIndex | null): void {
    const chain = symbols === null ? null : chainIn(symbols);
    const isKept = chain !== null && this.#chainBytes + chain.byteLength <= limits.keptChainBytes;
    this.#chainBytes += isKept ? chain.byteLength : 0;
    this.#looks.set(path, { chain: isKept ? chain : null, opens: opensUnlessProgram(elf) });
  }

  /** The hash values of what an object defines, their lowest bits aside; `null` where only the file itself tells. */
  chainOf(path: string): Uint32Array | null {
    const early = this.#early(path);
    return early === null ? (this.#looks.get(path)?.chain ?? null) : chainIn(early.symbols);
  }

  /** Libraries that an object may open while it is initialised. */
  opensOf(path: string, tree: FileTree): InitialiserOpens['opens'] {
    return (this.#early(path) ?? this.#looks.get(path))?.opens ?? askFile(tree, path, opensOf) ?? [];
  }
}

function chainIn({ hash }: SymbolIndex): Uint32Array | null {
  return hash?.kind === 'gnu' ? hash.chain : null;
}

function opensUnlessProgram(elf: ElfFile): InitialiserOpens['opens'] {
  return isProgram(elf) ? [] : (unlessDamaged(() => opensOf(elf)) ?? []);
}

function findDefiners(
  wanted: WantedSymbols,
  tree: FileTree,
  dynamic: readonly BinaryFacts[],
  looks: LooksInside,
): void {
  // Decoding each name of a root to ask for it would leave more behind than everything else of a run.
  const hashes = new Set([...wanted.keys()].map((symbol) => gnuHash(encodeName(symbol), 0) | 1));
  for (const facts of hashes.size === 0 ? [] : dynamic) {
    if (looks.chainOf(facts.path)?.some((value) => hashes.has(value | 1)) === false) {
      continue;
    }
    askFile(tree, facts.path, (elf) => {
      for (const symbol of definedOf(elf, wanted, hashes)) {
        symbol.definers.push(facts);
      }
    });
  }
}

function definedOf(elf: ElfFile, wanted: WantedSymbols, hashes: ReadonlySet<number>): ReadonlySet<WantedSymbol> {
  const defined = new Set<WantedSymbol>();
  const { dynamic, dynamicSymbols: table } = elf;
  if (dynamic === null || table === null) {
    return defined;
  }
  const known = readHashTable(elf.header, dynamic, elf.memory, table.length);
  // What is in no chain, no loader finds. The lowest bit of a chain's entry says where the chain ends.
  const chain = known?.kind === 'gnu' ? known : null;
  for (let index = chain?.firstSymbol ?? 1; index < table.length; index++) {
    if (chain !== null && !hashes.has((chain.chain[index - chain.firstSymbol] ?? 0) | 1)) {
      continue;
    }
    for (const symbol of table.isExport(index) ? (wanted.get(table.name(index))?.values() ?? []) : []) {
      if (serves(elf, index, symbol.version)) {
        defined.add(symbol);
      }
    }
  }
  return defined;
}

/** `null` for a file that contradicts its format, which its own facts say. No answer is to hold on to bytes of the file. */
function askFile<Answer>(tree: FileTree, path: string, question: (elf: ElfFile) => Answer): Answer | null {
  const source = tree.open(path);
  try {
    return unlessDamaged(() => withLentMemory(source, (lent) => question(new ElfFile(lent))));
  } finally {
    source.close();
  }
}

/**
 * Symbols of a library that only another one defines, which neither it nor any program of the root needs: whoever loads it
 * has to open that one first, with RTLD_GLOBAL.
 */
function globalScopeNeed(
  { facts, resolution, unserved }: Resolved,
  loaded: ReadonlySet<string>,
): readonly GlobalScopeFacts[] {
  if (facts.elf?.program === true) {
    return [];
  }
  const symbols = unserved.flatMap(({ wanted: { symbol, definers } }) => {
    const inScope = definers.some(({ path, elf }) => elf?.program === true || loaded.has(path));
    const [provider] = definers;
    return inScope || provider === undefined ? [] : [{ name: symbol, provider: provider.path }];
  });
  return symbols.length === 0
    ? []
    : [
        {
          path: facts.path,
          symbols: symbols.slice(0, limits.listedLinkage),
          count: symbols.length,
          certain: resolution.missing.length === 0,
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

function initialiserCycles(
  dynamic: readonly BinaryFacts[],
  opens: ReadonlyMap<BinaryFacts, InitialiserOpens['opens']>,
): readonly CycleFacts[] {
  const objects = dynamic
    .filter(({ elf }) => elf?.program === false)
    .map((facts): InitialiserOpens => {
      const { path, elf } = facts;
      return {
        path,
        needed: elf?.needed ?? [],
        names: [...new Set([fileName(path), ...(elf?.soname == null ? [] : [elf.soname])])],
        opens: opens.get(facts) ?? [],
      };
    });
  return findInitialiserCycles(objects).map(({ paths, evidence }) => ({
    paths: [...paths],
    kind: 'initialiser',
    evidence: evidence.map((each) => ({ ...each })),
  }));
}

const dlopenName = Buffer.from('dlopen\0');

/** Libraries that an object may open while it is initialised. */
export function opensOf(elf: ElfFile): InitialiserOpens['opens'] {
  const { dynamicSymbols } = elf;
  // Most do not: one search of the names spares decoding them all.
  if (dynamicSymbols === null || !dynamicSymbols.strings.bytes.includes(dlopenName)) {
    return [];
  }
  const starts = dynamicSymbols.strings.offsetsOf('dlopen\0');
  const importsDlopen = dynamicSymbols.imports.some((index) => starts.has(dynamicSymbols.nameOffset(index)));
  return importsDlopen && runsOwnInitialisers(elf) ? sharedObjectNames(elf) : [];
}
