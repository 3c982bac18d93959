import type { ElfFile } from '../binary/elf/elf-file.ts';
import { readHeader } from '../binary/elf/header.ts';
import { FormatError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';

/**
 * Whether a root holds the loader that a program names: what the kernel looks for on execve(2).
 *
 * `other-machine` when a file is there but the kernel would refuse it; `null` for files that name none.
 */
export function interpreterInRoot(elf: ElfFile, root: FileTree): 'present' | 'absent' | 'other-machine' | null {
  if (elf.interpreter === null) {
    return null;
  }
  const found = root.resolve(elf.interpreter);
  if (found === null || found.kind !== 'file') {
    return 'absent';
  }
  const source = root.open(found.path);
  try {
    const loader = readHeader(source);
    const same =
      loader.machine === elf.header.machine &&
      loader.encoding.is64 === elf.header.encoding.is64 &&
      loader.encoding.littleEndian === elf.header.encoding.littleEndian;
    return same ? 'present' : 'other-machine';
  } catch (error) {
    if (error instanceof FormatError) {
      return 'other-machine';
    }
    throw error;
  } finally {
    source.close();
  }
}
