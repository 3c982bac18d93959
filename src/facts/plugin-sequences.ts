import { setImmediate } from 'node:timers/promises';
import { ElfFile } from '../binary/elf/elf-file.ts';
import { readGoFile } from '../binary/go/go-file.ts';
import { type FileSource, openFile } from '../bytes/byte-source.ts';
import { ElfgateError, NotKeptError } from '../errors.ts';
import { type FileTree, insideRoot } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { interpreterInRoot, programOf } from '../loader/interpreter.ts';
import type { HostFile } from '../loader/plugin-open/host-process.ts';
import { emptyEnvironment, type LoaderEnvironment } from '../loader/plugin-open/library-search.ts';
import type { FoundFile, OpenableFiles } from '../loader/plugin-open/plugin-file.ts';
import { isUndecided, type OpenPrediction } from '../loader/plugin-open/prediction.ts';
import { type PluginSequence, sequencesOf } from '../loader/plugin-open/sequence.ts';
import type { ImageOpenings, InspectedContents, InspectedTarget, TargetMount } from './inspected-target.ts';
import { pluginPairs, type TargetPairs } from './plugin-pairs.ts';
import type { PluginPairFacts, PluginSequenceFacts } from './schema.ts';

/** What plugin.Open does with the plugins of every pair, alone and after each other. */
export interface PredictedOpenings {
  /** By host and plugin, see {@link openingKey}. */
  readonly alone: ReadonlyMap<string, NonNullable<PluginPairFacts['prediction']>>;
  /** For each target's document. */
  readonly sequences: readonly PluginSequenceFacts[][];
  /** Hosts that were followed, see {@link hostKey}. */
  readonly followed: ReadonlySet<string>;
  /** Whether there were more plugins than are followed. */
  readonly leftOut: boolean;
}

/** A file of a target, and the path by which the host of a sequence is given it. */
interface PluginOfSequence {
  readonly target: number;
  readonly path: string;
  readonly given: boolean;
  readonly openedAs: string;
  /** Where its bytes are: in a root by a path of it, or where this machine has it. */
  readonly place: { readonly tree: FileTree | null; readonly path: string };
}

/** What plugin.Open does inside an image, as long as its files are at hand. */
export async function openingsInside(contents: InspectedContents): Promise<ImageOpenings> {
  const target: InspectedTarget = { ...contents, name: '', role: null };
  const pairs = pluginPairs([target]);
  const { alone, sequences, leftOut } = await predictOpenings([target], pairs, new Map());
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

/**
 * Adds what was told about images while their files were at hand, as far as their plugins still meet their hosts, and
 * nothing else was told about these since.
 */
export function addKnownOpenings(
  targets: readonly InspectedTarget[],
  pairs: readonly TargetPairs[],
  { alone, sequences, leftOut, followed }: PredictedOpenings,
): PredictedOpenings {
  const all = new Map(alone);
  const known = targets.map(({ name, openings }, index) => {
    const met = new Set(pairs[index]?.facts.map(({ host, plugin }) => openingKey(host, name, plugin)));
    const keyOf = (host: string, plugin: string): string => openingKey({ target: name, path: host }, name, plugin);
    const isLeft = (host: string): boolean => !followed.has(hostKey({ target: name, path: host }));
    for (const { host, plugin, prediction } of openings?.alone ?? []) {
      if (isLeft(host)) {
        all.set(keyOf(host, plugin), prediction);
      }
    }
    return (openings?.sequences ?? [])
      .filter(
        ({ host, results }) => isLeft(host.path) && results.every(({ plugin }) => met.has(keyOf(host.path, plugin))),
      )
      .map((sequence) => inTarget(sequence, name));
  });
  return {
    followed,
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

function hostKey({ target, path }: Pick<PluginPairFacts['host'], 'target' | 'path'>): string {
  return JSON.stringify([target, path]);
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
 *
 * @param roots of images whose files are not open any more, as far as they were kept, by the names of the targets. What
 * depends on anything that was not kept is left out.
 */
export async function predictOpenings(
  targets: readonly InspectedTarget[],
  pairs: readonly TargetPairs[],
  roots: ReadonlyMap<string, FileTree>,
): Promise<PredictedOpenings> {
  const opened: { close(): void }[] = [];
  const alone = new Map<string, NonNullable<PluginPairFacts['prediction']>>();
  const sequences = targets.map((): PluginSequenceFacts[] => []);
  const followedHosts = new Set<string>();
  let room: number = limits.predictedOpenings;
  let leftOut = false;
  try {
    for (const { host, holder, plugins } of pluginsByHost(targets, pairs, roots)) {
      const followed = plugins.slice(0, Math.min(room, limits.sequencePlugins));
      leftOut ||= followed.length < plugins.length;
      room -= followed.length;
      const start = startOf(holder, host.path, followed, (source) => opened.push(source));
      if (start === null || followed.length === 0) {
        continue;
      }
      followedHosts.add(hostKey(host));
      const members: FollowedAlone[] = [];
      for (const plugin of followed) {
        // Each takes some 50 milliseconds, in which nobody else would be answered.
        await setImmediate();
        const prediction = unlessNotKept(() => start().open(plugin.openedAs));
        members.push({ plugin, alone: prediction });
        if (prediction !== null) {
          const { outcome, reason, message, recoverable } = prediction;
          const facts = { outcome, reason, message, recoverable, undecided: isUndecided(reason) };
          alone.set(openingKey(host, targets[plugin.target]?.name ?? '', plugin.path), facts);
        }
      }
      await addSequences({ host, members, start, targets, sequences });
    }
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
  return { alone, sequences, leftOut, followed: followedHosts };
}

/** `null` for what depends on bytes that are not there: then it is not known, and there is nothing wrong with them. */
function unlessNotKept<Answer>(follow: () => Answer): Answer | null {
  try {
    return follow();
  } catch (error) {
    // A file that is no binary has no bytes even while its image is being read.
    if (error instanceof NotKeptError || (error instanceof ElfgateError && error.code === 'unreadable')) {
      return null;
    }
    throw error;
  }
}

/** A target whose files can be opened. */
interface Holder {
  readonly target: InspectedTarget;
  /** `null` for a file of its own. */
  readonly tree: FileTree | null;
}

interface HostWithPlugins {
  readonly host: PluginPairFacts['host'];
  readonly holder: Holder;
  readonly plugins: readonly PluginOfSequence[];
}

function pluginsByHost(
  targets: readonly InspectedTarget[],
  pairs: readonly TargetPairs[],
  roots: ReadonlyMap<string, FileTree>,
): readonly HostWithPlugins[] {
  const holders = new Map(
    targets.flatMap((target): [string, Holder][] => {
      const tree = target.tree ?? roots.get(target.name) ?? null;
      // Files of an image are given back once it was read.
      return target.kind === 'image' && tree === null ? [] : [[target.name, { target, tree }]];
    }),
  );
  const hosts = new Map<string, Omit<HostWithPlugins, 'plugins'> & { readonly plugins: PluginOfSequence[] }>();
  for (const [index, { facts }] of pairs.entries()) {
    const delivering = holders.get(targets[index]?.name ?? '');
    for (const { host, plugin } of facts) {
      const holder = holders.get(host.target);
      const followed =
        delivering === undefined || holder === undefined
          ? null
          : unlessNotKept(() => pluginOfSequence({ holder, delivering, path: plugin, index }));
      if (holder !== undefined && followed !== null) {
        const known = hosts.get(hostKey(host)) ?? { host, holder, plugins: [] };
        hosts.set(hostKey(host), known);
        known.plugins.push(followed);
      }
    }
  }
  return [...hosts.values()];
}

/** A plugin as its host is given it; `null` for one that the host's container does not see. */
function pluginOfSequence({
  holder,
  delivering,
  path,
  index,
}: {
  readonly holder: Holder;
  readonly delivering: Holder;
  readonly path: string;
  readonly index: number;
}): PluginOfSequence | null {
  const { target, tree } = delivering;
  const common = { target: index, path };
  if (tree === null) {
    return { ...common, given: true, openedAs: path, place: { tree, path } };
  }
  const { mounts } = holder.target;
  const mount = mounts?.find((each) => each.target === target.name);
  if (target.name !== holder.target.name && mount === undefined) {
    // A plugin image that is named for its one plugin says when that one is opened.
    const named = mounts === undefined && target.kind === 'image' && target.role === 'plugin';
    const given = named && target.binaries.filter(({ facts }) => facts.role === 'plugin').length === 1;
    return { ...common, given, openedAs: `${target.name}/${path}`, place: { tree, path } };
  }
  const seen = mount === undefined ? `/${path}` : pathInMount(mount, path);
  return seen === null || holder.tree?.resolve(seen)?.kind !== 'file'
    ? null
    : { ...common, given: false, openedAs: seen, place: { tree: holder.tree, path: seen } };
}

function pathInMount({ path: mountPath, subPath }: TargetMount, path: string): string | null {
  const prefix = insideRoot(subPath ?? '');
  if (prefix !== '' && path !== prefix && !path.startsWith(`${prefix}/`)) {
    return null;
  }
  return `/${insideRoot(`${mountPath}/${path.slice(prefix.length)}`)}`;
}

/** Processes of a host; `null` for one that cannot be read as such, which its own facts say. */
function startOf(
  { target, tree }: Holder,
  path: string,
  plugins: readonly PluginOfSequence[],
  close: (source: { close(): void }) => void,
): (() => PluginSequence) | null {
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
      environment: environmentOf(target),
    };
    return sequencesOf(host, { root, files: filesOf(plugins), close });
  } catch (error) {
    if (error instanceof ElfgateError || error instanceof NotKeptError) {
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

function filesOf(plugins: readonly PluginOfSequence[]): OpenableFiles {
  const places = new Map(plugins.map(({ openedAs, place }) => [openedAs, place]));
  return {
    find(openedAs): FoundFile | null {
      const place = places.get(openedAs);
      if (place === undefined) {
        return null;
      }
      const { tree, path } = place;
      const open = (): FileSource => (tree === null ? openFile(path) : tree.open(tree.resolve(path)?.path ?? path));
      // Hard links of a tree are not told apart from copies.
      return { realPath: openedAs, identity: openedAs, isDirectory: false, open };
    },
  };
}

interface FollowedAlone {
  readonly plugin: PluginOfSequence;
  /** `null` for what is not known. */
  readonly alone: OpenPrediction | null;
}

interface KnownAlone extends FollowedAlone {
  readonly alone: OpenPrediction;
}

async function addSequences({
  host,
  members,
  start,
  targets,
  sequences,
}: {
  readonly host: PluginPairFacts['host'];
  readonly members: readonly FollowedAlone[];
  readonly start: () => PluginSequence;
  readonly targets: readonly InspectedTarget[];
  readonly sequences: readonly PluginSequenceFacts[][];
}): Promise<void> {
  const given = members.every(({ plugin }) => plugin.given);
  // What nobody put in an order need not be opened in one: a plugin that ends the process by itself is judged by itself.
  const together = given
    ? knownUntil(members)
    : members.filter(isKnown).filter(({ alone }) => alone.outcome !== 'crashes' && !isUndecided(alone.reason));
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
    const results = await openedInOrder(list, start());
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

/** Nothing where it cannot be followed to its end. */
async function openedInOrder(
  list: readonly KnownAlone[],
  sequence: PluginSequence,
): Promise<readonly (KnownAlone & { readonly here: OpenPrediction })[]> {
  const results: (KnownAlone & { readonly here: OpenPrediction })[] = [];
  for (const { plugin, alone } of list) {
    await setImmediate();
    const here = unlessNotKept(() => sequence.open(plugin.openedAs));
    if (here === null) {
      return [];
    }
    results.push({ plugin, alone, here });
  }
  return results;
}

/** Those before the first one that is not known: nobody knows what it does to the ones behind it. */
function knownUntil(members: readonly FollowedAlone[]): readonly KnownAlone[] {
  const end = members.findIndex(({ alone }) => alone === null);
  return members.slice(0, end === -1 ? members.length : end).filter(isKnown);
}

function isKnown(member: FollowedAlone): member is KnownAlone {
  return member.alone !== null;
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
