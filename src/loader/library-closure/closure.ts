import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { LibraryShelf } from './library-shelf.ts';
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
  readonly object: SharedObject;
  /** `null` for the object that everything starts at. */
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
  const building = new Building(main, linker, shelf, search);
  building.addPreloads(preloadNames(options.preload ?? [], linker.kind === 'glibc' ? shelf : null));
  building.addNeeded();
  return building.finish();
}

interface GrowingMember extends Member {
  readonly needs: GrowingMember[];
}

class Building {
  readonly #main: MainObject;
  readonly #linker: RunTimeLinker;
  readonly #search: LibrarySearch;
  readonly #members: GrowingMember[] = [];
  readonly #byName = new Map<string, GrowingMember>();
  readonly #byIdentity = new Map<string, GrowingMember>();
  readonly #missing: MissingLibrary[] = [];
  readonly #ignoredPreloads: string[] = [];
  /** The loader itself, which is in the process from the start and in the scope once somebody needs it. */
  readonly #linkerObject: SharedObject | null;
  #requests = 0;

  constructor(main: MainObject, linker: RunTimeLinker, shelf: LibraryShelf, search: LibrarySearch) {
    this.#main = main;
    this.#linker = linker;
    this.#search = search;
    const opened = linker.path === null ? null : shelf.open(shelf.resolve(linker.path), main.object.platform);
    this.#linkerObject = opened?.kind === 'object' ? opened.object : null;
    const first: GrowingMember = {
      name: main.label,
      path: main.path ?? main.label,
      object: main.object,
      neededBy: null,
      needs: [],
    };
    this.#add(first);
    if (main.path !== null) {
      this.#register(main.path, first);
    }
  }

  addPreloads(names: readonly string[]): void {
    const [first] = this.#members;
    for (const name of names) {
      if (first !== undefined && this.#load(name, first).kind !== 'loaded') {
        this.#ignoredPreloads.push(name);
      }
    }
  }

  addNeeded(): void {
    // Grows while it is walked: breadth first.
    for (const member of this.#members) {
      for (const { name, optional } of this.#wantedBy(member.object)) {
        this.#requests += 1;
        if (this.#requests > limits.closureRequests) {
          throw new ElfgateError('limit', `${this.#main.label}: more than ${limits.closureRequests} needed libraries`);
        }
        const loaded = this.#load(name, member);
        if (loaded.kind === 'loaded') {
          member.needs.push(loaded.member);
        } else {
          this.#missing.push({ name, neededBy: member, optional, refused: loaded.refused });
        }
      }
    }
  }

  /** Filters are loaded as if they were needed (glibc `elf/dl-deps.c`); musl knows none. */
  #wantedBy({ needed, filters, auxiliaries }: SharedObject): readonly { name: string; optional: boolean }[] {
    const wanted = (names: readonly string[], optional: boolean) => names.map((name) => ({ name, optional }));
    return this.#linker.kind === 'musl'
      ? wanted(needed, false)
      : [...wanted(filters, false), ...wanted(auxiliaries, true), ...wanted(needed, false)];
  }

  finish(): LibraryClosure {
    return {
      linker: this.#linker,
      interpreterFound: this.#main.object.interpreter === null ? null : this.#linkerObject !== null,
      members: this.#members,
      missing: this.#missing,
      ignoredPreloads: this.#ignoredPreloads,
      unsearched: this.#search.unsearched,
      named: (name) => this.#byName.get(name) ?? null,
    };
  }

  #load(
    asked: string,
    neededBy: GrowingMember,
  ):
    | { readonly kind: 'loaded'; readonly member: GrowingMember }
    | { readonly kind: 'missing'; readonly refused: MissingLibrary['refused'] } {
    const name = this.#search.expandName(asked, neededBy);
    if (name === null) {
      return { kind: 'missing', refused: null };
    }
    const known = this.#byName.get(name);
    if (known !== undefined) {
      return { kind: 'loaded', member: known };
    }
    if (this.#isLinker(name)) {
      return { kind: 'loaded', member: this.#addLinker(name, neededBy) };
    }
    const found = this.#search.find(name, neededBy);
    if (found.kind !== 'found') {
      return { kind: 'missing', refused: found.kind === 'refused' ? { path: found.path, reason: found.reason } : null };
    }
    if (found.object.identity === this.#linkerObject?.identity) {
      const member = this.#addLinker(name, neededBy);
      this.#register(name, member);
      return { kind: 'loaded', member };
    }
    const same = this.#byIdentity.get(found.object.identity);
    const member = same ?? this.#add({ name, path: found.path, object: found.object, neededBy, needs: [] });
    if (same === undefined || this.#linker.kind === 'glibc') {
      this.#register(name, member);
      this.#register(found.path, member);
    }
    return { kind: 'loaded', member };
  }

  #isLinker(name: string): boolean {
    if (this.#linkerObject === null) {
      return false;
    }
    return this.#linker.kind === 'musl'
      ? isPartOfMusl(name) || name === this.#linker.path
      : name === this.#linker.path || name === this.#linkerObject.soname;
  }

  #addLinker(name: string, neededBy: GrowingMember): GrowingMember {
    const object = this.#linkerObject;
    if (object === null) {
      throw new Error(`${name}: the loader was found and is gone`);
    }
    const member =
      this.#byIdentity.get(object.identity) ??
      this.#add({ name, path: this.#linker.path ?? name, object, neededBy, needs: [] });
    this.#register(name, member);
    return member;
  }

  #add(member: GrowingMember): GrowingMember {
    if (this.#members.length >= limits.closureMembers) {
      throw new ElfgateError(
        'limit',
        `${this.#main.label}: more than ${limits.closureMembers} libraries in one process`,
      );
    }
    this.#members.push(member);
    this.#byIdentity.set(member.object.identity, member);
    // musl knows objects by the name that they were asked for, glibc by their soname as well.
    if (this.#linker.kind === 'glibc' && member.object.soname !== null) {
      this.#register(member.object.soname, member);
    }
    return member;
  }

  /** The first object of a name keeps it: loaders walk their list from its start. */
  #register(name: string, member: GrowingMember): void {
    if (!this.#byName.has(name)) {
      this.#byName.set(name, member);
    }
  }
}

// musl `ldso/dynlink.c`, load_library: names of libraries whose contents are part of its libc.
function isPartOfMusl(name: string): boolean {
  return /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name);
}
