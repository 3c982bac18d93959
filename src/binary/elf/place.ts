import { limits } from '../../limits.ts';
import type { ElfFile } from './elf-file.ts';
import { SHT } from './names.ts';

/**
 * How evidence names a place in a file: `.go.buildinfo+0x20`, or `file+0x31cd30` where no section covers it.
 *
 * @param offset distance from the start of the file, bytes.
 */
export function placeName(elf: ElfFile, offset: number): string {
  const section =
    elf.sections.length > limits.namedSections
      ? undefined
      : elf.sections.find(
          (candidate) =>
            candidate.name !== '' &&
            candidate.type !== SHT.nobits &&
            offset >= candidate.offset &&
            offset < candidate.offset + candidate.size,
        );
  return section === undefined
    ? `file+0x${offset.toString(16)}`
    : `${section.name}+0x${(offset - section.offset).toString(16)}`;
}
