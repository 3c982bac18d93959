import type { ArtifactName } from '../../lab/lab.ts';

/** Roots of Debian 11, 12 and 13, by the release of their glibc. */
export const serviceRoots: readonly ArtifactName[] = [
  'debian/services-2.31',
  'debian/services-2.36',
  'debian/services-2.41',
];

/** What their nsswitch.conf names for every database; `null` for none. */
export const configurations: readonly (string | null)[] = [
  null,
  'files',
  'files dns',
  'files nowhere dns',
  'compat files',
  'files compat',
  'files hesiod dns',
  'files dns hesiod',
  'files alone',
  'files joined',
  'files threads',
  'threads files',
  'files beside',
  'nowhere joined files',
  'files alone [NOTFOUND=return] joined',
];
