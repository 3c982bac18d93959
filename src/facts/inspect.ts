import { statSync } from 'node:fs';
import type { FileSource } from '../bytes/byte-source.ts';
import { openFile } from '../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../errors.ts';
import { directoryTree } from '../image/directory.ts';
import type { FileTree } from '../image/file-tree.ts';
import { formatOf, type InspectedBinary, inspectBinary } from './binary-facts.ts';
import type { InspectedTarget, Target } from './inspected-target.ts';
import { predictLoads } from './predictions.ts';
import { rootFacts } from './root-facts.ts';
import type { FactsDocument, ProblemFacts } from './schema.ts';
import { schemaVersion } from './schema-version.ts';

export interface InspectOptions {
  /** Whether symbols are listed and not only counted. */
  readonly symbols: 'listed' | 'counted';
  /** Called before each file, for progress. */
  readonly onFile?: (path: string) => void;
}

/**
 * Inspects targets together and gives one document each.
 *
 * Plugins meet the hosts of all targets. A file of a directory that cannot be read becomes a problem of its document;
 * a named file that cannot be read is an error.
 *
 * @throws FormatError for a named file whose bytes contradict its format.
 * @throws ElfgateError `unreadable` or `unsupported-format` for a named file.
 */
export function inspect(targets: readonly Target[], options: InspectOptions): readonly FactsDocument[] {
  const opened: FileSource[] = [];
  try {
    const inspected = targets.map((target) => inspectTarget(target, options, opened));
    const predicted = predictLoads(inspected);
    return inspected.map((result, index) => ({
      schemaVersion,
      subject: {
        kind: result.kind,
        name: result.target.name,
        digest: result.kind === 'file' ? `sha256:${result.binaries[0]?.facts.sha256}` : null,
      },
      root: result.root,
      binaries: result.binaries.map(({ facts }) => facts),
      predictions: predicted[index]?.predictions ?? { plugins: [], hosts: [], globalScope: [] },
      problems: [...result.problems, ...(predicted[index]?.problems ?? [])],
    }));
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
}

function inspectTarget(target: Target, options: InspectOptions, opened: FileSource[]): InspectedTarget {
  return isDirectory(target.name) ? inspectDirectory(target, options) : inspectFile(target, options, opened);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Opening it as a file says why it cannot be had.
    return false;
  }
}

function inspectFile(target: Target, options: InspectOptions, opened: FileSource[]): InspectedTarget {
  options.onFile?.(target.name);
  const source = openFile(target.name);
  opened.push(source);
  try {
    const binary = inspectBinary(source, {
      path: target.name,
      root: null,
      role: target.role,
      named: true,
      symbols: options.symbols,
    });
    return { target, kind: 'file', binaries: [binary], problems: [], root: null };
  } catch (error) {
    throw error instanceof FormatError ? error.inFile(target.name) : error;
  }
}

function inspectDirectory(target: Target, options: InspectOptions): InspectedTarget {
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
