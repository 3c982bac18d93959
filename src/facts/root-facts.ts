import { ElfFile } from '../binary/elf/elf-file.ts';
import { machineName, PT } from '../binary/elf/names.ts';
import { identifyCLibrary } from '../binary/libc/c-library.ts';
import { FormatError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import type { RootFacts } from './schema.ts';

/** States what a root file system is built for and which C library and name services it brings. */
export function rootFacts(tree: FileTree): RootFacts {
  const libc = findLibc(tree);
  const nsswitch = readNsswitch(tree);
  return {
    platform: libc === null ? null : libc.platform,
    libc: libc === null ? null : { kind: libc.kind, version: libc.version, path: libc.path },
    nsswitch,
    nssModules: nssModules(tree, nsswitch?.databases ?? {}),
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

/** Runs a question on an ELF file of the root; `null` when there is none, or it is damaged, which its own facts then say. */
function withElf<Answer>(tree: FileTree, path: string, ask: (elf: ElfFile, path: string) => Answer): Answer | null {
  const found = tree.resolve(path);
  if (found === null || found.kind !== 'file') {
    return null;
  }
  const source = tree.open(found.path);
  try {
    return ask(new ElfFile(source), found.path);
  } catch (error) {
    if (error instanceof FormatError) {
      return null;
    }
    throw error;
  } finally {
    source.close();
  }
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
  for (const line of file.text.split('\n')) {
    const [, database, services] = /^\s*(\w+)\s*:([^#]*)/.exec(line) ?? [];
    if (database !== undefined && services !== undefined) {
      const named = services.replaceAll(/\[[^\]]*\]/g, ' ').split(/\s+/);
      databases.set(
        database,
        named.filter((service) => service !== ''),
      );
    }
  }
  return { path: file.path, databases: Object.fromEntries(databases) };
}

// Part of libc itself since glibc 2.34; a static program brings its own copy of them.
const builtIn = new Set(['files', 'dns']);

function nssModules(tree: FileTree, databases: Readonly<Record<string, readonly string[]>>): RootFacts['nssModules'] {
  const services = [...new Set(Object.values(databases).flat())].filter((service) => !builtIn.has(service)).sort();
  return services.map((service) => {
    for (const place of libcPlaces) {
      if (!place.endsWith('libc.so.6')) {
        continue;
      }
      const path = place.replace(/libc\.so\.6$/, `libnss_${service}.so.2`);
      const module = withElf(tree, path, (elf, found) => ({
        service,
        path: found,
        staticTls: elf.segments.some(({ type }) => type === PT.tls),
      }));
      if (module !== null) {
        return module;
      }
    }
    return { service, path: null, staticTls: null };
  });
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
