import type { LibraryShelf } from './library-shelf.ts';
import { LoadedObjects } from './loaded-objects.ts';
import { preloadNames } from './preload.ts';
import type { RunTimeLinker } from './run-time-linker.ts';
import { LibrarySearch, type Unsearched } from './search-directories.ts';
import type { SharedObject } from './shared-object.ts';

/** An object in a process, and how it came there. */
export interface Member {
  /** The name by which it was first asked for; the own path for the object that everything starts at. */
  readonly name: string;
  /** Its path as the loader names it: of the directory in which it was found, links and dots included. */
  readonly path: string;
  /** The directory in the root that `$ORIGIN` stands for; `null` for a file that lies elsewhere. */
  readonly origin: string | null;
  readonly object: SharedObject;
  /** `null` for the object that everything starts at, and for those that dlopen was called for. */
  readonly neededBy: Member | null;
  /** What its DT_NEEDED entries were met with, in their order; missing ones are left out. */
  readonly needs: readonly Member[];
}

export interface MissingLibrary {
  readonly name: string;
  readonly neededBy: Member;
  /** The loader goes on without it (DT_AUXILIARY). */
  readonly optional: boolean;
  /** `null` when nothing of that name was found; else what was found, and why the loader refuses it. */
  readonly refused: { readonly path: string; readonly reason: string } | null;
  /** Only a file of the other word size was found. */
  readonly otherClass: boolean;
}

/** What a loader brings into a process for one object. */
export interface LibraryClosure {
  readonly linker: RunTimeLinker;
  /** Whether the program's own interpreter is in the root; `null` for libraries, which name none. */
  readonly interpreterFound: boolean | null;
  /** The global scope: the object itself, preloaded ones, then what is needed, breadth first. */
  readonly members: readonly Member[];
  readonly missing: readonly MissingLibrary[];
  /** Preloaded objects that the loader does not find: it says so and goes on. */
  readonly ignoredPreloads: readonly string[];
  /** Elements of search paths that depend on where and how the process is started. */
  readonly unsearched: readonly Unsearched[];
  /** The member that a name in the file of another one means, as `verneed` names libraries. */
  readonly named: (name: string) => Member | null;
}

export interface LibraryOptions {
  /** As LD_LIBRARY_PATH. */
  readonly libraryPath?: string;
  /** As LD_PRELOAD. */
  readonly preload?: readonly string[];
  /** Subdirectories of glibc-hwcaps that the processor supports, the best first; none unless given. */
  readonly hwcaps?: readonly string[];
}

/** Where a closure starts. */
export interface MainObject {
  readonly object: SharedObject;
  /** Path inside the root; `null` for a file that lies elsewhere, whose `$ORIGIN` the root does not hold. */
  readonly path: string | null;
  /** What messages call it. */
  readonly label: string;
}

/**
 * The libraries that a loader maps for a program or library, found as it finds them: DT_NEEDED breadth first.
 *
 * Sources: ld.so(8); glibc `elf/dl-deps.c` (_dl_map_object_deps) and `elf/dl-load.c` (_dl_map_object); musl
 * `ldso/dynlink.c` (load_deps, load_library).
 *
 * @throws FormatError when a library that would be taken contradicts the format: nothing is certain after that.
 * @throws ElfgateError `limit` when a file was made to keep its loader busy.
 */
export function resolveLibraries(main: MainObject, shelf: LibraryShelf, options: LibraryOptions = {}): LibraryClosure {
  const linker = shelf.linkerFor(main.object);
  const search = new LibrarySearch(shelf, linker, main, options);
  const objects = new LoadedObjects(main, linker, shelf, search);
  const { first, ignored } = objects.preload(
    preloadNames(options.preload ?? [], linker.kind === 'glibc' ? shelf.root : null),
  );
  const { members, missing } = objects.reach(first, 'go on');
  return {
    linker,
    interpreterFound: main.object.interpreter === null ? null : objects.hasLinker,
    members,
    missing,
    ignoredPreloads: ignored,
    unsearched: search.unsearched,
    named: (name) => objects.named(name),
  };
}
