import { ElfFile } from '../../binary/elf/elf-file.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import { machineName } from '../../binary/elf/names.ts';
import { type ByteSource, inMemoryUpTo } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';
import type { LoaderDialect } from './loader-dialect.ts';
import { refusedByHeader } from './plugin-file.ts';

/** An object that needs libraries, with the chain of those that loaded it, whose DT_RPATH counts as well. */
export interface Requester {
  readonly elf: ElfFile;
  /** Directory inside the root that $ORIGIN stands for; `null` for a file outside the root. */
  readonly directory: string | null;
  readonly loadedBy: Requester | null;
}

export type LibrarySearch =
  | { readonly kind: 'found'; readonly name: string; readonly place: string; readonly elf: ElfFile }
  | { readonly kind: 'refused'; readonly message: string | null; readonly place: string }
  | { readonly kind: 'malformed'; readonly error: FormatError }
  | { readonly kind: 'missing' }
  /** Not found, but a directory of the search path depends on what is not known: the working directory, $PLATFORM. */
  | { readonly kind: 'unknown' };

export interface SearchSurroundings {
  readonly root: FileTree;
  readonly host: ElfHeader;
  readonly interpreter: string | null;
  readonly dialect: LoaderDialect;
  /** Takes over the closing of a file that was opened. */
  readonly close: (source: { close(): void }) => void;
}

/** Finds libraries as ld.so does with an empty environment (ld.so(8); glibc `elf/dl-load.c`; musl `ldso/dynlink.c`). */
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
  let cache: ReadonlyMap<string, readonly string[]> | undefined;
  const glibcCache = (): ReadonlyMap<string, readonly string[]> => {
    cache ??= surroundings.dialect.kind === 'glibc' ? readLoaderCache(surroundings.root) : new Map();
    return cache;
  };
  return {
    find(needed, requester) {
      if (surroundings.dialect.kind === 'musl' && reservedByMusl.test(needed) && surroundings.interpreter !== null) {
        return open(surroundings.interpreter) ?? { kind: 'missing' };
      }
      if (needed.includes('/')) {
        return needed.startsWith('/') ? (open(needed) ?? { kind: 'missing' }) : { kind: 'unknown' };
      }
      let uncertain = false;
      const own = ownDirectories(requester, surroundings);
      for (const directory of [
        ...own,
        ...(surroundings.dialect.kind === 'glibc' ? [null] : []),
        ...defaults(surroundings),
      ]) {
        if (directory === unknownDirectory) {
          uncertain = true;
          continue;
        }
        const candidates = directory === null ? (glibcCache().get(needed) ?? []) : [`${directory}/${needed}`];
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

/** `null` where nothing is that the loader would take or stumble over. */
function openLibrary(
  path: string,
  { root, host, dialect, close }: SearchSurroundings,
): Exclude<LibrarySearch, { kind: 'missing' | 'unknown' }> | null {
  const resolved = root.resolve(path);
  if (resolved === null || resolved.kind !== 'file') {
    return null;
  }
  let source: ByteSource;
  try {
    const file = root.open(resolved.path);
    close(file);
    source = inMemoryUpTo(limits.wholeFileBytes, file);
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

/** Directories of DT_RPATH and DT_RUNPATH. */
function ownDirectories(requester: Requester, surroundings: SearchSurroundings): (string | typeof unknownDirectory)[] {
  const directories: (string | typeof unknownDirectory)[] = [];
  const runpath = requester.elf.dynamic?.runpath ?? [];
  const musl = surroundings.dialect.kind === 'musl';
  if (musl || runpath.length === 0) {
    for (let each: Requester | null = requester; each !== null; each = each.loadedBy) {
      const dynamic = each.elf.dynamic;
      const paths = dynamic === null ? [] : dynamic.runpath.length === 0 ? dynamic.rpath : musl ? dynamic.runpath : [];
      directories.push(...paths.flatMap((path) => expanded(path, each, surroundings)));
    }
  }
  if (!musl) {
    directories.push(...runpath.flatMap((path) => expanded(path, requester, surroundings)));
  }
  return directories;
}

/** ld.so(8), "Dynamic string tokens". */
function expanded(
  element: string,
  { directory }: Requester,
  { host }: SearchSurroundings,
): (string | typeof unknownDirectory)[] {
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
  const bytes = readAll(root, path, limits.rootTextBytes);
  return bytes === null ? null : bytes.toString('utf8');
}

function readAll(root: FileTree, path: string, most: number): Buffer | null {
  const resolved = root.resolve(path);
  if (resolved === null || resolved.kind !== 'file') {
    return null;
  }
  try {
    const source = root.open(resolved.path);
    try {
      return source.size > most ? null : source.read(0, source.size);
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

const cacheMagic = Buffer.from('glibc-ld.so.cache1.1');
const cacheHeaderBytes = 48;
const cacheEntryBytes = 24;

/** Paths of ld.so.cache by library name, in the cache's order, those for special processors last (glibc `elf/cache.c`). */
function readLoaderCache(root: FileTree): ReadonlyMap<string, readonly string[]> {
  const bytes = readAll(root, 'etc/ld.so.cache', limits.loaderCacheBytes);
  const start = bytes?.indexOf(cacheMagic) ?? -1;
  const paths = new Map<string, string[]>();
  if (bytes === null || start === -1 || bytes.length < start + cacheHeaderBytes) {
    return paths;
  }
  const cache = bytes.subarray(start);
  // glibc writes the byte order into the flags since 2.33: 2 is little-endian, 3 big-endian, 0 that of the machine.
  const big = cache.readUInt8(28) === 3;
  const u32 = (at: number): number => (big ? cache.readUInt32BE(at) : cache.readUInt32LE(at));
  const text = (at: number): string => {
    const end = at < cache.length ? cache.indexOf(0, at) : -1;
    return end === -1 ? '' : cache.toString('utf8', at, end);
  };
  const count = Math.min(u32(20), Math.floor((cache.length - cacheHeaderBytes) / cacheEntryBytes));
  for (const special of [false, true]) {
    for (let index = 0; index < count; index++) {
      const at = cacheHeaderBytes + index * cacheEntryBytes;
      if ((u32(at + 16) !== 0 || u32(at + 20) !== 0) === special) {
        const name = text(u32(at + 4));
        const known = paths.get(name) ?? [];
        known.push(text(u32(at + 8)));
        paths.set(name, known);
      }
    }
  }
  return paths;
}
