import { limits } from '../limits.ts';
import { findGlobalScopeNeeds, type SetMember } from '../loader/global-scope.ts';
import { comparePluginWithHost, type PluginParty } from '../loader/plugin-open/pair.ts';
import type { InspectedBinary } from './binary-facts.ts';
import type { InspectedTarget } from './inspected-target.ts';
import type { BinaryFacts, FactsDocument, GlobalScopeFacts, PluginPairFacts, ProblemFacts } from './schema.ts';

/** What was worked out for the document of one target. */
export interface TargetPredictions {
  readonly predictions: FactsDocument['predictions'];
  /** What was left out, because there was too much of it. */
  readonly problems: readonly ProblemFacts[];
}

/** Predictions for each target's document, in the order of the targets. */
export function predictLoads(targets: readonly InspectedTarget[]): readonly TargetPredictions[] {
  const pairs = pluginPairs(targets);
  const globalScope = globalScopeNeeds(targets);
  const goFiles = targets.map(
    ({ binaries }) => new Set(binaries.filter(({ facts }) => facts.go !== null).map(({ facts }) => facts.path)),
  );
  const count = pairs.reduce((sum, { facts }) => sum + facts.length, 0);
  return targets.map((inspected, index) => ({
    predictions: {
      plugins: pairs[index]?.facts ?? [],
      hosts: hostsOf(inspected).map(({ binary }) => ({
        path: binary.facts.path,
        given: inspected.target.role === 'host',
        plugins: goPluginsOf(inspected, binary, pairs, goFiles),
      })),
      globalScope: globalScope[index] ?? [],
    },
    problems: pairs[index]?.leftOut === true ? [tooManyPairs(inspected, count)] : [],
  }));
}

function tooManyPairs({ target }: InspectedTarget, count: number): ProblemFacts {
  return {
    path: target.name,
    code: 'limit',
    message: `only the first ${count} pairs of host and plugin were compared: name one host with --host`,
  };
}

interface Host {
  readonly target: string;
  readonly binary: InspectedBinary;
}

interface TargetPairs {
  readonly facts: PluginPairFacts[];
  readonly leftOut: boolean;
}

/** Every plugin with every host that may open it: the hosts that the caller named, else those that were found. */
function pluginPairs(targets: readonly InspectedTarget[]): readonly TargetPairs[] {
  const named = targets.filter(({ target }) => target.role === 'host').flatMap(hostsOf);
  const hosts = named.length > 0 ? named : targets.flatMap(hostsOf);
  let room: number = limits.pluginPairs;
  return targets.map(({ binaries }) => {
    const wanted = binaries
      .filter(({ facts }) => facts.role === 'plugin')
      .flatMap((plugin) => hosts.map((host) => ({ host, plugin })));
    const compared = wanted.slice(0, room);
    room -= compared.length;
    const facts = compared.map(({ host, plugin }) => pairFacts(host, plugin));
    return {
      facts: named.length > 0 ? facts : withoutStrangers(facts),
      leftOut: compared.length < wanted.length,
    };
  });
}

/**
 * Where several hosts were merely found, nobody says which of them opens a plugin. One that it fits is the likely one,
 * and that it does not fit the others is no fault.
 */
function withoutStrangers(pairs: readonly PluginPairFacts[]): PluginPairFacts[] {
  const fits = (pair: PluginPairFacts): boolean =>
    pair.sameMachine && pair.outcome === null && pair.packages?.differing === 0;
  const fitting = new Set(pairs.filter(fits).map(({ plugin }) => plugin));
  return pairs.filter((pair) => fits(pair) || !fitting.has(pair.plugin));
}

function hostsOf({ target, binaries }: InspectedTarget): readonly Host[] {
  return binaries.filter(({ facts }) => facts.role === 'host').map((binary) => ({ target: target.name, binary }));
}

function goPluginsOf(
  { target }: InspectedTarget,
  host: InspectedBinary,
  pairs: readonly TargetPairs[],
  goFiles: readonly ReadonlySet<string>[],
): number {
  return pairs.reduce(
    (sum, { facts }, index) =>
      sum +
      facts.filter(
        (pair) =>
          pair.host.target === target.name && pair.host.path === host.facts.path && goFiles[index]?.has(pair.plugin),
      ).length,
    0,
  );
}

/** `null` when the functions of a program cannot be read, and nothing else rules it out. */
function canLoadPlugins({ elf, go }: BinaryFacts): boolean | null {
  if (go === null || go.importsPlugin === false || go.cgo === false || elf?.interpreter == null) {
    return false;
  }
  return go.importsPlugin === null || go.cgo === null ? null : true;
}

function pairFacts(host: Host, plugin: InspectedBinary): PluginPairFacts {
  const ours = host.binary.facts;
  const theirs = plugin.facts;
  const comparison = comparePluginWithHost(partyOf(host.binary), partyOf(plugin));
  return {
    plugin: theirs.path,
    host: {
      target: host.target,
      path: ours.path,
      machine: ours.elf?.machine ?? 'none',
      class: ours.elf?.class ?? 0,
      endian: ours.elf?.endian ?? 'little',
      goVersion: ours.go?.version ?? null,
      goVersionAt: ours.go?.versionAt ?? null,
      canLoad: canLoadPlugins(ours),
      settings: ours.go?.settings ?? {},
    },
    sameMachine:
      ours.elf?.machine === theirs.elf?.machine &&
      ours.elf?.class === theirs.elf?.class &&
      ours.elf?.endian === theirs.elf?.endian,
    moduleData: comparison.moduleData,
    moduleDataBytes: { host: ours.go?.moduleDataBytes ?? null, plugin: theirs.go?.moduleDataBytes ?? null },
    packages:
      comparison.packages === null
        ? null
        : {
            shared: comparison.packages.shared,
            differing: comparison.packages.differing,
            firstChecked: comparison.packages.firstChecked,
            differences: comparison.packages.differences.map((difference) => ({
              package: difference.plugin.package,
              host: difference.host.hash,
              hostAt: difference.host.at,
              plugin: difference.plugin.hash,
              pluginAt: difference.plugin.at,
            })),
          },
    modules: differingModules(ours.go, theirs.go),
    outcome: comparison.outcome?.kind ?? null,
    message: comparison.outcome?.message ?? null,
  };
}

function differingModules(host: BinaryFacts['go'], plugin: BinaryFacts['go']): PluginPairFacts['modules'] {
  const versions = new Map(host?.deps.map((module) => [module.path, builtVersion(module)]));
  return (plugin?.deps ?? []).flatMap((module) => {
    const ours = versions.get(module.path);
    const theirs = builtVersion(module);
    return ours === undefined || ours === theirs ? [] : [{ path: module.path, host: ours, plugin: theirs }];
  });
}

// A module that was replaced is built from its replacement: a version, or a directory, whose version says nothing.
function builtVersion({ version, replace }: NonNullable<BinaryFacts['go']>['deps'][number]): string {
  if (replace === null) {
    return version ?? 'unknown';
  }
  return replace.version === null || replace.version === '(devel)'
    ? `=> ${replace.path}`
    : `=> ${replace.path}@${replace.version}`;
}

function partyOf({ facts, hashes }: InspectedBinary): PluginParty {
  return {
    goVersion: facts.go?.version ?? null,
    moduleDataBytes: facts.go?.moduleDataBytes ?? null,
    hashes,
  };
}

const listedSymbols = 64;

/** Only files that the caller named make up a set: those of a directory need not meet in one process. */
function globalScopeNeeds(targets: readonly InspectedTarget[]): readonly GlobalScopeFacts[][] {
  const members: SetMember[] = [];
  for (const { binaries } of targets) {
    for (const { facts, elf } of binaries) {
      if (facts.named && elf !== null) {
        members.push({ name: facts.path, elf });
      }
    }
  }
  const needs = findGlobalScopeNeeds(members);
  return targets.map(({ binaries }) =>
    needs
      .filter(({ member }) => binaries.some(({ elf }) => elf === member.elf))
      .map(({ member, symbols, certain }) => ({
        path: member.name,
        symbols: symbols.slice(0, listedSymbols).map((symbol) => ({ ...symbol })),
        count: symbols.length,
        certain,
      })),
  );
}
