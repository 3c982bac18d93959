import { statSync } from 'node:fs';
import { openFile } from '../bytes/byte-source.ts';
import { FormatError } from '../errors.ts';
import { inspectBinary } from './binary-facts.ts';
import { deliveredTarget } from './delivered-target.ts';
import type { Cleanup, InspectedTarget, InspectOptions, Target } from './inspected-target.ts';
import { noLinkage } from './no-linkage.ts';
import { noPredictions } from './no-predictions.ts';
import { predictLoads } from './predictions.ts';
import type { FactsDocument } from './schema.ts';
import { schemaVersion } from './schema-version.ts';

/**
 * Inspects targets together and gives a document for each file, directory and process, and for each platform of an
 * image.
 *
 * Plugins meet the hosts of all targets, and those of an image that is named as a plugin are loaded in the host's root. A file of a root that cannot be read becomes a problem of its document; a named
 * file or image that cannot be read is an error.
 *
 * @throws FormatError for a named file whose bytes contradict its format.
 * @throws ElfgateError `unreadable` or `unsupported-format` for a named file, and what reading an image throws.
 */
export async function inspect(targets: readonly Target[], options: InspectOptions): Promise<readonly FactsDocument[]> {
  const cleanup: Cleanup = [];
  try {
    const inspected: InspectedTarget[] = [];
    for (const target of targets) {
      inspected.push(...(await inspectTarget(target, options, cleanup)));
    }
    const hasHost = targets.some(({ role }) => role === 'host');
    return await documentsOf(
      inspected.map((each) =>
        hasHost && each.role === 'plugin' && each.kind === 'image' ? deliveredTarget(each) : each,
      ),
    );
  } finally {
    for (const close of cleanup) {
      close();
    }
  }
}

/** The documents of targets that meet in one process: what one of them does to another is in the predictions. */
export async function documentsOf(inspected: readonly InspectedTarget[]): Promise<readonly FactsDocument[]> {
  const predicted = await predictLoads(inspected);
  return inspected.map((result, index) => ({
    schemaVersion,
    subject: { kind: result.kind, name: result.name, digest: result.digest },
    image: result.image,
    launch: result.launch,
    root: result.root,
    binaries: result.binaries.map(({ facts }) => facts),
    predictions: predicted[index]?.predictions ?? noPredictions,
    workload: null,
    trust: result.trust ?? null,
    problems: [...result.problems, ...(predicted[index]?.problems ?? [])],
  }));
}

// Rooms are loaded where they are needed: a single file is inspected in less time than all of them take to load.
async function inspectTarget(
  target: Target,
  options: InspectOptions,
  cleanup: Cleanup,
): Promise<readonly InspectedTarget[]> {
  switch (kindOfPath(target.name)) {
    case 'directory': {
      const { inspectDirectory } = await import('./inspect-directory.ts');
      return [inspectDirectory(target, options)];
    }
    case 'file':
      return [await withFileTrust(inspectFile(target, options, cleanup), options)];
    case null: {
      const { inspectElsewhere } = await import('./inspect-elsewhere.ts');
      // What is of no other kind is a path after all: opening it as a file says why it cannot be had.
      return (await inspectElsewhere(target, options)) ?? [inspectFile(target, options, cleanup)];
    }
  }
}

async function withFileTrust(inspected: InspectedTarget, { trust }: InspectOptions): Promise<InspectedTarget> {
  const told = (await trust?.ofFile(inspected.name)) ?? null;
  return told === null ? inspected : { ...inspected, trust: told };
}

/** What a target is on this machine; `null` for one that is no path, as an image, or that nothing is at. */
export function kindOfPath(path: string): 'directory' | 'file' | null {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch {
    return null;
  }
}

function inspectFile(target: Target, options: InspectOptions, cleanup: Cleanup): InspectedTarget {
  options.onFile?.(target.name);
  const source = openFile(target.name);
  cleanup.push(() => source.close());
  try {
    const binary = inspectBinary(source, {
      path: target.name,
      root: null,
      role: target.role,
      named: true,
      symbols: options.symbols,
    });
    return {
      name: target.name,
      role: target.role,
      kind: 'file',
      digest: `sha256:${binary.facts.sha256}`,
      meeting: { platform: null, container: null },
      binaries: [binary],
      tree: null,
      problems: [],
      root: null,
      linkage: noLinkage,
      image: null,
      launch: null,
      openings: null,
    };
  } catch (error) {
    throw error instanceof FormatError ? error.inFile(target.name) : error;
  }
}
