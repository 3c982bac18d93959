/** Images, as OCI layouts: a layer for each root or set of changes. */

import type { Recipe, TreeEntry } from '../recipe.ts';
import { cLibraries } from './c-libraries.ts';
import { cPrograms } from './c-programs.ts';
import { debianRoots } from './debian-roots.ts';
import { goHosts } from './go-hosts.ts';
import { goPlugins } from './go-plugins.ts';
import { root, roots } from './roots.ts';

function image(
  name: string,
  layers: readonly Recipe[],
  entrypoint: readonly string[],
  environment: readonly string[] = [],
): Recipe {
  return { output: name, sources: null, steps: [{ kind: 'image-layout', layers, entrypoint, environment }] };
}

/** What a build step that cleans up, and another one that starts a directory anew, leave behind. */
const cleaned = root('cleaned', {
  'usr/share/.wh.doc': { text: '' },
  'usr/bin/.wh.perl': { text: '' },
  'usr/lib/gcc/.wh..wh..opq': { text: '' },
  'usr/lib/gcc/kept': { text: 'of the upper layer' },
});

const libc: Readonly<Record<string, TreeEntry>> = {
  'lib64/ld-linux-x86-64.so.2': { library: 'ld-linux-x86-64.so.2' },
  'lib/x86_64-linux-gnu/libc.so.6': { library: 'libc.so.6' },
};

const gateway = root('root', { ...libc, 'usr/bin/gateway': { artifact: goHosts['go/host'] } });

function delivered(name: string, artifact: Recipe): Recipe {
  return root('root', { [`${name}.so`]: { artifact } });
}

/** One plugin that loads, and one of each kind that does not; the library that one of them needs is in no host's root. */
const deliveries: Readonly<Record<string, TreeEntry>> = {
  'plugins/audit.so': { artifact: goPlugins['go/plugin'] },
  'plugins/hash.so': { artifact: goPlugins['go/plugin-trimpath'] },
  'plugins/library.so': { artifact: goPlugins['go/plugin-missing-library'] },
  'plugins/musl.so': { artifact: goPlugins['go/plugin-musl'] },
  'plugins/path.so': { artifact: goPlugins['go/plugin-pluginpath'] },
  'plugins/symbol.so': { artifact: goPlugins['go/plugin-undefined-c-symbol'] },
  'plugins/toolchain.so': { artifact: goPlugins['go/plugin@1.25'] },
};

const elsewhere = root('root', {
  ...libc,
  'usr/bin/calls-provider': { artifact: cPrograms['c/calls-provider'] },
  'opt/lib/libprovider.so': { artifact: cLibraries['c/provider'] },
});

/** A host with plugins of which one does not load after another, and one that needs a library outside the usual places. */
const market = root('root', {
  ...libc,
  'usr/bin/market': { artifact: goHosts['go/host'] },
  'plugins/auditor.so': { artifact: goPlugins['go/plugin-auditor'] },
  'plugins/billing.so': { artifact: goPlugins['go/plugin-billing-other-ledger'] },
  'plugins/needy.so': { artifact: goPlugins['go/plugin-missing-library'] },
  'opt/lib/libabsent.so': { artifact: cLibraries['c/absent'] },
});

const preload = ['LD_PRELOAD=/usr/lib/libtrace.so'];

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
  /** A plugin host, and plugins of two toolchains and of another C library, each in an image of its own. */
  'image/gateway': image('gateway', [gateway], ['/usr/bin/gateway']),
  'image/audit': image('audit', [delivered('audit', goPlugins['go/plugin'])], []),
  'image/audit-musl': image('audit', [delivered('audit', goPlugins['go/plugin-musl'])], []),
  'image/audit-1.25': image('audit', [delivered('audit', goPlugins['go/plugin@1.25'])], []),
  'image/deliveries': image(
    'deliveries',
    [root('root', { ...deliveries, 'usr/lib/libabsent.so': { artifact: cLibraries['c/absent'] } })],
    [],
  ),
  /** The host and the plugins of both in one root, without that library. */
  'root/deliveries': root('root', { ...libc, ...deliveries, 'usr/bin/gateway': { artifact: goHosts['go/host'] } }),
  /** A plugin that finds its library beside itself, and one that looks only where its process is told to. */
  'image/beside': image(
    'beside',
    [
      root('root', {
        'beside.so': { artifact: goPlugins['go/plugin-library-beside'] },
        'library.so': { artifact: goPlugins['go/plugin-missing-library'] },
        'lib/libabsent.so': { artifact: cLibraries['c/absent'] },
      }),
    ],
    [],
  ),
  'image/auditor': image('auditor', [delivered('auditor', goPlugins['go/plugin-auditor'])], []),
  'image/billing': image('billing', [delivered('billing', goPlugins['go/plugin-billing-other-ledger'])], []),
  'root/market': market,
  'image/market': image('market', [market], ['/usr/bin/market']),
  'image/market-library-path': image('market', [market], ['/usr/bin/market'], ['LD_LIBRARY_PATH=/opt/lib']),
  'image/market-preload': image('market', [market], ['/usr/bin/market'], ['LD_PRELOAD=/opt/lib/libabsent.so']),
  /** A library that is found by LD_LIBRARY_PATH of the image, and the same image without it. */
  'image/library-path': image('library-path', [elsewhere], ['/usr/bin/calls-provider'], ['LD_LIBRARY_PATH=/opt/lib']),
  'image/library-elsewhere': image('library-elsewhere', [elsewhere], ['/usr/bin/calls-provider']),
  /** A library is to be preloaded: into a static program, into one that the loader starts, and into a script. */
  'image/preload-static': image('preload-static', [roots['root/scratch']], ['/hello'], preload),
  'image/preload-dynamic': image('preload-dynamic', [roots['root/debian-like']], ['/usr/bin/hello'], preload),
  'image/preload-script': image('preload-script', [roots['root/scratch']], ['/entrypoint.sh'], preload),
} satisfies Record<string, Recipe>;
