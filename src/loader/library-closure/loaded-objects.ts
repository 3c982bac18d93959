import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { MainObject, Member, MissingLibrary } from './closure.ts';
import type { LibraryShelf } from './library-shelf.ts';
import type { RunTimeLinker } from './run-time-linker.ts';
import type { LibrarySearch } from './search-directories.ts';
import type { SharedObject } from './shared-object.ts';

interface GrowingMember extends Member {
  readonly needs: GrowingMember[];
}

/** What became of a request for a library. */
export type Loading =
  | { readonly kind: 'loaded'; readonly member: Member; readonly isNew: boolean }
  | { readonly kind: 'missing'; readonly refused: MissingLibrary['refused']; readonly otherClass: boolean };

/** A list of objects in which symbols are looked up, and what could not be found while it was made. */
export interface Reached {
  readonly members: readonly Member[];
  readonly missing: readonly MissingLibrary[];
}

/** The objects of one process, by the names and files by which its loader knows them again. */
export class LoadedObjects {
  readonly #main: MainObject;
  readonly #linker: RunTimeLinker;
  readonly #shelf: LibraryShelf;
  readonly #search: LibrarySearch;
  #members: GrowingMember[] = [];
  #byName = new Map<string, GrowingMember>();
  #byIdentity = new Map<string, GrowingMember>();
  /** Those whose needs are all known. */
  #expanded = new Set<GrowingMember>();
  /** The loader itself, which is in the process from the start and in the scope once somebody needs it. */
  readonly #linkerObject: SharedObject | null;
  readonly #first: GrowingMember;
  #requests = 0;

  constructor(main: MainObject, linker: RunTimeLinker, shelf: LibraryShelf, search: LibrarySearch) {
    this.#main = main;
    this.#linker = linker;
    this.#shelf = shelf;
    this.#search = search;
    const opened = linker.path === null ? null : shelf.open(shelf.resolve(linker.path), main.object.platform);
    this.#linkerObject = opened?.kind === 'object' ? opened.object : null;
    this.#first = this.#add({
      name: main.label,
      path: main.path ?? main.label,
      origin: main.path === null ? null : directoryOf(main.path),
      object: main.object,
      neededBy: null,
      needs: [],
    });
    // Who runs a program is the kernel: its loader knows neither its name nor its file.
    if (main.path !== null && main.object.interpreter === null) {
      this.#register(main.path, this.#first);
    }
  }

  /** The object that everything starts at. */
  get main(): Member {
    return this.#first;
  }

  get hasLinker(): boolean {
    return this.#linkerObject !== null;
  }

  /** What a name means in this process (glibc `_dl_lookup_map`); `null` when no object answers to it. */
  named(name: string): Member | null {
    return this.#byName.get(name) ?? null;
  }

  /** The start of the global scope, and the names that were not found, which the loader says and goes on. */
  preload(names: readonly string[]): { readonly first: readonly Member[]; readonly ignored: readonly string[] } {
    const ignored = names.filter((name) => this.load(name, this.#first).kind !== 'loaded');
    return { first: [...this.#members], ignored };
  }

  /**
   * Objects and what they need, breadth first (glibc `elf/dl-deps.c`, _dl_map_object_deps), each once.
   *
   * @param atMissing whether a library that is not there ends it, as it does in dlopen, or not, as for `ldd`.
   */
  reach(first: readonly Member[], atMissing: 'go on' | 'stop'): Reached {
    const members = [...first] as GrowingMember[];
    const reached = new Set(members);
    const missing: MissingLibrary[] = [];
    // Grows while it is walked: breadth first.
    for (const member of members) {
      if (!this.#expanded.has(member)) {
        missing.push(...this.#expand(member, atMissing));
        if (atMissing === 'stop' && missing.some(({ optional }) => !optional)) {
          return { members, missing };
        }
        this.#expanded.add(member);
      }
      for (const needed of member.needs) {
        if (!reached.has(needed)) {
          reached.add(needed);
          members.push(needed);
        }
      }
    }
    return { members, missing };
  }

  /** Loads what `asked` names on behalf of an object, unless it is there already. */
  load(asked: string, neededBy: Member): Loading {
    const name = this.#search.expandName(asked, neededBy);
    if (name === null) {
      return { kind: 'missing', refused: null, otherClass: false };
    }
    const known = this.#byName.get(name);
    if (known !== undefined) {
      return { kind: 'loaded', member: known, isNew: false };
    }
    if (this.#isLinker(name)) {
      return { kind: 'loaded', member: this.#addLinker(name, neededBy), isNew: false };
    }
    const found = this.#search.find(name, neededBy, this.#first);
    if (found.kind === 'absent') {
      return { kind: 'missing', refused: null, otherClass: found.otherClass };
    }
    return found.kind === 'refused'
      ? { kind: 'missing', refused: { path: found.path, reason: found.reason }, otherClass: false }
      : this.#addFound(name, found.path, directoryOf(found.path), found.object, neededBy);
  }

  /** Loads a file that a path names, for dlopen, unless it is there already. */
  loadFile(name: string, origin: string | null, object: SharedObject): Extract<Loading, { kind: 'loaded' }> {
    return this.#addFound(name, name, origin, object, null);
  }

  /** Marks the present state: calling the result brings it back, as a dlopen that fails leaves no trace. */
  mark(): () => void {
    const [members, byName, byIdentity, expanded] = [
      [...this.#members],
      new Map(this.#byName),
      new Map(this.#byIdentity),
      new Set(this.#expanded),
    ];
    return () => {
      this.#members = members;
      this.#byName = byName;
      this.#byIdentity = byIdentity;
      this.#expanded = expanded;
    };
  }

  #expand(member: GrowingMember, atMissing: 'go on' | 'stop'): readonly MissingLibrary[] {
    const missing: MissingLibrary[] = [];
    for (const { name, optional } of this.#wantedBy(member.object)) {
      this.#requests += 1;
      if (this.#requests > limits.closureRequests) {
        throw new ElfgateError('limit', `${this.#main.label}: more than ${limits.closureRequests} needed libraries`);
      }
      this.#shelf.spend(stepsOfRequest, this.#main.label);
      const loaded = this.load(name, member);
      if (loaded.kind === 'loaded') {
        member.needs.push(loaded.member as GrowingMember);
        continue;
      }
      missing.push({ name, neededBy: member, optional, refused: loaded.refused, otherClass: loaded.otherClass });
      if (atMissing === 'stop' && !optional) {
        break;
      }
    }
    return missing;
  }

  /** Filters are loaded as if they were needed (glibc `elf/dl-deps.c`); musl knows none. */
  #wantedBy({ needed, filters, auxiliaries }: SharedObject): readonly { name: string; optional: boolean }[] {
    const wanted = (names: readonly string[], optional: boolean) => names.map((name) => ({ name, optional }));
    return this.#linker.kind === 'musl'
      ? wanted(needed, false)
      : [...wanted(filters, false), ...wanted(auxiliaries, true), ...wanted(needed, false)];
  }

  #addFound(
    name: string,
    path: string,
    origin: string | null,
    object: SharedObject,
    neededBy: Member | null,
  ): Extract<Loading, { kind: 'loaded' }> {
    if (object.identity === this.#linkerObject?.identity) {
      const member = this.#addLinker(name, neededBy);
      this.#register(name, member);
      return { kind: 'loaded', member, isNew: false };
    }
    const same = this.#byIdentity.get(object.identity);
    const member = same ?? this.#add({ name, path, origin, object, neededBy, needs: [] });
    if (same === undefined || this.#linker.kind === 'glibc') {
      this.#register(name, member);
      this.#register(path, member);
    }
    return { kind: 'loaded', member, isNew: same === undefined };
  }

  #isLinker(name: string): boolean {
    if (this.#linkerObject === null) {
      return false;
    }
    return this.#linker.kind === 'musl'
      ? isPartOfMusl(name) || name === this.#linker.path
      : name === this.#linker.path || name === this.#linkerObject.soname;
  }

  #addLinker(name: string, neededBy: Member | null): GrowingMember {
    const object = this.#linkerObject;
    if (object === null) {
      throw new Error(`${name}: the loader was found and is gone`);
    }
    const path = this.#linker.path ?? name;
    const member =
      this.#byIdentity.get(object.identity) ??
      this.#add({ name, path, origin: directoryOf(path), object, neededBy, needs: [] });
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

/** Steps of binding that take about as long as a look for a library whose place is known. */
const stepsOfRequest = 64;

// musl `ldso/dynlink.c`, load_library: names of libraries whose contents are part of its libc.
function isPartOfMusl(name: string): boolean {
  return /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

/** The directory of a path from the root on. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
