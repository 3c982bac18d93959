import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import { compareModuleData, type ModuleDataComparison, type ModuleDataParty } from './module-data.ts';
import { comparePackages, type PackageComparison } from './package-hashes.ts';

/** What plugin.Open looks at in a file, on either side. */
export interface PluginParty extends ModuleDataParty {
  readonly hashes: PackageHashes | null;
}

export interface PluginOpenComparison {
  readonly moduleData: ModuleDataComparison;
  readonly packages: PackageComparison | null;
  /** What is certain to happen when the host opens this plugin first; `null` when nothing is. */
  readonly outcome: { readonly kind: 'crashes' | 'fails'; readonly message: string } | null;
}

/** Lines of `runtime/plugin.go`, `runtime/panic.go` and `plugin/plugin_dlopen.go`. */
export const runtimeMessages = {
  noModuleData: 'fatal error: runtime: no plugin module data',
  nilDereference: 'panic: runtime error: invalid memory address or nil pointer dereference',
  alreadyLoaded: 'plugin already loaded',
  differentPackage: (importPath: string) => `plugin was built with a different version of package ${importPath}`,
} as const;

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

function certainOutcome(
  moduleData: ModuleDataComparison,
  packages: PackageComparison | null,
): PluginOpenComparison['outcome'] {
  if (moduleData === 'different-size') {
    return { kind: 'crashes', message: runtimeMessages.noModuleData };
  }
  if (moduleData === 'different-fields') {
    return { kind: 'crashes', message: runtimeMessages.nilDereference };
  }
  if (moduleData === 'same' && packages !== null && packages.firstChecked !== null) {
    return { kind: 'fails', message: runtimeMessages.differentPackage(packages.firstChecked) };
  }
  return null;
}
