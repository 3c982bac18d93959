import { limits } from '../../limits.ts';
import type { ElfFile } from './elf-file.ts';
import { SHT } from './names.ts';

/**
 * How evidence names a place in a file: `.go.buildinfo+0x20`, or `file+0x31cd30` where no section covers it.
 *
 * @param offset distance from the start of the file, bytes.
 */
export function placeName(elf: ElfFile, offset: number): string {
  if (elf.sections.length <= limits.namedSections) {
    for (const section of elf.sections) {
      const within = offset - section.offset;
      if (within >= 0 && within < section.size && section.type !== SHT.nobits && section.name !== '') {
        return `${section.name}+0x${within.toString(16)}`;
      }
    }
  }
  return `file+0x${offset.toString(16)}`;
}
