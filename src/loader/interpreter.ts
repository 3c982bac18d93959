import type { ElfFile } from '../binary/elf/elf-file.ts';
import { type ElfHeader, readHeader } from '../binary/elf/header.ts';
import { machineName } from '../binary/elf/names.ts';
import { FormatError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';

/** What the kernel looks at in a program before it looks for its loader. */
export interface Program {
  readonly interpreter: string | null;
  /** EM_* in lower case without its prefix. */
  readonly machine: string;
  readonly class: number;
  readonly endian: 'little' | 'big';
}

/** An ELF file as a program. */
export function programOf(elf: ElfFile): Program {
  return { interpreter: elf.interpreter, ...machineOf(elf.header) };
}

/**
 * Whether a root holds the loader that a program names: what the kernel looks for on execve(2).
 *
 * `other-machine` when a file is there but the kernel would refuse it; `null` for files that name none.
 */
export function interpreterInRoot(program: Program, root: FileTree): 'present' | 'absent' | 'other-machine' | null {
  if (program.interpreter === null) {
    return null;
  }
  const loader = loaderAt(program.interpreter, root);
  if (loader === 'absent') {
    return 'absent';
  }
  const same =
    loader !== 'damaged' &&
    loader.machine === program.machine &&
    loader.class === program.class &&
    loader.endian === program.endian;
  return same ? 'present' : 'other-machine';
}

type Loader = Omit<Program, 'interpreter'> | 'absent' | 'damaged';

// Nearly all programs of a root name one of a few.
const loaders = new WeakMap<FileTree, Map<string, Loader>>();
const mostLoaders = 64;

function loaderAt(path: string, root: FileTree): Loader {
  const known = loaders.get(root) ?? new Map<string, Loader>();
  const loader = known.get(path) ?? readLoader(path, root);
  if (known.size < mostLoaders) {
    loaders.set(root, known.set(path, loader));
  }
  return loader;
}

function readLoader(path: string, root: FileTree): Loader {
  const found = root.resolve(path);
  if (found === null || found.kind !== 'file') {
    return 'absent';
  }
  const source = root.open(found.path);
  try {
    return machineOf(readHeader(source));
  } catch (error) {
    if (error instanceof FormatError) {
      return 'damaged';
    }
    throw error;
  } finally {
    source.close();
  }
}

function machineOf({ machine, encoding }: ElfHeader): Omit<Program, 'interpreter'> {
  return {
    machine: machineName(machine),
    class: encoding.is64 ? 64 : 32,
    endian: encoding.littleEndian ? 'little' : 'big',
  };
}
