/**
 * Root file systems of Debian releases, static programs that were linked with the glibc of each, and small roots that
 * hold the C library and the name services of one.
 */

import { type Argument, command, joined, output, pathOf, type Recipe, type TreeEntry } from '../recipe.ts';
import { goBuild } from './go-build.ts';

// libc6-dev holds the static library.
const debian = (suite: string): Recipe => ({
  output: suite,
  sources: null,
  steps: [{ kind: 'debian-root', suite, packages: ['libc6-dev'] }],
});

const bullseye = debian('bullseye');
const bookworm = debian('bookworm');
const trixie = debian('trixie');

const libraries = 'usr/lib/x86_64-linux-gnu';

/** Makes gcc take start files and libraries from a root. */
const from = (root: Recipe): Argument => joined('-B', pathOf(root), `/${libraries}/`);

function resolver(root: Recipe, more: readonly string[] = []): Recipe {
  return {
    output: 'resolver',
    sources: 'c-programs',
    steps: [command('gcc', ['-O2', '-static', from(root), '-o', output, 'resolver.c', ...more])],
  };
}

function goResolver(root: Recipe): Recipe {
  return goBuild({
    output: 'resolver',
    sources: 'go-programs',
    package: './resolver',
    flags: ['-ldflags=-linkmode=external -extldflags=-static'],
    environment: { CGO_LDFLAGS: from(root) },
  });
}

const programs = {
  // Its glibc lacks what the compiler of a later release expects of it.
  'resolver-2.31': resolver(bullseye, ['find-object.c']),
  'resolver-2.36': resolver(bookworm),
  'resolver-2.41': resolver(trixie),
  'go-resolver-2.36': goResolver(bookworm),
  'go-resolver-2.41': goResolver(trixie),
};

/** Names of the static programs in every root, by the glibc that they hold. */
export const staticResolvers = Object.keys(programs);

function serviceModule(name: string, flags: readonly Argument[]): Recipe {
  const file = `libnss_${name}.so.2`;
  return {
    output: file,
    sources: 'c-libraries',
    steps: [
      command('gcc', [
        ...['-O2', '-fPIC', '-shared', `-DSERVICE=${name}`, `-Wl,-soname,${file}`, '-o', output, 'nss-lab.c'],
        ...flags,
      ]),
    ],
  };
}

const threads: Recipe = {
  output: 'libthreads.so',
  sources: 'c-libraries',
  steps: [command('gcc', ['-O2', '-fPIC', '-shared', '-Wl,-soname,libthreads.so', '-o', output, 'thread-variable.c'])],
};

const modules = {
  'libnss_alone.so.2': serviceModule('alone', ['-nostdlib']),
  'libnss_joined.so.2': serviceModule('joined', ['-Wl,--no-as-needed']),
  'libnss_threads.so.2': serviceModule('threads', ['-DWITH_TLS']),
  'libnss_beside.so.2': serviceModule('beside', ['-DWITH_LIBRARY', pathOf(threads)]),
};

/** A root with the C library and the modules of a release, and a configuration that every test replaces in a copy. */
function services(name: string, of: Recipe, loader: string, libc: string, more: readonly string[] = []): Recipe {
  const taken = (file: string): TreeEntry => ({ artifact: of, file });
  return {
    output: name,
    sources: null,
    steps: [
      {
        kind: 'tree',
        entries: {
          lib: { link: 'usr/lib' },
          lib64: { link: 'usr/lib64' },
          'usr/lib64/ld-linux-x86-64.so.2': taken(loader),
          [`${libraries}/ld-linux-x86-64.so.2`]: taken(loader),
          [`${libraries}/libc.so.6`]: taken(libc),
          ...Object.fromEntries(
            ['compat', 'dns', 'files', 'hesiod']
              .map((service) => `${libraries}/libnss_${service}.so.2`)
              .concat(more)
              .map((file) => [file, taken(file)]),
          ),
          ...Object.fromEntries(
            Object.entries(modules).map(([file, artifact]) => [`${libraries}/${file}`, { artifact }]),
          ),
          [`${libraries}/libthreads.so`]: { artifact: threads },
          ...Object.fromEntries(Object.entries(programs).map(([file, artifact]) => [`usr/bin/${file}`, { artifact }])),
          'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\n' },
          'etc/group': { text: 'root:x:0:\n' },
          'etc/hosts': { text: '127.0.0.1 localhost\n' },
          'etc/nsswitch.conf': { text: 'passwd: files\ngroup: files\nhosts: files dns\n' },
        },
      },
    ],
  };
}

export const debianRoots = {
  'debian/bullseye': bullseye,
  'debian/bookworm': bookworm,
  'debian/trixie': trixie,
  'debian/services-2.31': services('services-2.31', bullseye, `${libraries}/ld-2.31.so`, `${libraries}/libc-2.31.so`),
  'debian/services-2.36': services(
    'services-2.36',
    bookworm,
    `${libraries}/ld-linux-x86-64.so.2`,
    `${libraries}/libc.so.6`,
    [`${libraries}/libresolv.so.2`],
  ),
  'debian/services-2.41': services(
    'services-2.41',
    trixie,
    `${libraries}/ld-linux-x86-64.so.2`,
    `${libraries}/libc.so.6`,
    [`${libraries}/libresolv.so.2`],
  ),
} satisfies Record<string, Recipe>;
