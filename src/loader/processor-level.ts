import type { ElfFile } from '../binary/elf/elf-file.ts';
import { neededProcessorLevel } from '../binary/elf/notes.ts';
import { unlessDamaged } from '../errors.ts';

/**
 * The first object that glibc since 2.33 refuses on a processor without certain instructions (`sysdeps/x86/dl-prop.h`,
 * dl_isa_level_check). Which ones a processor has no file tells; but what is in the process shows that it has theirs.
 *
 * @param read answers a question on the file of an object.
 * @returns the object and the name of the level; `null` where none asks for more than the process has shown.
 */
export function firstAboveLevel<Item>(
  added: readonly Item[],
  present: readonly Item[],
  read: (item: Item, question: (elf: ElfFile) => Level) => Level | null,
): { readonly item: Item; readonly level: string } | null {
  const levelOf = (item: Item): Level =>
    unlessDamaged(() => read(item, ({ header, notes }) => neededProcessorLevel(header, notes))) ?? unmarked;
  const marked = added.map((item) => ({ item, needed: levelOf(item) })).filter(({ needed }) => needed.level > 1);
  if (marked.length === 0) {
    return null;
  }
  const shown = Math.max(1, ...present.map((item) => levelOf(item).level));
  const above = marked.find(({ needed }) => needed.level > shown);
  return above === undefined ? null : { item: above.item, level: above.needed.name };
}

type Level = ReturnType<typeof neededProcessorLevel>;

const unmarked: Level = { level: 0, name: 'any' };
