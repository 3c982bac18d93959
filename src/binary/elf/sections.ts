import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { word64, wordOrder, words32 } from './encoding.ts';
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
  const words = words32(source.read(offset, count * entryBytes), header.encoding);
  const { is64 } = header.encoding;
  const order = wordOrder(header.encoding);
  const wordsEach = entryBytes / 4;
  const sections: NamedLater[] = [];
  for (let index = 0, at = 0; index < count; index++, at += wordsEach) {
    sections.push(
      is64
        ? {
            name: '',
            type: words[at + 1] ?? 0,
            flags: word64(words, at + 2, order),
            address: word64(words, at + 4, order),
            offset: word64(words, at + 6, order),
            size: word64(words, at + 8, order),
            link: words[at + 10] ?? 0,
            info: words[at + 11] ?? 0,
            alignment: word64(words, at + 12, order),
            entryBytes: word64(words, at + 14, order),
            at: offset + at * 4,
          }
        : {
            name: '',
            type: words[at + 1] ?? 0,
            flags: words[at + 2] ?? 0,
            address: words[at + 3] ?? 0,
            offset: words[at + 4] ?? 0,
            size: words[at + 5] ?? 0,
            link: words[at + 6] ?? 0,
            info: words[at + 7] ?? 0,
            alignment: words[at + 8] ?? 0,
            entryBytes: words[at + 9] ?? 0,
            at: offset + at * 4,
          },
    );
  }
  // Section 0 is no section: its fields carry the counts that the header has no room for.
  for (let index = 1; index < count; index++) {
    const section = sections[index];
    if (
      section !== undefined &&
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
  for (let index = 0; names !== null && index < count; index++) {
    const section = sections[index];
    if (section !== undefined) {
      section.name = names.at(words[index * wordsEach] ?? 0);
    }
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
