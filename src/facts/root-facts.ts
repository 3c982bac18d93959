import { machineName } from '../binary/elf/names.ts';
import { identifyCLibrary } from '../binary/libc/c-library.ts';
import { readTunables } from '../binary/libc/tunables.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { withElf } from './elf-in-tree.ts';
import { nameServiceModules } from './name-service-modules.ts';
import type { RootFacts } from './schema.ts';

/** States what a root file system is built for and which C library and name services it brings. */
export function rootFacts(tree: FileTree): RootFacts {
  const libc = findLibc(tree);
  const nsswitch = readNsswitch(tree);
  return {
    platform: libc === null ? null : libc.platform,
    libc:
      libc === null
        ? null
        : { kind: libc.kind, version: libc.version, path: libc.path, tunables: loaderTunables(tree, libc) },
    nsswitch,
    nssModules: nameServiceModules(tree, askedServices(nsswitch), libraryDirectories),
    osRelease: readOsRelease(tree),
  };
}

// Where distributions keep the C library: Debian by multiarch name, Red Hat by word size, musl as its loader.
const libcPlaces = [
  ...['x86_64-linux-gnu', 'aarch64-linux-gnu', 's390x-linux-gnu', 'powerpc64le-linux-gnu', 'riscv64-linux-gnu'].flatMap(
    (triple) => [`lib/${triple}/libc.so.6`, `usr/lib/${triple}/libc.so.6`],
  ),
  ...['arm-linux-gnueabihf', 'arm-linux-gnueabi', 'i386-linux-gnu', 'loongarch64-linux-gnu'].flatMap((triple) => [
    `lib/${triple}/libc.so.6`,
    `usr/lib/${triple}/libc.so.6`,
  ]),
  'lib64/libc.so.6',
  'usr/lib64/libc.so.6',
  'lib/libc.so.6',
  'usr/lib/libc.so.6',
  ...['x86_64', 'aarch64', 'armhf', 'i386', 's390x', 'powerpc64le', 'riscv64', 'loongarch64'].map(
    (architecture) => `lib/ld-musl-${architecture}.so.1`,
  ),
];

interface FoundLibc {
  readonly kind: 'glibc' | 'musl';
  readonly version: string | null;
  readonly path: string;
  readonly platform: NonNullable<RootFacts['platform']>;
}

function findLibc(tree: FileTree): FoundLibc | null {
  for (const place of libcPlaces) {
    const found = withElf(tree, place, (elf, path): FoundLibc | null => {
      const library = identifyCLibrary(elf);
      return library.kind !== 'glibc' && library.kind !== 'musl'
        ? null
        : {
            kind: library.kind,
            version: library.version,
            path,
            platform: {
              machine: machineName(elf.header.machine),
              class: elf.header.encoding.is64 ? 64 : 32,
              endian: elf.header.encoding.littleEndian ? 'little' : 'big',
              from: path,
            },
          };
    });
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function readText(tree: FileTree, path: string): { readonly path: string; readonly text: string } | null {
  const found = tree.resolve(path);
  if (found === null || found.kind !== 'file') {
    return null;
  }
  const source = tree.open(found.path);
  try {
    const bytes = source.read(0, Math.min(source.size, limits.rootTextBytes));
    return { path: found.path, text: bytes.toString('utf8') };
  } finally {
    source.close();
  }
}

// nsswitch.conf(5): a database, a colon, services, each with optional actions in brackets.
function readNsswitch(tree: FileTree): RootFacts['nsswitch'] {
  const file = readText(tree, 'etc/nsswitch.conf');
  if (file === null) {
    return null;
  }
  // A map, because a database may be called `__proto__`.
  const databases = new Map<string, string[]>();
  const conditional = new Map<string, string[]>();
  for (const line of file.text.split('\n')) {
    const [, database, services] = /^\s*(\w+)\s*:([^#]*)/.exec(line) ?? [];
    if (database !== undefined && services !== undefined) {
      const [unconditional = '', ...behind] = services.split(/\[[^\]]*\]/);
      const later = behind.flatMap(namesIn);
      databases.set(database, [...namesIn(unconditional), ...later]);
      if (later.length > 0) {
        conditional.set(database, later);
      }
    }
  }
  return {
    path: file.path,
    databases: Object.fromEntries(databases),
    conditional: Object.fromEntries(conditional),
  };
}

function namesIn(services: string): readonly string[] {
  return services.split(/\s+/).filter((service) => service !== '');
}

function askedServices(nsswitch: RootFacts['nsswitch']): readonly string[] {
  // Without a configuration glibc asks these two.
  const named = nsswitch === null ? ['files', 'dns'] : Object.values(nsswitch.databases).flat();
  return [...new Set(named)].sort();
}

const libraryDirectories = libcPlaces
  .filter((place) => place.endsWith('/libc.so.6'))
  .map((place) => place.slice(0, -'/libc.so.6'.length));

// The table is in the loader, which programs name by one of these paths (glibc, `shlib-versions`).
const loaders = [
  'lib64/ld-linux-x86-64.so.2',
  'lib/ld-linux-aarch64.so.1',
  'lib/ld64.so.1',
  'lib64/ld64.so.2',
  'lib/ld-linux-riscv64-lp64d.so.1',
  'lib/ld-linux-armhf.so.3',
  'lib/ld-linux.so.3',
  'lib/ld-linux.so.2',
  'lib64/ld-linux-loongarch-lp64d.so.1',
];

function loaderTunables(tree: FileTree, { kind, platform }: FoundLibc): string[] {
  if (kind !== 'glibc') {
    return [];
  }
  for (const place of loaders) {
    const tunables = withElf(tree, place, (elf) =>
      machineName(elf.header.machine) === platform.machine && (elf.header.encoding.is64 ? 64 : 32) === platform.class
        ? [...readTunables(elf)]
        : null,
    );
    if (tunables !== null) {
      return tunables;
    }
  }
  return [];
}

// os-release(5): shell assignments, values perhaps in quotes.
function readOsRelease(tree: FileTree): RootFacts['osRelease'] {
  const file = readText(tree, 'etc/os-release') ?? readText(tree, 'usr/lib/os-release');
  if (file === null) {
    return null;
  }
  const values = new Map<string, string>();
  for (const line of file.text.split('\n')) {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined && value !== undefined) {
      values.set(name, value.replace(/^(["'])(.*)\1$/, '$2'));
    }
  }
  return {
    id: values.get('ID') ?? null,
    versionId: values.get('VERSION_ID') ?? null,
    name: values.get('PRETTY_NAME') ?? null,
  };
}
