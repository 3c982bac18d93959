import type { PackageHash, PackageHashes } from '../binary/go/package-hashes.ts';
import { compareReleases } from '../binary/libc/minimum-version.ts';
import { limits } from '../limits.ts';

/** What plugin.Open looks at in a file, on either side. */
export interface PluginParty {
  readonly goVersion: string | null;
  /** Size of `runtime.firstmoduledata`, bytes. */
  readonly moduleDataBytes: number | null;
  readonly hashes: PackageHashes | null;
}

/** How the runtimes of host and plugin lay out their module data. */
export type ModuleDataComparison = 'same' | 'different-size' | 'different-fields' | 'unknown';

export interface PackageComparison {
  readonly shared: number;
  readonly differing: number;
  /** The package that the runtime names: the first in its order of checking; `null` when none differs or the order is unreadable. */
  readonly firstChecked: string | null;
  /** In the order of the check, at most {@link limits.listedPackages}. */
  readonly differences: readonly { readonly host: PackageHash; readonly plugin: PackageHash }[];
}

export interface PluginOpenComparison {
  readonly moduleData: ModuleDataComparison;
  readonly packages: PackageComparison | null;
  /** What is certain to happen when the host opens this plugin first; `null` when nothing is. */
  readonly outcome: { readonly kind: 'crashes' | 'fails'; readonly message: string } | null;
}

/**
 * Compares a plugin with a host as the runtime does on plugin.Open (`runtime/plugin.go`, `plugin/plugin_dlopen.go`).
 *
 * It states what is certain to break. That nothing of this breaks does not yet mean that the plugin loads.
 */
export function comparePluginWithHost(host: PluginParty, plugin: PluginParty): PluginOpenComparison {
  const moduleData = compareModuleData(host, plugin);
  const packages = comparePackages(host.hashes, plugin.hashes);
  return { moduleData, packages, outcome: certainOutcome(moduleData, packages) };
}

// Releases between which the fields of moduledata moved although its size may be the same (measured on 1.19 to 1.26):
// the first release of each layout.
const layoutsSince = ['1.18', '1.20', '1.21', '1.23', '1.26'];
// A release after this one may have moved them again.
const newestMeasured = '1.26';

function compareModuleData(host: PluginParty, plugin: PluginParty): ModuleDataComparison {
  if (host.moduleDataBytes === null || plugin.moduleDataBytes === null) {
    return 'unknown';
  }
  if (host.moduleDataBytes !== plugin.moduleDataBytes) {
    return 'different-size';
  }
  if (host.goVersion !== null && host.goVersion === plugin.goVersion) {
    return 'same';
  }
  const [ours, theirs] = [layoutOf(host.goVersion), layoutOf(plugin.goVersion)];
  if (ours === null || theirs === null) {
    return 'unknown';
  }
  return ours === theirs ? 'same' : 'different-fields';
}

/** The release that brought the layout of a toolchain; `null` for one whose layout was never measured. */
function layoutOf(version: string | null): string | null {
  // Experiments are appended to the version: `go1.26.8-X:arenas`, up to 1.25 `go1.25.5 X:arenas`.
  const release = /^go(\d+\.\d+)(?:\.\d+)?(?:(?:rc|beta)\d+)?(?:[ -]\S+)*$/.exec(version ?? '')?.[1];
  if (release === undefined || compareReleases(release, newestMeasured) > 0) {
    return null;
  }
  return layoutsSince.findLast((since) => compareReleases(release, since) >= 0) ?? null;
}

function comparePackages(host: PackageHashes | null, plugin: PackageHashes | null): PackageComparison | null {
  if (host === null || plugin === null) {
    return null;
  }
  const ordered = plugin.checkOrder.filter((path) => plugin.byPackage.has(path));
  const unordered = [...plugin.byPackage.keys()].filter((path) => !ordered.includes(path)).sort();
  const shared = [...ordered, ...unordered].filter((path) => host.byPackage.has(path));
  const differences: { host: PackageHash; plugin: PackageHash }[] = [];
  for (const path of shared) {
    const ours = host.byPackage.get(path);
    const theirs = plugin.byPackage.get(path);
    if (ours !== undefined && theirs !== undefined && ours.hash !== theirs.hash) {
      differences.push({ host: ours, plugin: theirs });
    }
  }
  const first = differences[0]?.plugin.package ?? null;
  return {
    shared: shared.length,
    differing: differences.length,
    firstChecked: first !== null && ordered.includes(first) ? first : null,
    differences: differences.slice(0, limits.listedPackages),
  };
}

function certainOutcome(
  moduleData: ModuleDataComparison,
  packages: PackageComparison | null,
): PluginOpenComparison['outcome'] {
  if (moduleData === 'different-size') {
    return { kind: 'crashes', message: 'fatal error: runtime: no plugin module data' };
  }
  if (moduleData === 'different-fields') {
    return { kind: 'crashes', message: 'panic: runtime error: invalid memory address or nil pointer dereference' };
  }
  if (moduleData === 'same' && packages !== null && packages.firstChecked !== null) {
    return {
      kind: 'fails',
      message: `plugin was built with a different version of package ${packages.firstChecked}`,
    };
  }
  return null;
}
