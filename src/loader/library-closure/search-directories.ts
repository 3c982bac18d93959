import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { LibraryOptions, MainObject, Member } from './closure.ts';
import type { LibraryShelf, Opened } from './library-shelf.ts';
import { directoryOf } from './loaded-objects.ts';
import { expandForMusl, expandTokens } from './path-tokens.ts';
import type { RunTimeLinker } from './run-time-linker.ts';
import type { SharedObject } from './shared-object.ts';

/** An element of a search path that is not looked at, because the root alone does not say what it names. */
export interface Unsearched {
  readonly entry: string;
  /** Path of the object that has it; `null` for LD_LIBRARY_PATH. */
  readonly of: string | null;
}

export type SearchResult =
  | { readonly kind: 'found'; readonly path: string; readonly object: SharedObject }
  | { readonly kind: 'refused'; readonly path: string; readonly reason: string }
  | {
      readonly kind: 'absent';
      /** A file of that name is there, of the other word size: glibc says so. */
      readonly otherClass: boolean;
    };

/** Looks for libraries on behalf of one process. */
export class LibrarySearch {
  readonly unsearched: Unsearched[] = [];
  readonly #shelf: LibraryShelf;
  readonly #linker: RunTimeLinker;
  readonly #main: MainObject;
  readonly #hwcaps: readonly string[];
  readonly #libraryPath: readonly string[];
  readonly #expanded = new Map<Member, readonly string[]>();
  readonly #noted = new Set<string>();
  #places = 0;
  #otherClass = false;

  constructor(shelf: LibraryShelf, linker: RunTimeLinker, main: MainObject, options: LibraryOptions) {
    this.#shelf = shelf;
    this.#linker = linker;
    this.#main = main;
    this.#hwcaps = linker.kind === 'glibc' ? (options.hwcaps ?? []) : [];
    const elements =
      options.libraryPath === undefined || options.libraryPath === '' ? [] : options.libraryPath.split(/[:;]/);
    this.#libraryPath =
      linker.kind === 'glibc'
        ? this.#directories(elements, main.path === null ? null : directoryOf(main.path), null)
        : this.#rooted((options.libraryPath ?? '').split(/[:\n]/), null);
  }

  /**
   * What the loader finds for a name that an object asks for.
   *
   * @param main the object that everything started at, whose DT_RPATH counts for what dlopen brings in as well.
   * @throws FormatError when a file would be taken and contradicts the format.
   * @throws ElfgateError `limit`
   */
  find(name: string, loader: Member, main: Member): SearchResult {
    this.#otherClass = false;
    return this.#linker.kind === 'glibc' ? this.#findAsGlibc(name, loader, main) : this.#findAsMusl(name, loader, main);
  }

  /** The name that the loader looks for: DT_NEEDED may hold tokens (glibc elf/dl-deps.c, expand_dst). */
  expandName(name: string, loader: Member): string | null {
    return this.#linker.kind === 'glibc' && name.includes('$') ? expandTokens(name, this.#tokens(loader.origin)) : name;
  }

  // glibc elf/dl-load.c, _dl_map_object.
  #findAsGlibc(name: string, loader: Member, main: Member): SearchResult {
    if (name === '') {
      return this.#absent();
    }
    if (name.includes('/')) {
      return this.#at(name, loader);
    }
    const { object } = loader;
    return (
      (object.runpath === null ? this.#inPathsOfLoaders(name, loader, main) : null) ??
      this.#inDirectories(name, this.#libraryPath) ??
      (object.runpath === null ? null : this.#inDirectories(name, this.#ownDirectories(loader, object.runpath))) ??
      this.#inCache(name, object) ??
      (object.noDefaultLibraries ? null : this.#inDirectories(name, this.#linker.directories)) ??
      this.#absent()
    );
  }

  /** DT_RPATH of the object, of the one that needed it, and so on up to what dlopen opened, and of the program. */
  #inPathsOfLoaders(name: string, loader: Member, main: Member): SearchResult | null {
    for (const each of loadersOf(loader, main)) {
      const { rpath } = each.object;
      const found = rpath === null ? null : this.#inDirectories(name, this.#ownDirectories(each, rpath));
      if (found !== null) {
        return found;
      }
    }
    return null;
  }

  #inCache(name: string, object: SharedObject): SearchResult | null {
    const path = this.#shelf.cacheFor(this.#main.object)?.find(name, this.#hwcaps) ?? null;
    if (
      path === null ||
      (object.noDefaultLibraries && this.#linker.directories.some((each) => path.startsWith(`${each}/`)))
    ) {
      return null;
    }
    return this.#take(path, this.#open(this.#shelf.resolve(path)));
  }

  // musl ldso/dynlink.c, load_library: DT_RPATH and DT_RUNPATH are one, and those of all loaders up to the program count.
  #findAsMusl(name: string, loader: Member, main: Member): SearchResult {
    if (name === '') {
      return this.#absent();
    }
    if (name.includes('/')) {
      return this.#at(name, loader);
    }
    const fromLibraryPath = this.#inDirectories(name, this.#libraryPath);
    if (fromLibraryPath !== null) {
      return fromLibraryPath;
    }
    for (const each of loadersOf(loader, main)) {
      const { eitherPath } = each.object;
      const found = eitherPath === null ? null : this.#inDirectories(name, this.#ownMuslDirectories(each, eitherPath));
      if (found !== null) {
        return found;
      }
    }
    return this.#inDirectories(name, this.#rooted(this.#linker.directories, null)) ?? this.#absent();
  }

  #at(name: string, loader: Member): SearchResult {
    if (!name.startsWith('/')) {
      this.#note(name, loader.path);
      return this.#absent();
    }
    return this.#take(name, this.#open(this.#shelf.resolve(name))) ?? this.#absent();
  }

  #inDirectories(name: string, directories: readonly string[]): SearchResult | null {
    for (const directory of directories) {
      for (const hwcap of this.#hwcaps) {
        const found = this.#inDirectory(name, `${directory === '/' ? '' : directory}/glibc-hwcaps/${hwcap}`);
        if (found !== null) {
          return found;
        }
      }
      const found = this.#inDirectory(name, directory);
      if (found !== null) {
        return found;
      }
    }
    return null;
  }

  #inDirectory(name: string, directory: string): SearchResult | null {
    const found = this.#shelf.resolveIn(directory, name);
    return this.#take(`${directory === '/' ? '' : directory}/${name}`, this.#open(found));
  }

  #open(found: ReturnType<LibraryShelf['resolve']>): Opened {
    this.#places += 1;
    if (this.#places > limits.searchedPlaces) {
      throw new ElfgateError(
        'limit',
        `${this.#main.label}: its libraries are looked for in more than ${limits.searchedPlaces} places`,
      );
    }
    return this.#shelf.open(found, this.#main.object.platform);
  }

  #take(path: string, opened: Opened): SearchResult | null {
    switch (opened.kind) {
      case 'absent':
        return null;
      case 'other-platform':
        this.#otherClass ||= opened.otherClass;
        // musl opens the first file there is, and maps it whatever it was made for.
        return this.#linker.kind === 'musl' ? { kind: 'refused', path, reason: 'made for other processors' } : null;
      case 'refused':
        return { kind: 'refused', path, reason: opened.reason };
      case 'object':
        return { kind: 'found', path, object: opened.object };
    }
  }

  #absent(): SearchResult {
    return { kind: 'absent', otherClass: this.#otherClass };
  }

  #ownDirectories(member: Member, elements: readonly string[]): readonly string[] {
    const known = this.#expanded.get(member);
    if (known !== undefined) {
      return known;
    }
    // An empty path is none at all (decompose_rpath).
    const directories =
      elements.length === 1 && elements[0] === '' ? [] : this.#directories(elements, member.origin, member.path);
    this.#expanded.set(member, directories);
    return directories;
  }

  #ownMuslDirectories(member: Member, elements: readonly string[]): readonly string[] {
    const known = this.#expanded.get(member);
    if (known !== undefined) {
      return known;
    }
    const expanded = expandForMusl(elements.join(':'), member.origin);
    if (expanded === null) {
      this.#note(elements.join(':'), member.path);
    }
    const directories = expanded === null ? [] : this.#rooted(expanded.split(/[:\n]/), member.path);
    this.#expanded.set(member, directories);
    return directories;
  }

  // glibc elf/dl-load.c, fillin_rpath.
  #directories(elements: readonly string[], origin: string | null, of: string | null): readonly string[] {
    const expanded = elements.flatMap((element) => {
      const directory = expandTokens(element, this.#tokens(origin));
      if (directory === null) {
        this.#note(element, of);
      }
      return directory === null ? [] : [directory];
    });
    return this.#rooted(expanded, of);
  }

  /** Directories inside the root; what depends on the working directory is noted and left out. */
  #rooted(directories: readonly string[], of: string | null): readonly string[] {
    return directories.flatMap((directory) => {
      if (directory.startsWith('/')) {
        return [directory.replace(/(.)\/+$/, '$1')];
      }
      if (directory !== '' || this.#linker.kind === 'glibc') {
        this.#note(directory, of);
      }
      return [];
    });
  }

  #tokens(origin: string | null): Parameters<typeof expandTokens>[1] {
    return { origin, lib: this.#linker.lib, platform: this.#linker.platform };
  }

  #note(entry: string, of: string | null): void {
    const key = `${of ?? ''}\0${entry}`;
    if (!this.#noted.has(key) && this.unsearched.length < limits.unsearchedListed) {
      this.#noted.add(key);
      this.unsearched.push({ entry, of });
    }
  }
}

/** An object, what needed it, and so on; then the object that everything started at, if it was not among them. */
function* loadersOf(loader: Member, main: Member): Generator<Member> {
  let last: Member | null = null;
  for (let each: Member | null = loader; each !== null; each = each.neededBy) {
    yield each;
    last = each;
  }
  if (last !== main) {
    yield main;
  }
}
