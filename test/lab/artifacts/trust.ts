/** Programs of others that sign and verify. */

import type { Recipe } from '../recipe.ts';
import { goBuild } from './go-build.ts';

export const trust = {
  /** Sigstore's own program. */
  'trust/cosign': goBuild({
    output: 'cosign',
    sources: 'cosign',
    package: 'github.com/sigstore/cosign/v3/cmd/cosign',
  }),
  /** The Notary Project's library as a program. */
  'trust/notation': goBuild({ output: 'notation', sources: 'notation', package: '.', cgo: 'off' }),
} satisfies Record<string, Recipe>;
