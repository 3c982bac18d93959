import type { PackageHash, PackageHashes } from '../../binary/go/package-hashes.ts';
import { limits } from '../../limits.ts';

export interface PackageComparison {
  readonly shared: number;
  readonly differing: number;
  /** The package that the runtime names: the first in its order of checking; `null` when none differs or the order is unreadable. */
  readonly firstChecked: string | null;
  /** In the order of the check, at most {@link limits.listedPackages}. */
  readonly differences: readonly { readonly host: PackageHash; readonly plugin: PackageHash }[];
}

/** A package whose hash at run time is not the one that the plugin was linked with. */
export interface HashDifference<Owner> {
  readonly plugin: PackageHash;
  readonly runTime: PackageHash;
  readonly owner: Owner;
  /** Whether the order of the check covers it, so that the first of them is the one that the runtime names. */
  readonly ordered: boolean;
}

export interface ScopeComparison<Owner> {
  /** Packages that the plugin shares with what was loaded before, by the object that defines them first. */
  readonly shared: ReadonlyMap<Owner, readonly string[]>;
  readonly count: number;
  /** In the order of the check. */
  readonly differences: readonly HashDifference<Owner>[];
}

/**
 * Compares every package of a plugin with its first definition in the scope, in the order in which the runtime does
 * (`runtime/plugin.go`, plugin_lastmoduleinit: `linktimehash != *runtimehash`).
 *
 * @param scope what was loaded before, in the order in which the loader looks names up.
 */
export function compareWithScope<Owner extends { readonly hashes: PackageHashes | null }>(
  scope: readonly Owner[],
  plugin: PackageHashes,
): ScopeComparison<Owner> {
  const ordered = plugin.checkOrder.filter((path) => plugin.byPackage.has(path));
  const known = new Set(ordered);
  const unordered = [...plugin.byPackage.keys()].filter((path) => !known.has(path)).sort();
  const differences: HashDifference<Owner>[] = [];
  const shared = new Map<Owner, string[]>();
  let count = 0;
  for (const path of [...ordered, ...unordered]) {
    const theirs = plugin.byPackage.get(path);
    const owner = scope.find(({ hashes }) => hashes?.byPackage.has(path) === true);
    const ours = owner?.hashes?.byPackage.get(path);
    if (theirs === undefined || owner === undefined || ours === undefined) {
      continue;
    }
    count += 1;
    const ofOwner = shared.get(owner) ?? [];
    ofOwner.push(path);
    shared.set(owner, ofOwner);
    if (ours.hash !== theirs.hash) {
      differences.push({ plugin: theirs, runTime: ours, owner, ordered: known.has(path) });
    }
  }
  return { shared, count, differences };
}

/** The comparison with a host alone; `null` when one of them has no hashes. */
export function comparePackages(host: PackageHashes | null, plugin: PackageHashes | null): PackageComparison | null {
  if (host === null || plugin === null) {
    return null;
  }
  const { count, differences } = compareWithScope([{ hashes: host }], plugin);
  const [first] = differences;
  return {
    shared: count,
    differing: differences.length,
    firstChecked: first?.ordered === true ? first.plugin.package : null,
    differences: differences
      .slice(0, limits.listedPackages)
      .map(({ runTime, plugin: theirs }) => ({ host: runTime, plugin: theirs })),
  };
}
