import type { LibraryClosure, Member } from './closure.ts';
import type { LibraryShelf } from './library-shelf.ts';

/** A version that an object asks a library for, and that the library does not have. */
export interface VersionError {
  readonly library: string;
  readonly version: string;
  readonly neededBy: Member;
  /** The library that was found under that name; `null` when the process has none of that name. */
  readonly provider: Member | null;
  /**
   * `absent` stops the program; `weak` (VER_FLG_WEAK) and `no-versions`, where the library has no versions at all and
   * nothing of them is bound, are warnings.
   */
  readonly kind: 'absent' | 'weak' | 'no-versions';
}

/**
 * Compares DT_VERNEED of members with DT_VERDEF of the libraries that it names (glibc `elf/dl-version.c`,
 * _dl_check_map_versions, which runs before any symbol is looked up). musl does not.
 *
 * @throws FormatError when the versions of a member lie outside its file.
 */
export function checkVersions(
  members: readonly Member[],
  closure: Pick<LibraryClosure, 'missing' | 'named'>,
  shelf: LibraryShelf,
): readonly VersionError[] {
  const missing = new Set(closure.missing.map(({ name }) => name));
  const errors: VersionError[] = [];
  for (const member of members) {
    for (const { library, version, weak } of shelf.versionsOf(member.object).versionsNeeded) {
      const provider = closure.named(library);
      if (provider === null) {
        // A library that is not there is reported as such.
        if (!missing.has(library)) {
          errors.push({ library, version, neededBy: member, provider, kind: 'absent' });
        }
        continue;
      }
      const defined = shelf.versionsOf(provider.object).versionsDefined;
      if (defined === null) {
        errors.push({ library, version, neededBy: member, provider, kind: 'no-versions' });
      } else if (!defined.has(version)) {
        errors.push({ library, version, neededBy: member, provider, kind: weak ? 'weak' : 'absent' });
      }
    }
  }
  return errors;
}
