/** Images, as OCI layouts: a layer for each root or set of changes. */

import type { Recipe } from '../recipe.ts';
import { debianRoots } from './debian-roots.ts';
import { roots } from './roots.ts';

function image(name: string, layers: readonly Recipe[], entrypoint: readonly string[]): Recipe {
  return { output: name, sources: null, steps: [{ kind: 'image-layout', layers, entrypoint }] };
}

/** What a build step that cleans up, and another one that starts a directory anew, leave behind. */
const cleaned: Recipe = {
  output: 'cleaned',
  sources: null,
  steps: [
    {
      kind: 'tree',
      entries: {
        'usr/share/.wh.doc': { text: '' },
        'usr/bin/.wh.perl': { text: '' },
        'usr/lib/gcc/.wh..wh..opq': { text: '' },
        'usr/lib/gcc/kept': { text: 'of the upper layer' },
      },
    },
  ],
};

export const images = {
  /** A whole root of Debian in one layer: 245 MB, 100 MB as stored. */
  'image/bookworm': image('bookworm', [debianRoots['debian/bookworm']], ['/bin/bash']),
  /** A release, cleaned up, and the next one over it: thousands of files are hidden, replaced and added again. */
  'image/upgraded': image(
    'upgraded',
    [debianRoots['debian/bookworm'], cleaned, debianRoots['debian/trixie']],
    ['/bin/bash'],
  ),
  /** musl's loader and C library, as in Alpine. */
  'image/musl': image('musl', [roots['root/musl-like']], ['/bin/hello']),
} satisfies Record<string, Recipe>;
