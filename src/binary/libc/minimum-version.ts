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
  let newestParts: readonly number[] = [];
  for (const { version, library, weak } of needed) {
    const release = releaseOf(version);
    // The absence of a weak version is a warning of the loader and not a failure.
    if (release !== null && !weak && (newest === null || compareParts(release.parts, newestParts) > 0)) {
      newest = { version: release.text, library };
      newestParts = release.parts;
    }
  }
  return newest;
}

interface Release {
  readonly text: string;
  readonly parts: readonly number[];
}

// The same few dozen versions are needed by each file of a root.
const releases = new Map<string, Release | null>();
const mostReleases = 256;
const longestRelease = 32;

function releaseOf(version: string): Release | null {
  const known = releases.get(version);
  if (known !== undefined) {
    return known;
  }
  const text = version === 'GLIBC_ABI_DT_RELR' ? '2.36' : /^GLIBC_(\d+(?:\.\d+){1,2})$/.exec(version)?.[1];
  const release = text === undefined ? null : { text, parts: partsOf(text) };
  if (releases.size < mostReleases && version.length <= longestRelease) {
    releases.set(version, release);
  }
  return release;
}

/** Orders dotted release numbers: negative when `left` is the older one. */
export function compareReleases(left: string, right: string): number {
  return compareParts(partsOf(left), partsOf(right));
}

const partsOf = (release: string): readonly number[] => release.split('.').map(Number);

function compareParts(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}
