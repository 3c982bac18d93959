import { ElfgateError, FormatError } from '../errors.ts';
import { directoryTree } from '../image/directory.ts';
import type { FileTree } from '../image/file-tree.ts';
import { formatOf, type InspectedBinary, inspectBinary } from './binary-facts.ts';
import type { InspectedTarget, InspectOptions, Target } from './inspected-target.ts';
import { rootFacts } from './root-facts.ts';
import type { ProblemFacts } from './schema.ts';

/**
 * Inspects every binary of a directory, which is taken as a root file system.
 *
 * @throws ElfgateError `unreadable` when it cannot be listed at all; what fails inside of it is a problem of the result.
 */
export function inspectDirectory(target: Target, options: InspectOptions): InspectedTarget {
  const tree = directoryTree(target.name);
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
    try {
      const binary = inspectTreeFile(tree, entry.path, options);
      if (binary !== null) {
        binaries.push(binary);
      }
    } catch (error) {
      problems.push(problemOf(entry.path, error));
    }
  }
  return { target, kind: 'directory', binaries, problems, root: rootFacts(tree) };
}

function inspectTreeFile(tree: FileTree, path: string, options: InspectOptions): InspectedBinary | null {
  const source = tree.open(path);
  try {
    if (formatOf(source) === null) {
      return null;
    }
    const binary = inspectBinary(source, {
      path,
      root: tree,
      role: null,
      named: false,
      symbols: options.symbols,
    });
    // The file is closed after this: what later steps need of it is read now, and nothing holds on to its bytes.
    const hashes = binary.hashes === null ? null : { ...binary.hashes };
    return { facts: binary.facts, elf: null, hashes };
  } finally {
    source.close();
  }
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
