import { limits } from '../limits.ts';
import { type BuildRecord, rebuildCommand } from '../loader/plugin-open/build-commands.ts';
import { comparePluginWithHost, type PluginParty } from '../loader/plugin-open/pair.ts';
import type { InspectedBinary } from './binary-facts.ts';
import { canMeet, type InspectedTarget, type Meeting } from './inspected-target.ts';
import type { BinaryFacts, PluginPairFacts } from './schema.ts';

interface Host {
  readonly target: string;
  readonly meeting: Meeting;
  readonly binary: InspectedBinary;
}

/** The pairs whose plugins are in one target. */
export interface TargetPairs {
  readonly facts: PluginPairFacts[];
  /** Whether there were more than are compared at once. */
  readonly leftOut: boolean;
}

/** Every plugin with every host that may open it: the hosts that the caller named, else those that were found. */
export function pluginPairs(targets: readonly InspectedTarget[]): readonly TargetPairs[] {
  const named = targets.filter(({ role }) => role === 'host').flatMap(hostsOf);
  const hosts = named.length > 0 ? named : targets.flatMap(hostsOf);
  let room: number = limits.pluginPairs;
  return targets.map(({ binaries, meeting }) => {
    const near = hosts.filter((host) => canMeet(host.meeting, meeting));
    const wanted = binaries
      .filter(({ facts }) => facts.role === 'plugin')
      .flatMap((plugin) => near.map((host) => ({ host, plugin })));
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
    rebuild: rebuildCommand(buildOf(ours), buildOf(theirs)),
    prediction: null,
  };
}

function buildOf({ go }: BinaryFacts): BuildRecord | null {
  return go === null
    ? null
    : { toolchain: go.version, settings: new Map(Object.entries(go.settings)), modules: go.deps };
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

/** Binaries of a target that are, or may be, hosts. */
function hostsOf({ name, meeting, binaries }: InspectedTarget): readonly Host[] {
  return binaries.filter(({ facts }) => facts.role === 'host').map((binary) => ({ target: name, meeting, binary }));
}
