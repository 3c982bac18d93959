import type { ElfFile } from '../binary/elf/elf-file.ts';
import type { ByteSource, FileSource } from '../bytes/byte-source.ts';
import { withWholeInLentMemory } from '../bytes/lent-memory.ts';
import { ElfgateError, FormatError } from '../errors.ts';
import type { FileTree, TreeEntry } from '../image/file-tree.ts';
import { formatOf, type InspectedBinary, inspectBinary } from './binary-facts.ts';
import { rootedFacts } from './elf-facts.ts';
import type { InspectOptions } from './inspected-target.ts';
import { type EarlyLinkage, linkageOfTree, type TreeLinkage } from './linkage-facts.ts';
import { rootFacts } from './root-facts.ts';
import type { ProblemFacts, RootFacts } from './schema.ts';

/** What a root file system holds. */
export interface InspectedTree {
  readonly tree: FileTree;
  readonly binaries: readonly InspectedBinary[];
  readonly problems: readonly ProblemFacts[];
  readonly root: RootFacts;
  readonly linkage: TreeLinkage;
}

/** What was found out about a file before the root around it was known. */
export type EarlyFacts = InspectedBinary | ProblemFacts | null;

export interface TreeOptions extends InspectOptions {
  /** Looks whether a file has been inspected already: `undefined` when it has not, `null` when it is no binary. */
  readonly early?: (path: string) => EarlyFacts | undefined;
  /** The same for what the loader of the root asks of a file; `null` when it has not been asked. */
  readonly earlyLinkage?: (path: string) => EarlyLinkage | null;
  /** LD_LIBRARY_PATH of the processes that an image starts. */
  readonly libraryPath?: readonly string[];
}

/** Inspects every binary of a root file system; what fails inside of it is a problem of the result. */
export function inspectTree(tree: FileTree, options: TreeOptions): InspectedTree {
  const binaries: InspectedBinary[] = [];
  const problems: ProblemFacts[] = [];
  for (const entry of tree.entries()) {
    if (entry.kind === 'problem') {
      problems.push({ path: entry.path, code: 'unreadable', message: entry.message });
      continue;
    }
    // Shorter than the shortest magic number: nothing that is read here.
    if (entry.size < 8) {
      continue;
    }
    options.onFile?.(entry.path);
    const early = options.early?.(entry.path);
    const found = early === undefined ? inspectTreeFile(tree, entry.path, options) : early;
    if (found === null) {
      continue;
    }
    if ('code' in found) {
      problems.push({ ...found, path: entry.path, message: found.message.replace(found.path, entry.path) });
    } else {
      binaries.push(inRoot(found, entry, tree));
    }
  }
  return {
    tree,
    binaries,
    problems,
    root: rootFacts(tree),
    linkage: linkageOfTree(tree, binaries, {
      libraryPath: options.libraryPath ?? [],
      early: options.earlyLinkage ?? (() => null),
      onDamaged(path, error) {
        if (!problems.some((known) => known.path === path)) {
          problems.push(problemOf(path, error));
        }
      },
    }),
  };
}

/**
 * Inspects a file for itself, without the root around it.
 *
 * @param path names it in problems; a file that has several gets the others later.
 * @param meanwhile is given an ELF file that is in order; nothing is to hold on to its bytes afterwards.
 * @returns `null` for a file that is no binary.
 */
export function inspectAlone(
  source: ByteSource,
  path: string,
  symbols: InspectOptions['symbols'],
  meanwhile?: (elf: ElfFile) => void,
): EarlyFacts {
  try {
    if (formatOf(source) === null) {
      return null;
    }
    return withWholeInLentMemory(source, (lent) => {
      const binary = inspectBinary(lent, {
        path,
        root: null,
        role: null,
        named: false,
        symbols,
        asksForRelocations: meanwhile !== undefined,
      });
      // The file is closed after this: what later steps need of it is read now, and nothing holds on to its bytes.
      const hashes = binary.hashes === null ? null : { ...binary.hashes };
      if (binary.elf !== null) {
        meanwhile?.(binary.elf);
      }
      return { facts: binary.facts, elf: null, hashes };
    });
  } catch (error) {
    return problemOf(path, error);
  }
}

function inspectTreeFile(tree: FileTree, path: string, options: InspectOptions): EarlyFacts {
  let source: FileSource;
  try {
    source = tree.open(path);
  } catch (error) {
    return problemOf(path, error);
  }
  try {
    return inspectAlone(source, path, options.symbols);
  } finally {
    source.close();
  }
}

/** The same binary at its place in a root. */
function inRoot(binary: InspectedBinary, entry: TreeEntry & { kind: 'file' }, tree: FileTree): InspectedBinary {
  const { path, layer } = entry;
  const { elf } = binary.facts;
  return {
    ...binary,
    facts: {
      ...binary.facts,
      path,
      layer,
      elf: elf === null ? null : { ...elf, ...rootedFacts(elf, { root: tree, path }) },
    },
  };
}

/** @throws whatever is no failure to read a file. */
function problemOf(path: string, error: unknown): ProblemFacts {
  if (error instanceof FormatError) {
    return { path, code: error.code, message: error.inFile(path).message };
  }
  if (error instanceof ElfgateError) {
    return { path, code: error.code, message: error.message };
  }
  throw error;
}
