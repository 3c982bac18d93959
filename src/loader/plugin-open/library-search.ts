import { dynamicValue } from '../../binary/elf/dynamic.ts';
import { ElfFile } from '../../binary/elf/elf-file.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import { DT } from '../../binary/elf/names.ts';
import { isOffPages } from '../../binary/elf/segments.ts';
import type { FileSource } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { type LibraryCache, readLibraryCache } from '../library-closure/cache.ts';
import { expandForMusl, expandTokens } from '../library-closure/path-tokens.ts';
import { type RunTimeLinker, runTimeLinkerFor } from '../library-closure/run-time-linker.ts';
import type { LoaderDialect } from './loader-dialect.ts';
import { refusedByHeader } from './plugin-file.ts';

/** An object that needs libraries, with the chain of those that loaded it, whose DT_RPATH counts as well. */
export interface Requester {
  readonly elf: ElfFile;
  /** Directory inside the root that $ORIGIN stands for; `null` for a file outside the root. */
  readonly directory: string | null;
  readonly loadedBy: Requester | null;
}

export interface FoundLibrary {
  readonly kind: 'found';
  readonly name: string;
  /** Path inside the root. */
  readonly place: string;
  readonly elf: ElfFile;
}

export type LibrarySearch =
  | FoundLibrary
  | { readonly kind: 'refused'; readonly message: string | null; readonly place: string }
  | { readonly kind: 'malformed'; readonly error: FormatError }
  /** `tried` tells whether the loader tries any file at all: its message gives the reason of the last one. */
  | { readonly kind: 'missing'; readonly tried: boolean }
  /** Not found, but a directory of the search path depends on what is not known: the working directory, $PLATFORM. */
  | { readonly kind: 'unknown' };

/** What the environment of a process tells its loader. */
export interface LoaderEnvironment {
  /** LD_LIBRARY_PATH: directories of the root, `:` between them. */
  readonly libraryPath: string;
  /** LD_PRELOAD: names or paths of objects, each perhaps a list. */
  readonly preload: readonly string[];
}

export const emptyEnvironment: LoaderEnvironment = { libraryPath: '', preload: [] };

export interface SearchSurroundings {
  readonly root: FileTree;
  readonly environment: LoaderEnvironment;
  readonly host: ElfHeader;
  readonly interpreter: string | null;
  readonly dialect: LoaderDialect;
  /** Takes over the closing of a file that was opened. */
  readonly close: (source: { close(): void }) => void;
}

/** Finds libraries as ld.so does (ld.so(8); glibc `elf/dl-load.c`; musl `ldso/dynlink.c`). */
export interface LibraryFinder {
  find(needed: string, requester: Requester): LibrarySearch;
}

export function libraryFinder(surroundings: SearchSurroundings): LibraryFinder {
  const { dialect, interpreter } = surroundings;
  const opened = new Map<string, ReturnType<typeof openLibrary>>();
  const open = (path: string): ReturnType<typeof openLibrary> => {
    const known = opened.get(path) ?? openLibrary(path, surroundings);
    opened.set(path, known);
    return known;
  };
  const loader = loaderFiles(surroundings);
  return {
    find(needed, requester) {
      if (dialect.kind === 'musl' && reservedByMusl.test(needed) && interpreter !== null) {
        return open(interpreter) ?? { kind: 'missing', tried: true };
      }
      // The loader is in the process already, and answers to its soname (glibc elf/rtld.c, _dl_rtld_libname2).
      if (dialect.kind === 'glibc' && interpreter !== null) {
        const itself = open(interpreter);
        if (itself?.kind === 'found' && itself.elf.dynamic?.soname === needed) {
          return itself;
        }
      }
      const name = dialect.kind === 'glibc' ? expandedAsGlibc(needed, requester, loader) : needed;
      if (name === null || name.includes('/')) {
        return name?.startsWith('/') === true ? (open(name) ?? { kind: 'missing', tried: true }) : { kind: 'unknown' };
      }
      let uncertain = false;
      let tried = false;
      for (const place of placesOf(name, requester, surroundings, loader)) {
        if (place === unknownPlace) {
          uncertain = true;
          continue;
        }
        tried = true;
        const found = open(place);
        if (found !== null) {
          // A directory that was passed over because it is not known could hold another file of this name.
          return uncertain && found.kind === 'found' ? { kind: 'unknown' } : found;
        }
      }
      return uncertain ? { kind: 'unknown' } : { kind: 'missing', tried };
    },
  };
}

/** What a root holds for its loader, read when a search comes to it. */
interface LoaderFiles {
  linker(): RunTimeLinker;
  cache(): LibraryCache | null;
}

function loaderFiles({ root, host, interpreter }: SearchSurroundings): LoaderFiles {
  const { machine, encoding, flags } = host;
  const platform = { machine, is64: encoding.is64, littleEndian: encoding.littleEndian };
  let linker: RunTimeLinker | undefined;
  let cache: LibraryCache | null | undefined;
  return {
    linker() {
      linker ??= runTimeLinkerFor({ platform, interpreter, needed: [] }, root);
      return linker;
    },
    cache() {
      cache = cache === undefined ? readLibraryCache(root, platform, flags) : cache;
      return cache;
    },
  };
}

/** `null` where nothing is that the loader would take or stumble over. */
function openLibrary(
  path: string,
  { root, host, dialect, close }: SearchSurroundings,
): Exclude<LibrarySearch, { kind: 'missing' | 'unknown' }> | null {
  const resolved = root.resolve(path);
  if (resolved === null || resolved.kind !== 'file') {
    return null;
  }
  let source: FileSource;
  try {
    source = root.open(resolved.path);
    close(source);
  } catch (error) {
    if (error instanceof ElfgateError) {
      return null;
    }
    throw error;
  }
  try {
    const refusal = refusedByHeader(source, path, { host, dialect });
    if (refusal !== null) {
      // Files of other machines are passed over: on a system of two word sizes both lie in the search path.
      return refusal.reason === 'wrong-machine'
        ? passedOver(resolved.path, dialect)
        : { kind: 'refused', message: refusal.message, place: resolved.path };
    }
    const elf = new ElfFile(source);
    return isOffPages(elf.segments)
      ? { kind: 'refused', message: null, place: resolved.path }
      : { kind: 'found', name: path, place: resolved.path, elf };
  } catch (error) {
    if (error instanceof FormatError) {
      return { kind: 'malformed', error: error.inFile(path) };
    }
    throw error;
  }
}

/** glibc looks on; musl takes the first file there is, and maps it whatever it was made for. */
function passedOver(place: string, { kind }: LoaderDialect): ReturnType<typeof openLibrary> {
  return kind === 'glibc' ? null : { kind: 'refused', message: null, place };
}

// musl's load_library: these names are the loader itself, whatever follows them.
const reservedByMusl = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

const unknownPlace = Symbol('a directory that depends on what is not known');

type Place = string | typeof unknownPlace;

/** Where the loader looks for a name, in its order. */
function* placesOf(
  name: string,
  requester: Requester,
  surroundings: SearchSurroundings,
  loader: LoaderFiles,
): Generator<Place> {
  const ofEnvironment = environmentDirectories(surroundings);
  if (surroundings.dialect.kind === 'musl') {
    // DT_RPATH and DT_RUNPATH are one (musl ldso/dynlink.c, load_library).
    yield* inDirectories(name, ofEnvironment);
    yield* inDirectories(
      name,
      loadersOf(requester).flatMap((each) => ownDirectoriesAsMusl(each)),
    );
    yield* inDirectories(name, loader.linker().directories);
    return;
  }
  // glibc elf/dl-load.c, _dl_map_object.
  const runpath = ownPath(requester, DT.runpath);
  if (runpath === null) {
    for (const each of loadersOf(requester)) {
      const rpath = ownPath(each, DT.runpath) === null ? ownPath(each, DT.rpath) : null;
      yield* inDirectories(name, directoriesAsGlibc(rpath ?? [], each, loader));
    }
  }
  yield* inDirectories(name, ofEnvironment);
  yield* inDirectories(name, directoriesAsGlibc(runpath ?? [], requester, loader));
  // DF_1_NODEFLIB: neither these directories nor what the cache has of them.
  const usesDefaults = requester.elf.dynamic?.flagNames.includes('NODEFLIB') !== true;
  const cached = loader.cache()?.find(name, []) ?? null;
  if (
    cached !== null &&
    (usesDefaults || !loader.linker().directories.some((directory) => cached.startsWith(`${directory}/`)))
  ) {
    yield cached;
  }
  if (usesDefaults) {
    yield* inDirectories(name, loader.linker().directories);
  }
}

function* inDirectories(name: string, directories: readonly Place[]): Generator<Place> {
  for (const directory of directories) {
    yield directory === unknownPlace ? unknownPlace : `${directory}/${name}`;
  }
}

/** An object, the one that loaded it, and so on. */
function loadersOf(requester: Requester): readonly Requester[] {
  const loaders: Requester[] = [];
  for (let each: Requester | null = requester; each !== null; each = each.loadedBy) {
    loaders.push(each);
  }
  return loaders;
}

/** Elements of a search path of an object; `null` when it has none. */
function ownPath({ elf: { dynamic } }: Requester, tag: typeof DT.rpath | typeof DT.runpath): readonly string[] | null {
  if (dynamic === null || dynamicValue(dynamic, tag) === null) {
    return null;
  }
  const elements = tag === DT.rpath ? dynamic.rpath : dynamic.runpath;
  // An empty path is none at all (decompose_rpath).
  return elements.length === 1 && elements[0] === '' ? [] : elements;
}

function directoriesAsGlibc(elements: readonly string[], requester: Requester, loader: LoaderFiles): readonly Place[] {
  return elements.map((element) => placeOf(expandedAsGlibc(element, requester, loader)));
}

function ownDirectoriesAsMusl(requester: Requester): readonly Place[] {
  const elements = ownPath(requester, DT.runpath) ?? ownPath(requester, DT.rpath) ?? [];
  const origin = originOf(requester);
  const expanded = expandForMusl(elements.join(':'), origin);
  if (expanded === null) {
    // Where the origin is known it is another token, for which musl ignores all of the path.
    return origin === null ? [unknownPlace] : [];
  }
  return muslElements(expanded).map(placeOf);
}

function environmentDirectories({ environment, dialect }: SearchSurroundings): readonly Place[] {
  const { libraryPath } = environment;
  if (libraryPath === '') {
    return [];
  }
  const elements = dialect.kind === 'musl' ? muslElements(libraryPath) : libraryPath.split(/[:;]/);
  return elements.map((element) => placeOf(element.includes('$') ? null : element));
}

/** An empty element is the working directory for glibc, and nothing for musl. */
function muslElements(path: string): readonly string[] {
  return path.split(/[:\n]/).filter((element) => element !== '');
}

function placeOf(directory: string | null): Place {
  return directory?.startsWith('/') === true ? directory.replace(/\/+$/, '') : unknownPlace;
}

/** `null` where it depends on what is not known. */
function expandedAsGlibc(text: string, requester: Requester, loader: LoaderFiles): string | null {
  // Of `$PLATFORM` glibc up to 2.36 makes a name of the processor's model.
  return text.includes('$')
    ? expandTokens(text, { origin: originOf(requester), lib: loader.linker().lib, platform: null })
    : text;
}

function originOf({ directory }: Requester): string | null {
  return directory === null ? null : `/${directory}`;
}
