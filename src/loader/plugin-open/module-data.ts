import { compareReleases } from '../../binary/libc/minimum-version.ts';

/** What the layout of a file's module data is judged by. */
export interface ModuleDataParty {
  readonly goVersion: string | null;
  /** Size of `runtime.firstmoduledata`, bytes. */
  readonly moduleDataBytes: number | null;
}

/** How the runtimes of host and plugin lay out their module data. */
export type ModuleDataComparison = 'same' | 'different-size' | 'different-fields' | 'unknown';

// Releases between which the fields of moduledata moved although its size may be the same (measured on 1.19 to 1.26):
// the first release of each layout.
const layoutsSince = ['1.18', '1.20', '1.21', '1.23', '1.26'];
// A release after this one may have moved them again.
const newestMeasured = '1.26';

/** Compares the sizes first: that needs no knowledge of any release (`runtime/symtab.go`, type moduledata). */
export function compareModuleData(host: ModuleDataParty, plugin: ModuleDataParty): ModuleDataComparison {
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

/**
 * Whether a plugin of another size, when it appends itself to the list of modules, overwrites the `bad` mark of the
 * plugin before it. `next`, which the appending code of the later plugin writes at the place of its own layout, is the
 * last word of moduledata; in 1.21 and 1.22 `bad` is the word before it (`runtime/symtab.go`). What the mark becomes is
 * the first byte of the address of the plugin's module data: measured, a plugin of 1.23 sets it and one of 1.25 does
 * not, because its module data begins at an address whose last byte is zero.
 */
export function overwritesBadMark(previous: ModuleDataParty, plugin: ModuleDataParty): boolean {
  return (
    layoutOf(previous.goVersion) === '1.21' &&
    plugin.moduleDataBytes !== null &&
    previous.moduleDataBytes === plugin.moduleDataBytes + 8
  );
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
