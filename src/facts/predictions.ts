import type { FileTree } from '../image/file-tree.ts';
import { predictNameServices, type ServiceRoot } from '../loader/name-services.ts';
import type { InspectedBinary } from './binary-facts.ts';
import type { InspectedTarget } from './inspected-target.ts';
import { mixturesOf } from './mixtures.ts';
import type { TargetPairs } from './plugin-pairs.ts';
import type { FactsDocument, NameServiceFacts, ProblemFacts } from './schema.ts';
import { secondRuntimes } from './second-runtimes.ts';
import type { SetFacts } from './set-facts.ts';

/** What was worked out for the document of one target. */
export interface TargetPredictions {
  readonly predictions: FactsDocument['predictions'];
  /** What was left out, because there was too much of it. */
  readonly problems: readonly ProblemFacts[];
}

/** Predictions for each target's document, in the order of the targets. */
export async function predictLoads(targets: readonly InspectedTarget[]): Promise<readonly TargetPredictions[]> {
  const { pairs, sequences, leftOut } = await openingsOf(targets);
  const set = await setFacts(targets);
  const runtimes = secondRuntimes(
    targets,
    pairs.map(({ facts }) => facts),
  );
  const goFiles = targets.map(
    ({ binaries }) => new Set(binaries.filter(({ facts }) => facts.go !== null).map(({ facts }) => facts.path)),
  );
  const count = pairs.reduce((sum, { facts }) => sum + facts.length, 0);
  return targets.map((inspected, index) => ({
    predictions: {
      plugins: pairs[index]?.facts ?? [],
      sequences: sequences[index] ?? [],
      hosts: inspected.binaries
        .filter(({ facts }) => facts.role === 'host')
        .map((host) => ({
          path: host.facts.path,
          given: inspected.role === 'host',
          plugins: goPluginsOf(inspected, host, pairs, goFiles),
        })),
      globalScope: [...(set[index]?.globalScope ?? []), ...inspected.linkage.globalScope],
      linkage: [...(set[index]?.linkage ?? []), ...inspected.linkage.linkage],
      cycles: [...(set[index]?.cycles ?? []), ...inspected.linkage.cycles],
      interposed: [...(set[index]?.interposed ?? []), ...inspected.linkage.interposed],
      nameServices: nameServices(inspected),
      hiddenReferences: [...(set[index]?.hiddenReferences ?? []), ...inspected.linkage.hiddenReferences],
      secondRuntimes: runtimes[index] ?? [],
      mixtures: mixturesOf(inspected, pairs[index]?.facts ?? [], targets),
    },
    problems: [
      ...(pairs[index]?.leftOut === true ? [tooManyPairs(inspected, count)] : []),
      ...(leftOut && (pairs[index]?.facts.length ?? 0) > 0
        ? [{ path: inspected.name, code: 'limit', message: tooManyPlugins }]
        : []),
    ],
  }));
}

/** Only files that the caller named make up a set: those of a directory need not meet in one process. */
async function setFacts(targets: readonly InspectedTarget[]): Promise<readonly SetFacts[]> {
  if (!targets.some(({ binaries }) => binaries.some(({ facts, elf }) => facts.named && elf?.dynamic != null))) {
    return [];
  }
  const { factsOfSet } = await import('./set-facts.ts');
  return factsOfSet(targets);
}

interface Openings {
  readonly pairs: readonly TargetPairs[];
  readonly sequences: readonly FactsDocument['predictions']['sequences'][];
  readonly leftOut: boolean;
}

async function openingsOf(targets: readonly InspectedTarget[]): Promise<Openings> {
  const roles = new Set(targets.flatMap(({ binaries }) => binaries.map(({ facts }) => facts.role)));
  if (!roles.has('host') || !roles.has('plugin')) {
    return { pairs: [], sequences: [], leftOut: false };
  }
  // Loaded where they are needed, as most runs have no pair.
  const { pluginPairs } = await import('./plugin-pairs.ts');
  const { addKnownOpenings, openingKey, predictOpenings } = await import('./plugin-sequences.ts');
  const pairs = pluginPairs(targets);
  const roots = targets.some(({ kind }) => kind === 'image')
    ? await (await import('./kept-trees.ts')).keptTrees(targets, pairs)
    : new Map<string, FileTree>();
  const predicted = await predictOpenings(targets, pairs, roots);
  const { alone, sequences, leftOut } = addKnownOpenings(targets, pairs, predicted);
  return {
    pairs: pairs.map((each, index) => ({
      ...each,
      facts: each.facts.map((pair) => ({
        ...pair,
        prediction: alone.get(openingKey(pair.host, targets[index]?.name ?? '', pair.plugin)) ?? null,
      })),
    })),
    sequences,
    leftOut,
  };
}

const tooManyPlugins = 'not all plugins were followed through plugin.Open: check fewer of them at once';

function tooManyPairs({ name }: InspectedTarget, count: number): ProblemFacts {
  return {
    path: name,
    code: 'limit',
    message: `only the first ${count} pairs of host and plugin were compared: name one host with --host`,
  };
}

function goPluginsOf(
  { name }: InspectedTarget,
  host: InspectedBinary,
  pairs: readonly TargetPairs[],
  goFiles: readonly ReadonlySet<string>[],
): number {
  return pairs.reduce(
    (sum, { facts }, index) =>
      sum +
      facts.filter(
        (pair) => pair.host.target === name && pair.host.path === host.facts.path && goFiles[index]?.has(pair.plugin),
      ).length,
    0,
  );
}

/** What the modules of a root do to the static programs in it. */
function nameServices({ binaries, root }: InspectedTarget): NameServiceFacts[] {
  if (root === null || root.libc?.kind === 'musl') {
    return [];
  }
  const services: ServiceRoot = {
    databases: root.nsswitch?.databases ?? null,
    conditional: root.nsswitch?.conditional ?? {},
    libc: root.libc,
    modules: root.nssModules.flatMap(
      ({ service, path, machine, staticTls, tlsLibrary, missingLibrary, needsLibc, ...module }) =>
        path === null || machine === null || module.class === null
          ? []
          : [
              {
                service,
                path,
                machine,
                class: module.class,
                threadStorage: staticTls === true,
                threadStorageLibrary: tlsLibrary,
                missingLibrary,
                needsLibc: needsLibc === true,
              },
            ],
    ),
  };
  return binaries.flatMap(({ facts: { path, elf, libc } }) => {
    if (elf === null || libc?.kind !== 'glibc' || libc.linkage !== 'static' || libc.usesNss !== true) {
      return [];
    }
    const program = {
      functions: libc.nssFunctions,
      builtIn: libc.nssBuiltIn,
      version: libc.version,
      tunables: libc.tunables,
      machine: elf.machine,
      class: elf.class,
    };
    return predictNameServices(program, services).map(({ databases, ...prediction }) => ({
      path,
      ...prediction,
      databases: [...databases],
    }));
  });
}
