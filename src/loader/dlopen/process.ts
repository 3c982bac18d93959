import { isProgram } from '../../binary/elf/hardening.ts';
import { identifyCLibrary } from '../../binary/libc/c-library.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import { type SymbolScope, unboundReferences } from '../library-closure/binding.ts';
import type { LibraryOptions, Member, MissingLibrary } from '../library-closure/closure.ts';
import type { LibraryShelf } from '../library-closure/library-shelf.ts';
import { LoadedObjects } from '../library-closure/loaded-objects.ts';
import { type NamedFile, openMainObject } from '../library-closure/main-object.ts';
import { preloadNames } from '../library-closure/preload.ts';
import type { RunTimeLinker } from '../library-closure/run-time-linker.ts';
import { LibrarySearch } from '../library-closure/search-directories.ts';
import { checkVersions } from '../library-closure/versions.ts';
import { bindOpened, textWithVersion } from './bind-opened.ts';
import { errorTextsOf } from './error-texts.ts';
import { lackOf, loadNamed } from './load-named.ts';
import { loads, malformed, type Outcome, refused } from './outcome.ts';
import type { DlopenEvidence, DlopenPrediction } from './prediction.ts';
import { FixedThreadStorage } from './thread-storage.ts';

/** How dlopen is called. */
export interface OpeningMode {
  readonly scope: 'local' | 'global';
  readonly binding: 'now' | 'lazy';
}

/** A program as far as it can be started on paper, and what becomes of each dlopen that it calls, in order. */
export interface OpeningProcess {
  /**
   * What dlopen does with a file, or with a name without a slash, which is searched for.
   *
   * @throws ElfgateError `limit` when files were made to keep their loader busy.
   */
  open(file: NamedFile, mode: OpeningMode): DlopenPrediction;
}

/**
 * Starts a program with its libraries.
 *
 * @throws ElfgateError `unreadable`, or `unsupported-format` for what is no program; `limit`.
 * @throws FormatError when the program or one of its libraries contradicts the format.
 */
export function startProcess(program: NamedFile, shelf: LibraryShelf, options: LibraryOptions): OpeningProcess {
  const main = openMainObject(program, shelf);
  const { object } = main;
  if (!object.ask(isProgram)) {
    throw new ElfgateError('unsupported-format', `${program.name}: not a program, so that it calls no dlopen`, {
      hint: 'name the program first and the objects after it: elfgate predict --mode dlopen ./server ./module.so',
    });
  }
  if (object.interpreter === null) {
    return closed(staticProgram(program.name, object.ask(identifyCLibrary).kind));
  }
  const linker = shelf.linkerFor(object);
  const search = new LibrarySearch(shelf, linker, main, options);
  const objects = new LoadedObjects(main, linker, shelf, search);
  const { first } = objects.preload(preloadNames(options.preload ?? [], linker.kind === 'glibc' ? shelf.root : null));
  const { members, missing } = objects.reach(first, 'go on');
  const scope: SymbolScope = { members, linker, named: (name) => objects.named(name) };
  const lack = objects.hasLinker
    ? lackAtStart(scope, missing, shelf)
    : { path: program.name, at: 'PT_INTERP', label: 'needs', value: object.interpreter };
  return lack === null ? new DlopenProcess({ shelf, linker, search, objects, start: members }) : closed(noStart(lack));
}

function closed(outcome: Outcome): OpeningProcess {
  return { open: (file) => ({ plugin: file.name, ...outcome }) };
}

// musl gives static programs a stub (`src/ldso/dlopen.c`), glibc a whole loader that looks for the libraries of its release.
function staticProgram(path: string, libc: string): Outcome {
  const evidence = [{ path, at: 'program headers', label: 'host', value: `no PT_INTERP, linked with ${libc}` }];
  const help = 'link the program dynamically';
  return libc === 'musl'
    ? refused('host-static', 'Dynamic loading not supported', evidence, help)
    : refused('unknown-host', null, evidence, help);
}

function noStart(lack: DlopenEvidence): Outcome {
  const help = 'name the root file system that the program runs in: elfgate predict --root DIR …';
  return { ...refused('host-does-not-start', null, [lack], help), outcome: 'not-reached', recoverable: false };
}

/** What keeps a program from being started; `null` when nothing does. */
function lackAtStart(
  scope: SymbolScope,
  missing: readonly MissingLibrary[],
  shelf: LibraryShelf,
): DlopenEvidence | null {
  const library = missing.find(({ optional }) => !optional);
  if (library !== undefined) {
    return { path: library.neededBy.path, at: 'DT_NEEDED', label: 'needs', value: library.name };
  }
  const versions = scope.linker.kind === 'glibc' ? checkVersions(scope.members, { ...scope, missing: [] }, shelf) : [];
  const version = versions.find(({ kind }) => kind === 'absent');
  if (version !== undefined) {
    const value = `${version.version} of ${version.library}`;
    return { path: version.neededBy.path, at: '.gnu.version_r', label: 'needs', value };
  }
  const symbol = unboundReferences(scope.members, scope, shelf).find(({ weak, lazy }) => !weak && !lazy);
  return symbol === undefined
    ? null
    : { path: symbol.neededBy.path, at: '.dynsym', label: 'needs', value: textWithVersion(symbol) };
}

class DlopenProcess implements OpeningProcess {
  readonly #shelf: LibraryShelf;
  readonly #linker: RunTimeLinker;
  readonly #search: LibrarySearch;
  readonly #objects: LoadedObjects;
  readonly #threadStorage: FixedThreadStorage;
  /** The global scope, in the order in which it is searched. */
  #global: readonly Member[];
  /** What is in the process and relocated. */
  readonly #ready: Set<Member>;
  /** What dlopen was called for. */
  readonly #opened = new Set<Member>();
  #ended = false;

  constructor({
    shelf,
    linker,
    search,
    objects,
    start,
  }: {
    readonly shelf: LibraryShelf;
    readonly linker: RunTimeLinker;
    readonly search: LibrarySearch;
    readonly objects: LoadedObjects;
    /** The global scope at the start. */
    readonly start: readonly Member[];
  }) {
    this.#shelf = shelf;
    this.#linker = linker;
    this.#search = search;
    this.#objects = objects;
    this.#threadStorage = new FixedThreadStorage(start);
    this.#global = start;
    this.#ready = new Set(start);
  }

  open(file: NamedFile, mode: OpeningMode): DlopenPrediction {
    if (this.#ended) {
      const outcome = refused('process-ended', null, []);
      return { plugin: file.name, ...outcome, outcome: 'not-reached', recoverable: false };
    }
    const restore = [this.#objects.mark(), this.#threadStorage.mark()];
    const outcome = this.#tryOpen(file, mode);
    if (outcome.outcome !== 'loads') {
      for (const back of restore) {
        back();
      }
      this.#ended = outcome.outcome === 'crashes';
    }
    return { plugin: file.name, ...outcome };
  }

  #tryOpen(file: NamedFile, mode: OpeningMode): Outcome {
    const known = this.#search.unsearched.length;
    try {
      const outcome = this.#open(file, mode);
      const [first] = this.#search.unsearched.slice(known);
      return first === undefined || outcome.reason === 'malformed'
        ? outcome
        : refused('unknown-libraries', null, [
            { path: first.of ?? file.name, at: 'search path', label: 'depends on the process', value: first.entry },
          ]);
    } catch (error) {
      if (error instanceof FormatError) {
        return malformed(error, file.name);
      }
      throw error;
    }
  }

  #open(file: NamedFile, mode: OpeningMode): Outcome {
    const texts = errorTextsOf(this.#linker.kind);
    const loaded = loadNamed(file, this.#objects, {
      shelf: this.#shelf,
      kind: this.#linker.kind,
      texts,
      isReady: (member) => this.#ready.has(member),
    });
    if (loaded.kind === 'refused') {
      return loaded.outcome;
    }
    const { members, missing } = this.#objects.reach([loaded.member], 'stop');
    const lack = missing.find(({ optional }) => !optional);
    if (lack !== undefined) {
      return lackOf(lack, { texts, kind: this.#linker.kind, is64: loaded.member.object.platform.is64 });
    }
    const outcome = this.#opened.has(loaded.member)
      ? loads('already-open')
      : bindOpened(members, {
          shelf: this.#shelf,
          // The global scope comes first; DT_SYMBOLIC changes who wins, not whether somebody does.
          scope: {
            members: [...new Set([...this.#global, ...members])],
            linker: this.#linker,
            named: (name) => this.#objects.named(name),
          },
          isNew: new Set(members.filter((member) => !this.#ready.has(member))),
          present: [...this.#ready],
          threadStorage: this.#threadStorage,
          texts,
          binding: mode.binding,
        });
    if (outcome.outcome === 'loads') {
      this.#keep(loaded.member, members, mode);
    }
    return outcome;
  }

  #keep(opened: Member, members: readonly Member[], { scope }: OpeningMode): void {
    this.#opened.add(opened);
    for (const member of members) {
      this.#ready.add(member);
    }
    if (scope === 'global') {
      this.#global = [...new Set([...this.#global, ...members])];
    }
  }
}
