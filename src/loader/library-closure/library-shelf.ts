import { realpathSync } from 'node:fs';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { encodingOf, Fields } from '../../binary/elf/encoding.ts';
import { type ByteSource, type FileSource, openFile } from '../../bytes/byte-source.ts';
import { ElfgateError, unlessDamaged } from '../../errors.ts';
import type { FileTree, ResolvedPath } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';
import { type LibraryCache, readLibraryCache } from './cache.ts';
import { type RunTimeLinker, runTimeLinkerFor } from './run-time-linker.ts';
import { type ObjectFacts, type Platform, readSharedObject, type SharedObject, sharedObject } from './shared-object.ts';
import { readSymbolIndex, type SymbolIndex } from './symbol-index.ts';

/** What a loader makes of a path. */
export type Opened =
  | { readonly kind: 'absent' }
  /** Made for other processors, or of the other word size: a search goes on behind it. */
  | { readonly kind: 'other-platform'; readonly otherClass: boolean }
  /** The loader gives up here, in its own words. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'object'; readonly object: SharedObject };

type Versions = Pick<SymbolIndex, 'versionsNeeded' | 'versionsDefined'>;
type OnRead = (path: string, elf: ElfFile, symbols: SymbolIndex | null) => void;

/** What a shelf would read from a file: plain data. */
export interface KnownObject {
  readonly header: PeekedHeader | string;
  readonly object: ObjectFacts;
  readonly symbols: SymbolIndex;
}

/**
 * The libraries of a root, each read once however many programs need it.
 *
 * Memory is bounded: what was not used lately is given up and read again when it is asked for.
 */
export class LibraryShelf {
  readonly root: FileTree;
  readonly #paths = new Map<string, ResolvedPath | null>();
  readonly #objects = new Map<string, Peek>();
  readonly #symbols = new Map<string, SymbolIndex>();
  /** Those of known objects, which somebody else holds. */
  readonly #knownSymbols = new Map<string, SymbolIndex>();
  #symbolBytes = 0;
  readonly #versions = new Map<string, Versions>();
  #versionCount = 0;
  readonly #caches = new Map<string, LibraryCache | null>();
  readonly #linkers = new Map<string, RunTimeLinker>();
  readonly #onRead: OnRead;
  readonly #known: (path: string) => KnownObject | null;
  #stepsLeft: number;

  /**
   * @param steps that all closures of this shelf may take together; no bound but that of each closure unless given.
   * @param onRead given each file of the root while it is open, for questions of one's own; symbols are null when damaged.
   * @param known files of the root that were read before, and are not read again.
   */
  constructor(
    root: FileTree,
    steps: number = Number.POSITIVE_INFINITY,
    onRead: OnRead = () => {},
    known: (path: string) => KnownObject | null = () => null,
  ) {
    this.root = root;
    this.#stepsLeft = steps;
    this.#onRead = onRead;
    this.#known = known;
  }

  get stepsLeft(): number {
    return this.#stepsLeft;
  }

  /** Counts work that was done for a file. @throws ElfgateError `limit` when all files together took too much. */
  spend(steps: number, of: string): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft <= 0) {
      throw new ElfgateError(
        'limit',
        `${of}: the files of this root keep their loader busier than those of any real one`,
      );
    }
  }

  /** What a path names inside the root. */
  resolve(path: string): ResolvedPath | null {
    if (path.length >= limits.pathBytes) {
      return null;
    }
    const known = this.#paths.get(path);
    if (known !== undefined) {
      return known;
    }
    const found = this.root.resolve(path);
    makeRoom(this.#paths, limits.shelfPaths);
    this.#paths.set(path, found);
    return found;
  }

  /** A file of a directory, both inside the root: the directory is looked up once for all of its files. */
  resolveIn(directory: string, name: string): ResolvedPath | null {
    const found = this.resolve(directory);
    return found === null || found.kind !== 'directory' ? null : this.resolve(`/${found.path}/${name}`);
  }

  /**
   * What a loader of a platform makes of a file (glibc `elf/dl-load.c`, open_verify).
   *
   * @throws FormatError when it would be taken and then contradicts the format.
   */
  open(found: ResolvedPath | null, platform: Platform): Opened {
    if (found === null) {
      return { kind: 'absent' };
    }
    if (found.kind !== 'file') {
      const reason = found.kind === 'directory' ? 'cannot read file data: Is a directory' : 'not a regular file';
      return { kind: 'refused', reason };
    }
    return judge(this.#peek(found.path), platform, () => this.#read(found.path));
  }

  /**
   * The same for a file that lies outside the root.
   *
   * @param name what messages call it.
   * @throws FormatError when it would be taken and then contradicts the format.
   * @throws ElfgateError `unreadable`
   */
  openElsewhere(name: string, place: string, platform: Platform): Opened {
    const source = openFile(place);
    let peek: Peek;
    try {
      peek = { header: readPeek(source), object: undefined };
    } finally {
      source.close();
    }
    return judge(peek, platform, () => readSharedObject(name, `outside:${realpathSync(place)}`, () => openFile(place)));
  }

  /**
   * A program or library that a closure starts at.
   *
   * @throws FormatError when its bytes contradict the format.
   * @throws ElfgateError `unreadable`, or `unsupported-format` when it is nothing that is loaded.
   */
  openMain(path: string, identity: string, open: () => FileSource): SharedObject {
    const source = open();
    try {
      assertLoadable(readPeek(source), path);
    } finally {
      source.close();
    }
    return loadable(readSharedObject(path, identity, open), path);
  }

  /**
   * The same for one inside the root, where it may be known as a library.
   *
   * @param name what messages call it.
   * @throws as {@link openMain} does.
   */
  openMainInRoot(name: string, { path }: ResolvedPath): SharedObject {
    if (name !== `/${path}`) {
      return this.openMain(name, path, () => this.root.open(path));
    }
    const peek = this.#peek(path);
    assertLoadable(peek.header, name);
    peek.object ??= this.#read(path);
    return loadable(peek.object, name);
  }

  /** Symbols of an object. @throws FormatError when they lie outside the file. */
  symbolsOf(object: SharedObject): SymbolIndex {
    const early = this.#knownSymbols.get(object.identity);
    if (early !== undefined) {
      return early;
    }
    const known = this.#symbols.get(object.identity);
    if (known !== undefined) {
      this.#symbols.delete(object.identity);
      this.#symbols.set(object.identity, known);
      return known;
    }
    const symbols = object.symbols();
    this.#keepSymbols(object.identity, symbols);
    return symbols;
  }

  /** Versions of an object, which are asked for long after its symbols. @throws as {@link symbolsOf} does */
  versionsOf(object: SharedObject): Versions {
    const known = this.#versions.get(object.identity);
    if (known !== undefined) {
      return known;
    }
    const { versionsNeeded, versionsDefined } = this.symbolsOf(object);
    this.#versionCount += 1 + versionsNeeded.length + (versionsDefined?.size ?? 0);
    if (this.#versionCount > limits.shelfVersions) {
      this.#versions.clear();
      this.#versionCount = 0;
    }
    const versions = { versionsNeeded, versionsDefined };
    this.#versions.set(object.identity, versions);
    return versions;
  }

  #keepSymbols(of: string, symbols: SymbolIndex): void {
    this.spend(symbols.bytes / symbolBytesPerStep, of);
    for (const [identity, { bytes }] of this.#symbols) {
      if (this.#symbolBytes + symbols.bytes <= limits.shelfSymbolBytes) {
        break;
      }
      this.#symbols.delete(identity);
      this.#symbolBytes -= bytes;
    }
    this.#symbols.set(of, symbols);
    this.#symbolBytes += symbols.bytes;
  }

  /** Gives the memory of symbols back once nothing more is bound; they are read again when they are asked for. */
  releaseSymbols(): void {
    this.#symbols.clear();
    this.#symbolBytes = 0;
    this.#knownSymbols.clear();
  }

  /** The root's ld.so.cache as objects like this one see it; `null` when there is none. */
  cacheFor({ platform, headerFlags }: SharedObject): LibraryCache | null {
    const key = `${platformKey(platform)} ${headerFlags}`;
    const known = this.#caches.get(key);
    if (known !== undefined) {
      return known;
    }
    makeRoom(this.#caches, 8);
    const cache = readLibraryCache(this.root, platform, headerFlags);
    this.#caches.set(key, cache);
    return cache;
  }

  linkerFor(object: SharedObject): RunTimeLinker {
    const musl = object.interpreter === null && object.needed.some((name) => /^libc\.(?:so$|musl-)/.test(name));
    const key = `${platformKey(object.platform)} ${musl} ${object.interpreter ?? ''}`;
    const known = this.#linkers.get(key);
    if (known !== undefined) {
      return known;
    }
    makeRoom(this.#linkers, 64);
    const linker = runTimeLinkerFor(object, this.root);
    this.#linkers.set(key, linker);
    return linker;
  }

  #read(path: string): SharedObject {
    const open = () => this.root.open(path);
    const known = this.#known(path);
    if (known !== null) {
      this.spend(known.symbols.bytes / symbolBytesPerStep, path);
      this.#knownSymbols.set(path, known.symbols);
      return sharedObject(known.object, `/${path}`, path, open, () => known.symbols);
    }
    return readSharedObject(`/${path}`, path, open, (elf) => {
      // What is loaded is bound next: opening each file once more for that takes longer than binding it.
      const symbols = unlessDamaged(() => readSymbolIndex(elf));
      if (symbols !== null && !this.#symbols.has(path)) {
        this.#keepSymbols(path, symbols);
      }
      this.#onRead(path, elf, symbols);
    });
  }

  #peek(path: string): Peek {
    const known = this.#objects.get(path);
    if (known !== undefined) {
      return known;
    }
    const peek = { header: this.#known(path)?.header ?? this.#readPeek(path), object: undefined };
    makeRoom(this.#objects, limits.shelfObjects);
    this.#objects.set(path, peek);
    return peek;
  }

  #readPeek(path: string): Peek['header'] {
    const source = this.root.open(path);
    try {
      return readPeek(source);
    } finally {
      source.close();
    }
  }
}

/** Bytes of a symbol index that take about as long to make as a step of binding. */
const symbolBytesPerStep = 4;

function assertLoadable(header: PeekedHeader | string, path: string): void {
  if (
    header === notElf ||
    header === tooShort ||
    (typeof header !== 'string' && header.type !== 2 && header.type !== 3)
  ) {
    throw notLoadable(path);
  }
}

function loadable(object: SharedObject, path: string): SharedObject {
  if (object.isUnloadable) {
    throw notLoadable(path);
  }
  return object;
}

function notLoadable(path: string): ElfgateError {
  return new ElfgateError('unsupported-format', `${path}: neither a program nor a shared library`, {
    hint: 'name an ELF program or shared library; object files and separate debug information are not loaded',
  });
}

/** glibc `elf/dl-load.c`, open_verify and then _dl_map_object_from_fd. */
function judge(peek: Peek, platform: Platform, read: () => SharedObject): Opened {
  if (typeof peek.header === 'string') {
    return { kind: 'refused', reason: peek.header };
  }
  const { header } = peek;
  if (header.is64 !== platform.is64) {
    return { kind: 'other-platform', otherClass: true };
  }
  // Debian's loader passes over another byte order as over another machine (measured on 2.36); upstream has a sentence.
  if (header.littleEndian !== platform.littleEndian) {
    return { kind: 'other-platform', otherClass: false };
  }
  const ident = refusedByIdentification(header);
  if (ident !== null) {
    return { kind: 'refused', reason: ident };
  }
  if (header.machine !== platform.machine) {
    return { kind: 'other-platform', otherClass: false };
  }
  if (header.type !== 2 && header.type !== 3) {
    return { kind: 'refused', reason: 'only ET_DYN and ET_EXEC can be loaded' };
  }
  if (header.segmentsEnd === null) {
    return { kind: 'refused', reason: "ELF file's phentsize not the expected size" };
  }
  if (header.segmentsEnd > header.size) {
    return { kind: 'refused', reason: 'cannot read file data' };
  }
  if (header.type === 2) {
    return { kind: 'refused', reason: 'cannot dynamically load executable' };
  }
  peek.object ??= read();
  const { object } = peek;
  if (object.isOffPages) {
    return { kind: 'refused', reason: notOnPages };
  }
  if (!object.dynamic) {
    return { kind: 'refused', reason: 'object file has no dynamic section' };
  }
  if (object.isPieProgram) {
    return { kind: 'refused', reason: 'cannot dynamically load position-independent executable' };
  }
  return { kind: 'object', object };
}

function refusedByIdentification({ machine, osabi, identVersion, abiVersion, version }: PeekedHeader): string | null {
  if (identVersion !== 1) {
    return 'ELF file version ident does not match current one';
  }
  // ELFOSABI_SYSV and ELFOSABI_GNU; ARM has values of its own.
  if (osabi !== 0 && osabi !== 3 && machine !== 40) {
    return 'ELF file OS ABI invalid';
  }
  // Releases differ in what they take for ELFOSABI_GNU (LIBC_ABI_MAX).
  if (osabi === 0 && abiVersion !== 0) {
    return 'ELF file ABI version invalid';
  }
  return version === 1 ? null : 'ELF file version does not match current one';
}

interface Peek {
  /** The part of the header that a search judges by, or why a loader refuses it. */
  readonly header: PeekedHeader | string;
  object: SharedObject | undefined;
}

interface PeekedHeader extends Platform {
  readonly osabi: number;
  readonly identVersion: number;
  readonly abiVersion: number;
  readonly version: number;
  readonly type: number;
  /** Where the program headers end in the file, bytes; `null` when they are of another size than the class has. */
  readonly segmentsEnd: number | null;
  /** Bytes of the file. */
  readonly size: number;
}

const notElf = 'invalid ELF header';
/** In the words of glibc since 2.35; releases before have others. */
export const notOnPages = 'ELF load command address/offset not page-aligned';
const tooShort = 'file too short';

/** What a search for libraries looks at first. */
export function readPeek(source: ByteSource): PeekedHeader | string {
  // Of an image's files that are no binaries only the first bytes are kept.
  if (source.size >= 52 && source.read(0, 4).readUInt32BE(0) !== 0x7f454c46) {
    return notElf;
  }
  const start = source.read(0, Math.min(64, source.size));
  // The length is what the loader looks at first, so that a short text is too short and no wrong header.
  if (start.length < 52) {
    return tooShort;
  }
  const [fileClass, data] = [start[4], start[5]];
  if ((fileClass !== 1 && fileClass !== 2) || (data !== 1 && data !== 2)) {
    return notElf;
  }
  const littleEndian = data === 1;
  const is64 = fileClass === 2;
  if (is64 && start.length < 64) {
    return tooShort;
  }
  const fields = new Fields(start, encodingOf(is64, littleEndian));
  const [entryBytes, count] = [fields.u16(is64 ? 54 : 42), fields.u16(is64 ? 56 : 44)];
  return {
    is64,
    littleEndian,
    osabi: start[7] ?? 0,
    identVersion: start[6] ?? 0,
    abiVersion: start[8] ?? 0,
    version: fields.u32(20),
    type: fields.u16(16),
    machine: fields.u16(18),
    segmentsEnd: entryBytes === (is64 ? 56 : 32) ? fields.word(is64 ? 32 : 28) + entryBytes * count : null,
    size: source.size,
  };
}

const platformKey = ({ machine, is64, littleEndian }: Platform): string => `${machine} ${is64} ${littleEndian}`;

function makeRoom<Key, Value>(map: Map<Key, Value>, most: number): void {
  const [oldest] = map.size >= most ? map.keys() : [];
  if (oldest !== undefined) {
    map.delete(oldest);
  }
}
