import { ElfFile } from '../../binary/elf/elf-file.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import { machineName } from '../../binary/elf/names.ts';
import type { FileSource } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';
import { type LibraryCache, readLibraryCache } from '../library-closure/cache.ts';
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
  | { readonly kind: 'missing' }
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
  const places = new Map<string, ReturnType<typeof openLibrary>>();
  const open = (path: string): ReturnType<typeof openLibrary> => {
    const known = places.get(path) ?? openLibrary(path, surroundings);
    places.set(path, known);
    return known;
  };
  let cache: LibraryCache | null | undefined;
  const inCache = (name: string): readonly string[] => {
    if (cache === undefined) {
      cache = cacheOf(surroundings);
    }
    const path = cache?.find(name, []) ?? null;
    return path === null ? [] : [path];
  };
  return {
    find(needed, requester) {
      if (surroundings.dialect.kind === 'musl' && reservedByMusl.test(needed) && surroundings.interpreter !== null) {
        return open(surroundings.interpreter) ?? { kind: 'missing' };
      }
      // The loader is in the process already, and answers to its soname (glibc elf/rtld.c, _dl_rtld_libname2).
      if (surroundings.dialect.kind === 'glibc' && surroundings.interpreter !== null) {
        const loader = open(surroundings.interpreter);
        if (loader?.kind === 'found' && loader.elf.dynamic?.soname === needed) {
          return loader;
        }
      }
      if (needed.includes('/')) {
        return needed.startsWith('/') ? (open(needed) ?? { kind: 'missing' }) : { kind: 'unknown' };
      }
      let uncertain = false;
      for (const directory of [
        ...toldDirectories(requester, surroundings),
        ...(surroundings.dialect.kind === 'glibc' ? [null] : []),
        ...defaults(surroundings),
      ]) {
        if (directory === unknownDirectory) {
          uncertain = true;
          continue;
        }
        const candidates = directory === null ? inCache(needed) : [`${directory}/${needed}`];
        for (const path of candidates) {
          const found = open(path);
          if (found !== null) {
            // A directory that was passed over because it is not known could hold another file of this name.
            return uncertain && found.kind === 'found' ? { kind: 'unknown' } : found;
          }
        }
      }
      return uncertain ? { kind: 'unknown' } : { kind: 'missing' };
    },
  };
}

function cacheOf({ root, host }: SearchSurroundings): LibraryCache | null {
  const { machine, encoding, flags } = host;
  return readLibraryCache(root, { machine, is64: encoding.is64, littleEndian: encoding.littleEndian }, flags);
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
        ? null
        : { kind: 'refused', message: refusal.message, place: resolved.path };
    }
    return { kind: 'found', name: path, place: resolved.path, elf: new ElfFile(source) };
  } catch (error) {
    if (error instanceof FormatError) {
      return { kind: 'malformed', error: error.inFile(path) };
    }
    throw error;
  }
}

// musl's load_library: these names are the loader itself, whatever follows them.
const reservedByMusl = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

const unknownDirectory = Symbol('a directory that depends on what is not known');

type Directory = string | typeof unknownDirectory;

/**
 * Directories of DT_RPATH, LD_LIBRARY_PATH and DT_RUNPATH, in this order. musl looks into LD_LIBRARY_PATH first, and takes
 * the other two for one.
 */
function toldDirectories(requester: Requester, surroundings: SearchSurroundings): readonly Directory[] {
  const ofEnvironment = environmentDirectories(surroundings);
  const runpath = requester.elf.dynamic?.runpath ?? [];
  if (surroundings.dialect.kind === 'musl') {
    return [...ofEnvironment, ...loaderDirectories(requester, surroundings)];
  }
  return runpath.length === 0
    ? [...loaderDirectories(requester, surroundings), ...ofEnvironment]
    : [...ofEnvironment, ...runpath.flatMap((path) => expanded(path, requester, surroundings))];
}

/** Of an object, of the one that loaded it, and so on. */
function loaderDirectories(requester: Requester, surroundings: SearchSurroundings): readonly Directory[] {
  const musl = surroundings.dialect.kind === 'musl';
  const directories: Directory[] = [];
  for (let each: Requester | null = requester; each !== null; each = each.loadedBy) {
    const dynamic = each.elf.dynamic;
    const paths = dynamic === null ? [] : dynamic.runpath.length === 0 ? dynamic.rpath : musl ? dynamic.runpath : [];
    directories.push(...paths.flatMap((path) => expanded(path, each, surroundings)));
  }
  return directories;
}

function environmentDirectories({ environment, dialect }: SearchSurroundings): readonly Directory[] {
  const { libraryPath } = environment;
  if (libraryPath === '') {
    return [];
  }
  // An empty element is the working directory for glibc, and nothing for musl.
  const elements =
    dialect.kind === 'musl'
      ? libraryPath.split(/[:\n]/).filter((element) => element !== '')
      : libraryPath.split(/[:;]/);
  return elements.map((element) =>
    element.startsWith('/') && !element.includes('$') ? element.replace(/\/+$/, '') : unknownDirectory,
  );
}

/** ld.so(8), "Dynamic string tokens". */
function expanded(element: string, { directory }: Requester, { host }: SearchSurroundings): Directory[] {
  if (/\$\{?ORIGIN\b/.test(element) && directory === null) {
    return [unknownDirectory];
  }
  const withOrigin = element.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, `/${directory ?? ''}`).replace(/^\/\//, '/');
  if (!withOrigin.startsWith('/') || /\$\{?PLATFORM\b/.test(withOrigin)) {
    return [unknownDirectory];
  }
  const libraryDirectories = [
    ...(triples[machineName(host.machine)] ?? []).map((triple) => `lib/${triple}`),
    'lib64',
    'lib',
  ];
  return /\$\{?LIB\b/.test(withOrigin)
    ? libraryDirectories.map((lib) => withOrigin.replaceAll(/\$(?:LIB\b|\{LIB\})/g, lib))
    : [withOrigin];
}

/** Directories of Debian's multiarch (wiki.debian.org/Multiarch/Tuples), by machine. */
const triples: Readonly<Record<string, readonly string[]>> = {
  x86_64: ['x86_64-linux-gnu'],
  386: ['i386-linux-gnu'],
  aarch64: ['aarch64-linux-gnu'],
  arm: ['arm-linux-gnueabihf', 'arm-linux-gnueabi'],
  s390: ['s390x-linux-gnu'],
  ppc64: ['powerpc64le-linux-gnu'],
  riscv: ['riscv64-linux-gnu'],
  loongarch: ['loongarch64-linux-gnu'],
};

function defaults({ root, host, interpreter, dialect }: SearchSurroundings): readonly string[] {
  if (dialect.kind === 'musl') {
    const architecture = /\/ld-musl-([^/]*)\.so\.1$/.exec(interpreter ?? '')?.[1];
    const listed = readText(root, `etc/ld-musl-${architecture}.path`);
    return listed === null
      ? ['/lib', '/usr/local/lib', '/usr/lib']
      : listed.split(/[\n:]/).filter((path) => path !== '');
  }
  const multiarch = (triples[machineName(host.machine)] ?? []).flatMap((triple) => [
    `/lib/${triple}`,
    `/usr/lib/${triple}`,
  ]);
  if (multiarch.some((path) => root.resolve(path)?.kind === 'directory')) {
    return [...multiarch, '/lib', '/usr/lib'];
  }
  // Red Hat keeps 64-bit libraries apart; elsewhere lib64 is a link, or absent.
  const [wide, narrow] = [root.resolve('lib64'), root.resolve('lib')];
  return host.encoding.is64 && wide?.kind === 'directory' && wide.path !== narrow?.path
    ? ['/lib64', '/usr/lib64']
    : ['/lib', '/usr/lib'];
}

function readText(root: FileTree, path: string): string | null {
  const resolved = root.resolve(path);
  if (resolved === null || resolved.kind !== 'file') {
    return null;
  }
  try {
    const source = root.open(resolved.path);
    try {
      return source.size > limits.rootTextBytes ? null : source.read(0, source.size).toString('utf8');
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof ElfgateError) {
      return null;
    }
    throw error;
  }
}
