import { ElfFile } from '../binary/elf/elf-file.ts';
import { FormatError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';

/** Runs a question on an ELF file of the root; `null` when there is none, or it is damaged, which its own facts then say. */
export function withElf<Answer>(
  tree: FileTree,
  path: string,
  ask: (elf: ElfFile, path: string) => Answer,
): Answer | null {
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
