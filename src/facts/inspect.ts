import { statSync } from 'node:fs';
import { type FileSource, openFile } from '../bytes/byte-source.ts';
import { FormatError } from '../errors.ts';
import { inspectBinary } from './binary-facts.ts';
import type { InspectedTarget, InspectOptions, Target } from './inspected-target.ts';
import { predictLoads } from './predictions.ts';
import type { FactsDocument } from './schema.ts';
import { schemaVersion } from './schema-version.ts';

/**
 * Inspects targets together and gives one document each.
 *
 * Plugins meet the hosts of all targets. A file of a directory that cannot be read becomes a problem of its document;
 * a named file that cannot be read is an error.
 *
 * @throws FormatError for a named file whose bytes contradict its format.
 * @throws ElfgateError `unreadable` or `unsupported-format` for a named file.
 */
export async function inspect(targets: readonly Target[], options: InspectOptions): Promise<readonly FactsDocument[]> {
  const opened: FileSource[] = [];
  try {
    const inspected: InspectedTarget[] = [];
    for (const target of targets) {
      inspected.push(await inspectTarget(target, options, opened));
    }
    return await documentsOf(inspected);
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
}

/** The documents of targets that meet in one process: what one of them does to another is in the predictions. */
export async function documentsOf(inspected: readonly InspectedTarget[]): Promise<readonly FactsDocument[]> {
  const predicted = await predictLoads(inspected);
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
    workload: null,
    problems: [...result.problems, ...(predicted[index]?.problems ?? [])],
  }));
}

async function inspectTarget(target: Target, options: InspectOptions, opened: FileSource[]): Promise<InspectedTarget> {
  if (!isDirectory(target.name)) {
    return inspectFile(target, options, opened);
  }
  // Loaded where it is needed: a single file is inspected in less time than all rooms take to load.
  const { inspectDirectory } = await import('./inspect-directory.ts');
  return inspectDirectory(target, options);
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
