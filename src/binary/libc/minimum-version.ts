import type { NeededVersion } from '../elf/symbol-versions.ts';

/** The oldest glibc that satisfies a file, and the library whose version asks for it. */
export interface MinimumGlibc {
  /** As `2.34`. */
  readonly version: string;
  readonly library: string;
}

/**
 * The newest `GLIBC_x.y` among the versions that a file needs; `null` when it needs none.
 *
 * GLIBC_ABI_DT_RELR has no number: glibc 2.36 brought it (its NEWS, "DT_RELR").
 */
export function minimumGlibc(
  needed: readonly Pick<NeededVersion, 'version' | 'library' | 'weak'>[],
): MinimumGlibc | null {
  let newest: MinimumGlibc | null = null;
  for (const { version, library, weak } of needed) {
    const number = version === 'GLIBC_ABI_DT_RELR' ? '2.36' : /^GLIBC_(\d+(?:\.\d+){1,2})$/.exec(version)?.[1];
    // The absence of a weak version is a warning of the loader and not a failure.
    if (number !== undefined && !weak && (newest === null || compareReleases(number, newest.version) > 0)) {
      newest = { version: number, library };
    }
  }
  return newest;
}

/** Orders dotted release numbers: negative when `left` is the older one. */
export function compareReleases(left: string, right: string): number {
  const [ours, theirs] = [left, right].map((text) => text.split('.').map(Number));
  for (let index = 0; index < Math.max(ours?.length ?? 0, theirs?.length ?? 0); index++) {
    const difference = (ours?.[index] ?? 0) - (theirs?.[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}
