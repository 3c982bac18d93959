import { ElfFile } from '../binary/elf/elf-file.ts';
import { readGoFile } from '../binary/go/go-file.ts';
import { type FileSource, openFile } from '../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { interpreterInRoot, programOf } from '../loader/interpreter.ts';
import type { HostFile } from '../loader/plugin-open/host-process.ts';
import { emptyEnvironment, type LoaderEnvironment } from '../loader/plugin-open/library-search.ts';
import type { FoundFile, OpenableFiles } from '../loader/plugin-open/plugin-file.ts';
import { isUndecided, type OpenPrediction } from '../loader/plugin-open/prediction.ts';
import { type PluginSequence, sequencesOf } from '../loader/plugin-open/sequence.ts';
import type { ImageOpenings, InspectedContents, InspectedTarget } from './inspected-target.ts';
import { pluginPairs, type TargetPairs } from './plugin-pairs.ts';
import type { PluginPairFacts, PluginSequenceFacts } from './schema.ts';

/** What plugin.Open does with the plugins of every pair, alone and after each other. */
export interface PredictedOpenings {
  /** By host and plugin, see {@link openingKey}. */
  readonly alone: ReadonlyMap<string, NonNullable<PluginPairFacts['prediction']>>;
  /** For each target's document. */
  readonly sequences: readonly PluginSequenceFacts[][];
  /** Whether there were more plugins than are followed. */
  readonly leftOut: boolean;
}

/** A file of a target, and the path by which the host of a sequence is given it. */
interface PluginOfSequence {
  readonly target: number;
  readonly path: string;
  readonly given: boolean;
  readonly openedAs: string;
}

/** What plugin.Open does inside an image, as long as its files are at hand. */
export function openingsInside(contents: InspectedContents): ImageOpenings {
  const target: InspectedTarget = { ...contents, name: '', role: null };
  const pairs = pluginPairs([target]);
  const { alone, sequences, leftOut } = predictOpenings([target], pairs);
  return {
    alone: pairs.flatMap(({ facts }) =>
      facts.flatMap(({ host, plugin }) => {
        const prediction = alone.get(openingKey(host, '', plugin));
        return prediction === undefined ? [] : [{ host: host.path, plugin, prediction }];
      }),
    ),
    sequences: sequences.flat(),
    leftOut,
  };
}

/** Adds what was told about images while their files were at hand, as far as their plugins still meet their hosts. */
export function addKnownOpenings(
  targets: readonly InspectedTarget[],
  pairs: readonly TargetPairs[],
  { alone, sequences, leftOut }: PredictedOpenings,
): PredictedOpenings {
  const all = new Map(alone);
  const known = targets.map(({ name, openings }, index) => {
    const met = new Set(pairs[index]?.facts.map(({ host, plugin }) => openingKey(host, name, plugin)));
    const keyOf = (host: string, plugin: string): string => openingKey({ target: name, path: host }, name, plugin);
    for (const { host, plugin, prediction } of openings?.alone ?? []) {
      all.set(keyOf(host, plugin), prediction);
    }
    return (openings?.sequences ?? [])
      .filter(({ host, results }) => results.every(({ plugin }) => met.has(keyOf(host.path, plugin))))
      .map((sequence) => inTarget(sequence, name));
  });
  return {
    alone: all,
    sequences: sequences.map((list, index) => [...list, ...(known[index] ?? [])]),
    leftOut: leftOut || targets.some(({ openings }) => openings?.leftOut === true),
  };
}

function inTarget({ host, results, ...sequence }: PluginSequenceFacts, target: string): PluginSequenceFacts {
  return {
    ...sequence,
    host: { ...host, target },
    results: results.map(({ earlier, ...result }) => ({
      ...result,
      earlier: earlier === null ? null : { ...earlier, target },
    })),
  };
}

/** Names a host and a plugin, each with the target that holds it. */
export function openingKey(
  host: Pick<PluginPairFacts['host'], 'target' | 'path'>,
  target: string,
  plugin: string,
): string {
  return JSON.stringify([host.target, host.path, target, plugin]);
}

/**
 * Follows plugin.Open for every host with the plugins that it was paired with: each one alone, then all in their order.
 *
 * The order is that of the command line where the plugins were named; plugins that were merely found are followed in the
 * order of their paths and in the reverse one, so that each stands before and after each other one.
 */
export function predictOpenings(targets: readonly InspectedTarget[], pairs: readonly TargetPairs[]): PredictedOpenings {
  const opened: { close(): void }[] = [];
  const alone = new Map<string, NonNullable<PluginPairFacts['prediction']>>();
  const sequences = targets.map((): PluginSequenceFacts[] => []);
  let room: number = limits.predictedOpenings;
  let leftOut = false;
  try {
    for (const { host, plugins } of pluginsByHost(targets, pairs)) {
      const followed = plugins.slice(0, Math.min(room, limits.sequencePlugins));
      leftOut ||= followed.length < plugins.length;
      room -= followed.length;
      const start = startOf(targets, host, followed, (source) => opened.push(source));
      if (start === null || followed.length === 0) {
        continue;
      }
      const first = followed.map((plugin) => start().open(plugin.openedAs));
      for (const [index, plugin] of followed.entries()) {
        const prediction = first[index];
        if (prediction !== undefined) {
          const { outcome, reason, message, recoverable } = prediction;
          const facts = { outcome, reason, message, recoverable, undecided: isUndecided(reason) };
          alone.set(openingKey(host, targets[plugin.target]?.name ?? '', plugin.path), facts);
        }
      }
      addSequences({ host, plugins: followed, first, start, targets, sequences });
    }
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
  return { alone, sequences, leftOut };
}

interface HostWithPlugins {
  readonly host: PluginPairFacts['host'];
  readonly plugins: readonly PluginOfSequence[];
}

function pluginsByHost(targets: readonly InspectedTarget[], pairs: readonly TargetPairs[]): readonly HostWithPlugins[] {
  const hosts = new Map<string, { readonly host: PluginPairFacts['host']; readonly plugins: PluginOfSequence[] }>();
  for (const [index, { facts }] of pairs.entries()) {
    const target = targets[index];
    if (target === undefined || !hasFiles(target)) {
      continue;
    }
    for (const { host, plugin } of facts) {
      const key = openingKey(host, '', '');
      const known = hosts.get(key) ?? { host, plugins: [] };
      hosts.set(key, known);
      known.plugins.push({
        target: index,
        path: plugin,
        given: target?.tree == null,
        openedAs:
          target?.tree == null ? plugin : target.name === host.target ? `/${plugin}` : `${target.name}/${plugin}`,
      });
    }
  }
  return [...hosts.values()];
}

/** Those of an image are given back once it was read. */
function hasFiles({ kind, tree }: InspectedTarget): boolean {
  return kind !== 'image' || tree !== null;
}

/** Processes of a host; `null` for one that cannot be read as such, which its own facts say. */
function startOf(
  targets: readonly InspectedTarget[],
  { target, path }: PluginPairFacts['host'],
  plugins: readonly PluginOfSequence[],
  close: (source: { close(): void }) => void,
): (() => PluginSequence) | null {
  const holder = targets.find(({ name }) => name === target);
  if (holder === undefined || !hasFiles(holder)) {
    return null;
  }
  const { tree } = holder;
  try {
    const source = tree === null ? openFile(path) : tree.open(path);
    close(source);
    const elf = new ElfFile(source);
    const host: HostFile = { path: tree === null ? path : `/${path}`, elf, go: readGoFile(elf) };
    // A directory of build results is no root file system: then libraries are presumed, as they are for single files.
    const chosen = tree !== null && interpreterInRoot(programOf(elf), tree) === 'present';
    const inside = (file: string): string | null =>
      tree !== null && file.startsWith('/') && tree.resolve(file)?.kind === 'file' ? file.slice(1) : null;
    const root = {
      tree: chosen ? tree : emptyTree,
      chosen,
      inside: chosen ? inside : () => null,
      environment: environmentOf(holder),
    };
    return sequencesOf(host, { root, files: filesOf(targets, plugins), close });
  } catch (error) {
    if (error instanceof FormatError || error instanceof ElfgateError) {
      return null;
    }
    throw error;
  }
}

function environmentOf({ launch }: InspectedTarget): LoaderEnvironment {
  return launch === null ? emptyEnvironment : { libraryPath: launch.libraryPath.join(':'), preload: launch.preload };
}

/** No file is there: what a host without a root needs is presumed, whatever machine elfgate runs on. */
const emptyTree: FileTree = {
  entries: () => [],
  resolve: () => null,
  open(path) {
    throw new ElfgateError('unreadable', `${path}: not there`);
  },
};

function filesOf(targets: readonly InspectedTarget[], plugins: readonly PluginOfSequence[]): OpenableFiles {
  const places = new Map(plugins.map((plugin) => [plugin.openedAs, plugin]));
  return {
    find(openedAs): FoundFile | null {
      const place = places.get(openedAs);
      const tree = place === undefined ? null : (targets[place.target]?.tree ?? null);
      if (place === undefined) {
        return null;
      }
      const found = tree?.resolve(place.path);
      const open = (): FileSource => (tree === null ? openFile(place.path) : tree.open(found?.path ?? place.path));
      // Hard links of a tree are not told apart from copies.
      return { realPath: openedAs, identity: openedAs, isDirectory: false, open };
    },
  };
}

function addSequences({
  host,
  plugins,
  first,
  start,
  targets,
  sequences,
}: {
  readonly host: PluginPairFacts['host'];
  readonly plugins: readonly PluginOfSequence[];
  readonly first: readonly OpenPrediction[];
  readonly start: () => PluginSequence;
  readonly targets: readonly InspectedTarget[];
  readonly sequences: readonly PluginSequenceFacts[][];
}): void {
  const members = plugins.flatMap((plugin, index) => {
    const prediction = first[index];
    return prediction === undefined ? [] : [{ plugin, alone: prediction }];
  });
  const given = members.every(({ plugin }) => plugin.given);
  // What nobody put in an order need not be opened in one: a plugin that ends the process by itself is judged by itself.
  const together = given
    ? members
    : members.filter(({ alone }) => alone.outcome !== 'crashes' && !isUndecided(alone.reason));
  if (together.length < 2) {
    return;
  }
  const orders = given
    ? ([['given', together]] as const)
    : ([
        ['by-path', together],
        ['reversed', together.toReversed()],
      ] as const);
  for (const [order, list] of orders) {
    const sequence = start();
    const results = list.map(({ plugin, alone }) => ({ plugin, alone, here: sequence.open(plugin.openedAs) }));
    const nameOf = new Map(list.map(({ plugin }) => [plugin.openedAs, plugin]));
    for (const index of targets.keys()) {
      const own = results.flatMap(({ plugin, alone, here }, position) =>
        plugin.target === index ? [resultFacts({ position, plugin, alone, here }, nameOf, targets)] : [],
      );
      if (own.length > 0) {
        const { target: hostTarget, path } = host;
        sequences[index]?.push({ host: { target: hostTarget, path }, order, plugins: list.length, results: own });
      }
    }
  }
}

interface FollowedPlugin {
  readonly position: number;
  readonly plugin: PluginOfSequence;
  readonly alone: OpenPrediction;
  readonly here: OpenPrediction;
}

function resultFacts(
  { position, plugin, alone, here }: FollowedPlugin,
  nameOf: ReadonlyMap<string, PluginOfSequence>,
  targets: readonly InspectedTarget[],
): PluginSequenceFacts['results'][number] {
  const shown = here.evidence.find(({ path }) => path !== undefined && nameOf.has(path));
  const earlier = shown?.path === undefined ? undefined : nameOf.get(shown.path);
  return {
    position,
    plugin: plugin.path,
    outcome: here.outcome,
    reason: here.reason,
    message: here.message,
    undecided: isUndecided(here.reason),
    alone: alone.outcome,
    aloneUndecided: isUndecided(alone.reason),
    earlier:
      shown === undefined || earlier === undefined
        ? null
        : { target: targets[earlier.target]?.name ?? '', path: earlier.path, at: shown.at, value: shown.value },
  };
}
