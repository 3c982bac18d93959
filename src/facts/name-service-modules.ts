import { machineName, PT } from '../binary/elf/names.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { withElf } from './elf-in-tree.ts';
import type { RootFacts } from './schema.ts';

/** The modules that a root holds for the services of its nsswitch.conf, in every directory of a C library. */
export function nameServiceModules(
  tree: FileTree,
  services: readonly string[],
  directories: readonly string[],
): RootFacts['nssModules'] {
  return services.slice(0, limits.nameServices).flatMap((service): RootFacts['nssModules'] => {
    const seen = new Set<string>();
    const found = directories.flatMap((directory): RootFacts['nssModules'] => {
      const read = readLibrary(tree, `${directory}/libnss_${service}.so.2`);
      if (read === null || seen.has(read.path)) {
        return [];
      }
      seen.add(read.path);
      return [{ service, path: read.path, ...moduleFacts(read, tree, [directory, ...directories]) }];
    });
    const absent = {
      machine: null,
      class: null,
      staticTls: null,
      tlsLibrary: null,
      missingLibrary: null,
      needsLibc: null,
    };
    return found.length > 0 ? found : [{ service, path: null, ...absent }];
  });
}

interface ReadLibrary {
  readonly path: string;
  readonly machine: string;
  readonly class: 32 | 64;
  readonly threadStorage: boolean;
  readonly needed: readonly string[];
}

/** `null` for what is not there, or is damaged, which its own facts then say. */
function readLibrary(tree: FileTree, path: string): ReadLibrary | null {
  return withElf(tree, path, (elf, place) => ({
    path: place,
    machine: machineName(elf.header.machine),
    class: elf.header.encoding.is64 ? 64 : 32,
    threadStorage: elf.segments.some(({ type }) => type === PT.tls),
    needed: elf.dynamic?.needed ?? [],
  }));
}

// The C library and its loader have thread-local storage of their own, which the embedded dlopen knows to set up.
const cLibrary = /^(?:libc|libpthread|libdl|librt)\.so\.\d|^ld-linux|^ld64/;

/** Follows DT_NEEDED in the directories of C libraries, the module's own first. */
function moduleFacts(
  module: ReadLibrary,
  tree: FileTree,
  directories: readonly string[],
): Omit<RootFacts['nssModules'][number], 'service' | 'path'> {
  const reached = new Set(module.needed);
  let tlsLibrary: string | null = null;
  let missingLibrary: string | null = null;
  let followed = 0;
  // The set grows while it is walked.
  for (const name of reached) {
    followed += 1;
    if (cLibrary.test(name) || followed > limits.nameServiceLibraries) {
      continue;
    }
    const library = findLibrary(tree, name, directories, module);
    for (const needed of library?.needed ?? []) {
      reached.add(needed);
    }
    tlsLibrary ??= library?.threadStorage === true ? name : null;
    missingLibrary ??= library === null ? name : null;
  }
  return {
    machine: module.machine,
    class: module.class,
    staticTls: module.threadStorage,
    tlsLibrary,
    missingLibrary,
    needsLibc: [...reached].some((name) => /^libc\.so\.\d/.test(name)),
  };
}

function findLibrary(
  tree: FileTree,
  name: string,
  directories: readonly string[],
  module: ReadLibrary,
): ReadLibrary | null {
  for (const directory of directories) {
    const library = readLibrary(tree, `${directory}/${name}`);
    if (library !== null && library.machine === module.machine && library.class === module.class) {
      return library;
    }
  }
  return null;
}
