import { type DynamicSection, dynamicValue } from '../../binary/elf/dynamic.ts';
import { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, ET, PF, PT } from '../../binary/elf/names.ts';
import { isDebugCompanion } from '../../binary/elf/sections.ts';
import { isOffPages } from '../../binary/elf/segments.ts';
import type { FileSource } from '../../bytes/byte-source.ts';
import { withLentMemory } from '../../bytes/lent-memory.ts';
import { FormatError } from '../../errors.ts';
import { readSymbolIndex, type SymbolIndex } from './symbol-index.ts';

/** What decides whether a loader takes a file at all (glibc `elf/dl-load.c`, open_verify). */
export interface Platform {
  readonly machine: number;
  readonly is64: boolean;
  readonly littleEndian: boolean;
}

/** What a run-time linker takes from a file, without the file: small enough to keep for every library of a root. */
export interface SharedObject {
  /** What tells it from other files: its path without links, as the kernel's inode does. */
  readonly identity: string;
  readonly platform: Platform;
  /** Flags of the header, which on some processors name the calling convention. */
  readonly headerFlags: number;
  readonly interpreter: string | null;
  /** False for static programs: they name no libraries, and no loader takes part. */
  readonly dynamic: boolean;
  /** Debug information of another file, or a library without a dynamic section: nothing that can be loaded. */
  readonly isUnloadable: boolean;
  /** As {@link isOffPages}: no loader maps it. */
  readonly isOffPages: boolean;
  readonly soname: string | null;
  readonly needed: readonly string[];
  /** DT_FILTER: libraries that define its symbols in its place, and that glibc fails without. */
  readonly filters: readonly string[];
  /** DT_AUXILIARY: the same, where a missing one is no failure. */
  readonly auxiliaries: readonly string[];
  /** `null` when there is none, or DT_RUNPATH, which switches it off, is there as well. */
  readonly rpath: readonly string[] | null;
  readonly runpath: readonly string[] | null;
  /** DT_RPATH whether or not DT_RUNPATH stands next to it, which is all the same to musl. */
  readonly eitherPath: readonly string[] | null;
  /** DF_1_NODEFLIB: neither the cache's entries for default directories nor these themselves are searched. */
  readonly noDefaultLibraries: boolean;
  /** DT_SYMBOLIC: it looks its references up in itself before it looks elsewhere. */
  readonly symbolic: boolean;
  /** DF_1_PIE: a program, which no loader takes as a library. */
  readonly isPieProgram: boolean;
  /** Every function is bound when it is loaded, and not when it is first called. */
  readonly bindsNow: boolean;
  /** DF_1_NOOPEN: made to be needed, and refused by dlopen. */
  readonly isNotForOpening: boolean;
  /** PT_TLS; `null` without thread-local storage. */
  readonly threadStorage: ThreadStorage | null;
  /** DF_STATIC_TLS: it addresses thread-local storage at a fixed distance from the thread pointer. */
  readonly wantsFixedThreadStorage: boolean;
  /** PT_GNU_STACK asks for a stack that can be executed, or is absent, which means the same. */
  readonly executableStack: boolean;
  /** Runs a question on the file, which is opened for it and closed again. @throws FormatError naming the file. */
  ask<Answer>(question: (elf: ElfFile) => Answer): Answer;
  /** Its dynamic symbols and their versions, read anew at each call. @throws FormatError when they lie outside the file. */
  symbols(): SymbolIndex;
}

/** The part of a {@link SharedObject} that is plain data, which one thread can hand to another. */
export type ObjectFacts = Omit<SharedObject, 'identity' | 'ask' | 'symbols'>;

/** What each thread has of an object: sizes in bytes. */
export interface ThreadStorage {
  readonly bytes: number;
  readonly alignment: number;
  /** How far behind an aligned address the first byte must lie. */
  readonly firstByte: number;
}

/**
 * Reads what a loader needs to know of one file and closes it again; symbols are read when they are asked for.
 *
 * @param meanwhile is given the file while it is open; nothing is to hold on to its bytes afterwards.
 * @throws FormatError naming `path`, when the bytes contradict the format.
 * @throws ElfgateError `unreadable`
 */
export function readSharedObject(
  path: string,
  identity: string,
  open: () => FileSource,
  meanwhile: (elf: ElfFile) => void = () => {},
): SharedObject {
  return withLentElf(path, open, (elf) => {
    meanwhile(elf);
    return sharedObject(objectFactsOf(elf), path, identity, open, () => withLentElf(path, open, readSymbolIndex));
  });
}

/** The same for a file whose facts are known, and whose symbols `symbols` gives. */
export function sharedObject(
  facts: ObjectFacts,
  path: string,
  identity: string,
  open: () => FileSource,
  symbols: () => SymbolIndex,
): SharedObject {
  return { ...facts, identity, ask: (question) => withElf(path, open, question), symbols };
}

/** Holds on to no bytes of the file. @throws FormatError when they contradict the format. */
export function objectFactsOf(elf: ElfFile): ObjectFacts {
  const { header, dynamic } = elf;
  const runpath = dynamic === null || dynamicValue(dynamic, DT.runpath) === null ? null : dynamic.runpath;
  const rpath = dynamic === null || dynamicValue(dynamic, DT.rpath) === null ? null : dynamic.rpath;
  const flags = dynamic === null ? [] : dynamic.flagNames;
  const loadable = header.type === ET.dyn || header.type === ET.exec;
  return {
    platform: {
      machine: header.machine,
      is64: header.encoding.is64,
      littleEndian: header.encoding.littleEndian,
    },
    headerFlags: header.flags,
    interpreter: elf.interpreter,
    dynamic: loadable && dynamic !== null,
    isUnloadable: !loadable || (dynamic === null && (header.type === ET.dyn || isDebugCompanion(elf.sections))),
    isOffPages: isOffPages(elf.segments),
    soname: dynamic?.soname ?? null,
    needed: dynamic?.needed ?? [],
    filters: namesOf(dynamic, DT.filter),
    auxiliaries: namesOf(dynamic, DT.auxiliary),
    rpath: runpath === null ? rpath : null,
    runpath,
    eitherPath: runpath ?? rpath,
    noDefaultLibraries: flags.includes('NODEFLIB'),
    symbolic: flags.includes('SYMBOLIC'),
    isPieProgram: flags.includes('PIE'),
    bindsNow: flags.includes('BIND_NOW'),
    isNotForOpening: flags.includes('NOOPEN'),
    threadStorage: threadStorageOf(elf),
    wantsFixedThreadStorage: flags.includes('STATIC_TLS'),
    executableStack: hasExecutableStack(elf),
  };
}

function threadStorageOf(elf: ElfFile): ThreadStorage | null {
  const segment = elf.segments.find(({ type, memoryBytes }) => type === PT.tls && memoryBytes > 0);
  return segment === undefined
    ? null
    : {
        bytes: segment.memoryBytes,
        alignment: Math.max(1, segment.alignment),
        firstByte: segment.alignment === 0 ? 0 : segment.address % segment.alignment,
      };
}

// Where nothing is said the stack is executable (glibc, DEFAULT_STACK_PERMS) on most processors.
function hasExecutableStack(elf: ElfFile): boolean {
  const stack = elf.segments.find(({ type }) => type === PT.gnuStack);
  return stack === undefined || (stack.flags & PF.execute) !== 0;
}

function namesOf(dynamic: DynamicSection | null, tag: number): readonly string[] {
  return dynamic === null || !dynamic.values.has(tag)
    ? []
    : dynamic.entries.filter((entry) => entry.tag === tag).map(({ value }) => dynamic.strings.at(value));
}

function withElf<Answer>(path: string, open: () => FileSource, ask: (elf: ElfFile) => Answer): Answer {
  return withSource(path, open, (source) => ask(new ElfFile(source)));
}

/** The same for an answer that holds on to no bytes of the file. */
function withLentElf<Answer>(path: string, open: () => FileSource, ask: (elf: ElfFile) => Answer): Answer {
  return withSource(path, open, (file) => withLentMemory(file, (source) => ask(new ElfFile(source))));
}

function withSource<Answer>(path: string, open: () => FileSource, ask: (source: FileSource) => Answer): Answer {
  const source = open();
  try {
    return ask(source);
  } catch (error) {
    throw error instanceof FormatError ? error.inFile(path) : error;
  } finally {
    source.close();
  }
}
