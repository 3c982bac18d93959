/** Programs of others that elfgate's speed is measured against. */

import type { Recipe } from '../recipe.ts';
import { goBuild } from './go-build.ts';

export const peers = {
  /** Lists what is in an image, reading every layer as elfgate does. */
  'peer/syft': goBuild({
    output: 'syft',
    sources: 'syft',
    package: 'github.com/anchore/syft/cmd/syft',
    cgo: 'off',
    size: 'large',
  }),
} satisfies Record<string, Recipe>;
