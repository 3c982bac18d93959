import { ElfFile } from '../../binary/elf/elf-file.ts';
import { EM, PF, PT } from '../../binary/elf/names.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';
import type { Platform, SharedObject } from './shared-object.ts';

/** The run-time linker of a root that loads objects of one platform. */
export interface RunTimeLinker {
  readonly kind: 'glibc' | 'musl';
  /** Its path as programs name it; `null` when the root has none for this platform. */
  readonly path: string | null;
  /** Directories that it searches without being told to. */
  readonly directories: readonly string[];
  /** What `$LIB` stands for. */
  readonly lib: string;
  /**
   * Whether a reference with a version is looked for no further than in the library that the version names, as glibc did
   * before 2.30 (bug 24741).
   */
  readonly stopsAtNamedLibrary: boolean;
  /**
   * Whether dlopen refuses objects that ask for an executable stack, as glibc does since 2.41 (its NEWS).
   */
  readonly refusesExecutableStacks: boolean;
  /** What `$PLATFORM` stands for; `null` where the processor's model decides. */
  readonly platform: string | null;
}

/**
 * The linker that loads an object: the one that a program names, and for a library the one that the root has for its
 * platform. Where a root has both kinds, the library's own needs tell them apart.
 */
export function runTimeLinkerFor(
  object: Pick<SharedObject, 'platform' | 'interpreter' | 'needed'>,
  root: FileTree,
): RunTimeLinker {
  const { platform } = object;
  const named = object.interpreter;
  if (named !== null) {
    const kind = /(?:^|\/)ld-musl/.test(named) ? 'musl' : 'glibc';
    // A relative one depends on where the program is started.
    return describe(kind, named.startsWith('/') && isFile(root, named) ? named : null, platform, root);
  }
  const glibc = glibcLoaders(platform).find((path) => isFile(root, path)) ?? null;
  const musl = muslLoaders(platform).find((path) => isFile(root, path)) ?? null;
  const wantsMusl = object.needed.some((name) => name === 'libc.so' || name.startsWith('libc.musl-'));
  return musl !== null && (glibc === null || wantsMusl)
    ? describe('musl', musl, platform, root)
    : describe('glibc', glibc, platform, root);
}

interface Port {
  readonly loaders: readonly string[];
  readonly triple: string;
  readonly musl: readonly string[];
}

// Names of the loaders: glibc `sysdeps/*/shlib-versions` and ABI supplements; musl `configure` (ARCH and its suffixes).
function portOf({ machine, is64, littleEndian }: Platform): Port | null {
  switch (machine) {
    case EM.x86_64:
      return is64
        ? { loaders: ['/lib64/ld-linux-x86-64.so.2'], triple: 'x86_64-linux-gnu', musl: ['x86_64'] }
        : { loaders: ['/libx32/ld-linux-x32.so.2'], triple: 'x86_64-linux-gnux32', musl: ['x32'] };
    case 3:
      return { loaders: ['/lib/ld-linux.so.2'], triple: 'i386-linux-gnu', musl: ['i386'] };
    case 183:
      return littleEndian
        ? { loaders: ['/lib/ld-linux-aarch64.so.1'], triple: 'aarch64-linux-gnu', musl: ['aarch64'] }
        : { loaders: ['/lib/ld-linux-aarch64_be.so.1'], triple: 'aarch64_be-linux-gnu', musl: ['aarch64_be'] };
    case 40:
      return {
        loaders: ['/lib/ld-linux-armhf.so.3', '/lib/ld-linux.so.3'],
        triple: 'arm-linux-gnueabihf',
        musl: ['armhf', 'arm'],
      };
    case EM.s390:
      return is64
        ? { loaders: ['/lib/ld64.so.1', '/lib64/ld64.so.1'], triple: 's390x-linux-gnu', musl: ['s390x'] }
        : { loaders: ['/lib/ld.so.1'], triple: 's390-linux-gnu', musl: [] };
    case 21:
      return littleEndian
        ? { loaders: ['/lib64/ld64.so.2'], triple: 'powerpc64le-linux-gnu', musl: ['powerpc64le'] }
        : { loaders: ['/lib64/ld64.so.1'], triple: 'powerpc64-linux-gnu', musl: ['powerpc64'] };
    case 20:
      return { loaders: ['/lib/ld.so.1'], triple: 'powerpc-linux-gnu', musl: ['powerpc', 'powerpc-sf'] };
    case EM.mips:
      return is64
        ? {
            loaders: ['/lib64/ld.so.1', '/lib64/ld-linux-mipsn8.so.1'],
            triple: littleEndian ? 'mips64el-linux-gnuabi64' : 'mips64-linux-gnuabi64',
            musl: [littleEndian ? 'mips64el' : 'mips64'],
          }
        : {
            loaders: ['/lib/ld.so.1', '/lib/ld-linux-mipsn8.so.1'],
            triple: littleEndian ? 'mipsel-linux-gnu' : 'mips-linux-gnu',
            musl: [littleEndian ? 'mipsel' : 'mips'],
          };
    case 243:
      return is64
        ? { loaders: ['/lib/ld-linux-riscv64-lp64d.so.1'], triple: 'riscv64-linux-gnu', musl: ['riscv64'] }
        : { loaders: ['/lib/ld-linux-riscv32-ilp32d.so.1'], triple: 'riscv32-linux-gnu', musl: ['riscv32'] };
    case 258:
      return {
        loaders: ['/lib64/ld-linux-loongarch-lp64d.so.1'],
        triple: 'loongarch64-linux-gnu',
        musl: ['loongarch64'],
      };
    default:
      return null;
  }
}

const glibcLoaders = (platform: Platform): readonly string[] => portOf(platform)?.loaders ?? [];

const muslLoaders = (platform: Platform): readonly string[] =>
  (portOf(platform)?.musl ?? []).map((architecture) => `/lib/ld-musl-${architecture}.so.1`);

function isFile(root: FileTree, path: string): boolean {
  return root.resolve(path)?.kind === 'file';
}

function describe(kind: 'glibc' | 'musl', path: string | null, platform: Platform, root: FileTree): RunTimeLinker {
  const { directories, stopsAtNamedLibrary, refusesExecutableStacks } =
    kind === 'musl'
      ? {
          directories: muslDirectories(path, platform, root),
          stopsAtNamedLibrary: false,
          refusesExecutableStacks: false,
        }
      : readGlibcLoader(path, platform, root);
  return {
    kind,
    path,
    directories,
    // Both come from the same `slibdir`: `lib/x86_64-linux-gnu` on Debian, `lib64` on Red Hat.
    lib: directories[0]?.replaceAll(/^\/+(?:usr\/)?|\/+$/g, '') ?? 'lib',
    stopsAtNamedLibrary,
    refusesExecutableStacks,
    platform: platform.machine === EM.x86_64 ? 'x86_64' : platform.machine === 183 ? 'aarch64' : null,
  };
}

// musl ldso/dynlink.c, load_library: `etc/ld-musl-ARCH.path` next to the loader's own directory, lines or colons between
// its elements.
function muslDirectories(path: string | null, platform: Platform, root: FileTree): readonly string[] {
  const [, prefix = '', architecture = portOf(platform)?.musl[0] ?? ''] =
    /^(.*)\/[^/]+\/ld-musl-([^/]+)\.so\.1$/.exec(path ?? '') ?? [];
  const found = root.resolve(`${prefix}/etc/ld-musl-${architecture}.path`);
  if (found !== null && found.kind === 'file') {
    const source = root.open(found.path);
    try {
      const text = source.read(0, Math.min(source.size, limits.loaderPathFileBytes)).toString('utf8');
      return text.split(/[:\n]/).filter((element) => element !== '');
    } finally {
      source.close();
    }
  }
  return ['/lib', '/usr/local/lib', '/usr/lib'];
}

// A distribution compiles its directories into its loader (glibc `elf/dl-load.c`, system_dirs: each ends with a slash
// and a NUL), so that the loader's own bytes say what it searches.
// Every repetition has an end: a loader made of nothing but slashes would otherwise take hours.
const compiledIn = /\0((?:\/(?:[\w.+-]{1,128}\/){0,8}(?:lib|lib32|lib64|libx32)\/(?:[\w.+-]{1,128}\/){0,8}\0){1,8})/g;
// The message of a loader that stops; it went with the behaviour.
const stopMessage = 'not defined in file %s with link time reference';
// Came with the refusal: it lets the program itself have one.
const executableStackTunable = 'glibc.rtld.execstack';

function readGlibcLoader(
  path: string | null,
  platform: Platform,
  root: FileTree,
): Pick<RunTimeLinker, 'directories' | 'stopsAtNamedLibrary' | 'refusesExecutableStacks'> {
  const found = path === null ? null : root.resolve(path);
  let best: readonly string[] = [];
  let stopsAtNamedLibrary = false;
  let refusesExecutableStacks = false;
  if (found !== null && found.kind === 'file') {
    const source = root.open(found.path);
    try {
      for (const text of constantTexts(new ElfFile(source))) {
        stopsAtNamedLibrary ||= text.includes(stopMessage);
        refusesExecutableStacks ||= text.includes(executableStackTunable);
        for (const [, list = ''] of text.matchAll(compiledIn)) {
          const directories = list.split('\0').filter((directory) => directory !== '');
          // Other texts may look like one directory; the list of them is the longest.
          best = directories.length > best.length ? directories : best;
        }
      }
    } catch (error) {
      // A loader that is damaged or unreadable is reported as missing; its directories are then guessed like those of
      // a root without a loader.
      if (!(error instanceof FormatError || error instanceof ElfgateError)) {
        throw error;
      }
    } finally {
      source.close();
    }
  }
  return {
    directories: best.length > 0 ? best.map(withoutFinalSlash) : usualDirectories(platform),
    stopsAtNamedLibrary,
    refusesExecutableStacks,
  };
}

/** What of a loader's file tells how it goes about its work: each part that is not written to, a character for a byte. */
export function* constantTexts({ segments, source }: ElfFile): Generator<string> {
  for (const { type, flags, offset, fileBytes } of segments) {
    if (type === PT.load && (flags & PF.write) === 0 && fileBytes <= limits.loaderBytes) {
      yield source.read(offset, fileBytes).toString('latin1');
    }
  }
}

const withoutFinalSlash = (directory: string): string => directory.replace(/(.)\/+$/, '$1');

function usualDirectories(platform: Platform): readonly string[] {
  const triple = portOf(platform)?.triple;
  return [
    ...(triple === undefined ? [] : [`/lib/${triple}`, `/usr/lib/${triple}`]),
    ...(platform.is64 ? ['/lib64', '/usr/lib64'] : []),
    '/lib',
    '/usr/lib',
  ];
}
