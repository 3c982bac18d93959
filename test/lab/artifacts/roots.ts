/** Small root file systems; the artifact is the directory. They hold this machine's own C libraries. */

import { command, output, type Recipe, type TreeEntry } from '../recipe.ts';
import { cLibraries } from './c-libraries.ts';
import { cPrograms } from './c-programs.ts';
import { goPrograms } from './go-programs.ts';

// Debian merged /bin and /lib into /usr.
const mergedUsr: Readonly<Record<string, TreeEntry>> = {
  bin: { link: 'usr/bin' },
  lib: { link: 'usr/lib' },
  lib64: { link: 'usr/lib64' },
  'usr/lib64/ld-linux-x86-64.so.2': { link: '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
  'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': { library: 'ld-linux-x86-64.so.2' },
  'usr/lib/x86_64-linux-gnu/libc.so.6': { library: 'libc.so.6' },
};

const glibcPrograms: Readonly<Record<string, TreeEntry>> = {
  'usr/bin/hello': { artifact: cPrograms['c/hello'] },
  'usr/bin/resolver': { artifact: cPrograms['c/resolver'] },
  'usr/bin/resolver-static': { artifact: cPrograms['c/resolver-static'] },
  'usr/bin/go-resolver-static-cgo': { artifact: goPrograms['go/resolver-static-cgo'] },
  'usr/bin/go-resolver-static-netgo': { artifact: goPrograms['go/resolver-static-netgo'] },
};

const accounts: Readonly<Record<string, TreeEntry>> = {
  'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\n' },
  'etc/group': { text: 'root:x:0:\n' },
  'etc/hosts': { text: '127.0.0.1 localhost\n' },
};

const debianRelease: TreeEntry = { text: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n' };

/** A service module of our own; `flags` say whether it has thread-local storage. */
function nssModule(flags: readonly string[]): Recipe {
  return {
    output: 'libnss_lab.so.2',
    sources: 'c-libraries',
    steps: [
      command('gcc', ['-O2', '-fPIC', '-shared', '-Wl,-soname,libnss_lab.so.2', '-o', output, 'nss-lab.c', ...flags]),
    ],
  };
}

export function root(name: string, entries: Readonly<Record<string, TreeEntry>>): Recipe {
  return { output: name, sources: null, steps: [{ kind: 'tree', entries }] };
}

/** A Debian-like root with `nsswitch.conf` as given; null leaves the file out. */
function nssRoot(name: string, nsswitch: string | null, more: Readonly<Record<string, TreeEntry>> = {}): Recipe {
  return root(name, {
    ...mergedUsr,
    ...glibcPrograms,
    ...accounts,
    ...(nsswitch === null ? {} : { 'etc/nsswitch.conf': { text: nsswitch } }),
    ...more,
  });
}

const debianLike: Readonly<Record<string, TreeEntry>> = {
  ...mergedUsr,
  ...glibcPrograms,
  ...accounts,
  'etc/os-release': debianRelease,
  'etc/nsswitch.conf': { text: 'passwd: files\ngroup: files\nhosts: files dns\n' },
  'etc/ld.so.conf': { text: 'include /etc/ld.so.conf.d/*.conf\n' },
  'etc/ld.so.conf.d/x86_64-linux-gnu.conf': { text: '/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n' },
  'usr/lib/x86_64-linux-gnu/libm.so.6': { library: 'libm.so.6' },
  'usr/lib/x86_64-linux-gnu/libresolv.so.2': { library: 'libresolv.so.2' },
  'usr/lib/x86_64-linux-gnu/libnss_files.so.2': { library: 'libnss_files.so.2' },
  'usr/lib/x86_64-linux-gnu/libnss_dns.so.2': { library: 'libnss_dns.so.2' },
  'usr/lib/x86_64-linux-gnu/libnss_compat.so.2': { library: 'libnss_compat.so.2' },
};

/** An ELF header with one segment that ends far behind the file: the loader would map it and die. */
const cutLibrary: Recipe = {
  output: 'libprovider.so',
  sources: null,
  steps: [{ kind: 'write-bytes', bytes: cutElf() }],
};

function cutElf(): number[] {
  const bytes = Buffer.alloc(120);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([3, 0, 62, 0, 1], 16);
  bytes.set([64], 32); // e_phoff
  bytes.set([64, 0, 56, 0, 1, 0, 64], 52); // e_ehsize, e_phentsize, e_phnum, e_shentsize
  bytes.set([1, 0, 0, 0, 4], 64); // PT_LOAD, readable
  bytes.writeBigUInt64LE(0x100000n, 64 + 32);
  bytes.writeBigUInt64LE(0x100000n, 64 + 40);
  return [...bytes];
}

/** A program that calls a function of a library, in a root with that library as given; null leaves it out. */
function providerRoot(name: string, library: TreeEntry | null): Recipe {
  return root(name, {
    ...mergedUsr,
    'usr/bin/calls-provider': { artifact: cPrograms['c/calls-provider'] },
    ...(library === null ? {} : { 'usr/lib/x86_64-linux-gnu/libprovider.so': library }),
  });
}

const muslLike: Readonly<Record<string, TreeEntry>> = {
  'etc/alpine-release': { text: '3.20.0\n' },
  'etc/os-release': { text: 'ID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME="Alpine Linux v3.20"\n' },
  'etc/ld-musl-x86_64.path': { text: '/lib\n/usr/local/lib\n/usr/lib\n' },
  'lib/ld-musl-x86_64.so.1': { library: 'ld-musl-x86_64.so.1' },
  'lib/libc.musl-x86_64.so.1': { link: 'ld-musl-x86_64.so.1' },
  'lib/libc.so': { link: 'ld-musl-x86_64.so.1' },
  'bin/hello': { artifact: cPrograms['c/hello-musl'] },
};

export const roots = {
  'root/without-needed-library': providerRoot('without-needed-library', null),
  'root/with-needed-library': providerRoot('with-needed-library', { artifact: cLibraries['c/provider'] }),
  /** The library is there under its name, without the function. */
  'root/with-other-library': providerRoot('with-other-library', { artifact: cLibraries['c/search-path-none'] }),
  /** A library that asks glibc for a version of the future. */
  'root/with-future-version': root('with-future-version', {
    ...mergedUsr,
    'usr/lib/x86_64-linux-gnu/libneeds-future.so': { artifact: cLibraries['c/needs-future-glibc'] },
  }),
  /** A program whose library is cut off in the middle. */
  'root/with-cut-library': providerRoot('with-cut-library', { artifact: cutLibrary }),
  /** With the libraries of name services and the distribution's name. */
  'root/debian-like': root('debian-like', debianLike),
  /** The same with an ld.so.cache. */
  'root/debian-like-with-cache': {
    output: 'debian-like-with-cache',
    sources: null,
    steps: [
      { kind: 'tree', entries: { ...debianLike, 'var/cache/ldconfig': { directory: true } } },
      command('ldconfig', ['-X', '-r', output]),
    ],
  },
  'root/empty-nss': nssRoot('empty-nss', null),
  'root/nss-missing-module': nssRoot('nss-missing-module', 'passwd: files nowhere\nhosts: files nowhere\n'),
  'root/nss-module': nssRoot('nss-module', 'passwd: lab files\nhosts: lab files\n', {
    'usr/lib/x86_64-linux-gnu/libnss_lab.so.2': { artifact: nssModule([]) },
  }),
  'root/nss-module-with-tls': nssRoot('nss-module-with-tls', 'passwd: lab files\nhosts: lab files\n', {
    'usr/lib/x86_64-linux-gnu/libnss_lab.so.2': { artifact: nssModule(['-DWITH_TLS']) },
  }),
  /** musl's loader and C library, with one program that fits and one that was linked against glibc. */
  'root/musl-like': root('musl-like', {
    ...muslLike,
    'bin/hello-glibc': { artifact: cPrograms['c/hello'] },
    'bin/hello-static': { artifact: cPrograms['c/hello-musl-static'] },
  }),
  /** A program of musl's, and a library that it needs and that was linked against glibc. */
  'root/musl-with-glibc-library': root('musl-with-glibc-library', {
    ...muslLike,
    'bin/calls-provider': { artifact: cPrograms['c/calls-provider-musl'] },
    'lib/libprovider.so': { artifact: cLibraries['c/provider-of-glibc'] },
  }),
  /** A glibc root in which a program was linked against musl. */
  'root/debian-with-musl-program': root('debian-with-musl-program', {
    ...mergedUsr,
    'etc/os-release': debianRelease,
    'usr/bin/hello-musl': { artifact: cPrograms['c/hello-musl'] },
  }),
  /** Nothing but one static program, as in an image made `FROM scratch`. */
  'root/scratch': root('scratch', { hello: { artifact: cPrograms['c/hello-static'] } }),
  /** The same with a program that needs a loader, which is the usual mistake with such images. */
  'root/scratch-with-dynamic-program': root('scratch-with-dynamic-program', {
    hello: { artifact: cPrograms['c/hello'] },
  }),
} satisfies Record<string, Recipe>;
