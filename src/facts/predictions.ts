import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { findGlobalScopeNeeds, type SetMember } from '../loader/global-scope.ts';
import { comparePluginWithHost, type PluginParty } from '../loader/plugin-open.ts';
import type { InspectedBinary } from './binary-facts.ts';
import type { InspectedTarget } from './inspect.ts';
import type { BinaryFacts, FactsDocument, GlobalScopeFacts, PluginPairFacts } from './schema.ts';

/** Predictions of each target's document, in the order of the targets. @throws ElfgateError `limit` */
export function predictLoads(targets: readonly InspectedTarget[]): readonly FactsDocument['predictions'][] {
  const plugins = pluginPairs(targets);
  const globalScope = globalScopeNeeds(targets);
  return targets.map((_target, index) => ({
    plugins: plugins[index] ?? [],
    globalScope: globalScope[index] ?? [],
  }));
}

interface Host {
  readonly target: string;
  readonly binary: InspectedBinary;
}

/** Every plugin with every host that may open it: the hosts that the caller named, else those that were found. */
function pluginPairs(targets: readonly InspectedTarget[]): readonly PluginPairFacts[][] {
  const named = targets.filter(({ target }) => target.role === 'host').flatMap(hostsOf);
  const hosts = named.length > 0 ? named : targets.flatMap(hostsOf);
  let count = 0;
  return targets.map((inspected) =>
    inspected.binaries
      .filter(({ facts }) => facts.role === 'plugin')
      .flatMap((plugin) =>
        hosts.map((host) => {
          count += 1;
          if (count > limits.pluginPairs) {
            throw new ElfgateError('limit', `more than ${limits.pluginPairs} pairs of host and plugin at once`, {
              hint: 'name one host with --host, or check fewer plugins at a time',
            });
          }
          return pairFacts(host, plugin);
        }),
      ),
  );
}

function hostsOf({ target, binaries }: InspectedTarget): readonly Host[] {
  return binaries.filter(({ facts }) => facts.role === 'host').map((binary) => ({ target: target.name, binary }));
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
