import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import { SHT } from './names.ts';
import { StringTable } from './string-table.ts';

/** One section header (gABI chapter 4). Offsets, addresses and sizes in bytes. */
export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entryBytes: number;
  /** Offset of this header in the file. */
  readonly at: number;
}

/**
 * Reads the section headers; an empty list when the file has none, which a loader does not mind.
 *
 * @throws FormatError when a section's content lies outside the file.
 */
export function readSections(source: ByteSource, header: ElfHeader): readonly Section[] {
  const { offset, count, entryBytes } = header.sectionTable;
  const fields = new Fields(source.read(offset, count * entryBytes), header.encoding);
  const { is64 } = header.encoding;
  const sections: NamedLater[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * entryBytes;
    sections.push({
      name: '',
      type: fields.u32(at + 4),
      flags: fields.word(at + 8),
      address: fields.word(at + (is64 ? 16 : 12)),
      offset: fields.word(at + (is64 ? 24 : 16)),
      size: fields.word(at + (is64 ? 32 : 20)),
      link: fields.u32(at + (is64 ? 40 : 24)),
      info: fields.u32(at + (is64 ? 44 : 28)),
      alignment: fields.word(at + (is64 ? 48 : 32)),
      entryBytes: fields.word(at + (is64 ? 56 : 36)),
      at: offset + at,
    });
  }
  // Section 0 is no section: its fields carry the counts that the header has no room for.
  for (const section of sections) {
    if (
      section !== sections[0] &&
      section.type !== SHT.nobits &&
      section.type !== 0 &&
      section.offset > source.size - section.size
    ) {
      throw new FormatError(
        section.at,
        `a section of ${section.size} bytes at ${section.offset} ends outside the file of ${source.size} bytes: the file is cut short or lies`,
      );
    }
  }
  const names = sectionNames(source, header, sections);
  for (const [index, section] of sections.entries()) {
    section.name = names?.at(fields.u32(index * entryBytes)) ?? '';
  }
  return sections;
}

/** Which section holds the names is known when all of them have been read. */
type NamedLater = Omit<Section, 'name'> & { name: string };

/**
 * Whether the section headers say that this is debug information split off from another file: `objcopy
 * --only-keep-debug` and `eu-strip -f` keep the program headers of its origin, but not the bytes behind them.
 */
export function isDebugCompanion(sections: readonly Section[]): boolean {
  return sections.some((section) => section.name === '.dynamic' && section.type === SHT.nobits);
}

function sectionNames(
  source: ByteSource,
  header: ElfHeader,
  sections: readonly Omit<Section, 'name'>[],
): StringTable | null {
  const holder = sections[header.sectionNamesIndex];
  if (holder === undefined || header.sectionNamesIndex === 0 || holder.type !== SHT.strtab) {
    return null;
  }
  if (holder.size > limits.stringTableBytes) {
    throw new FormatError(
      holder.at,
      `${holder.size} bytes of section names are more than the ${limits.stringTableBytes} that are read`,
    );
  }
  return new StringTable(source.read(holder.offset, holder.size), holder.offset);
}
