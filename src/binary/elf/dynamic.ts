import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, PT } from './names.ts';
import { isDebugCompanion, type Section } from './sections.ts';
import type { Segment } from './segments.ts';
import { StringTable } from './string-table.ts';

/** The dynamic section: what the run-time linker is told (gABI chapter 5, "Dynamic Section"). */
export interface DynamicSection {
  /** Offset in the file, bytes. */
  readonly offset: number;
  /** Every entry up to DT_NULL, in order. */
  readonly entries: readonly DynamicEntry[];
  /** By tag: the value that the loader takes. */
  readonly values: ReadonlyMap<number, number>;
  readonly strings: StringTable;
  readonly needed: readonly string[];
  readonly soname: string | null;
  /** Elements of the last DT_RPATH, split at colons; empty elements are kept, the loader reads them as the working directory. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly flags: number;
  readonly flags1: number;
  /**
   * Names of what DT_FLAGS, DT_FLAGS_1 and the older single-purpose tags ask for, each once, in the order of their bits.
   */
  readonly flagNames: readonly string[];
}

export interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
  /** Offset of the entry in the file, bytes. */
  readonly at: number;
}

/** DT_FLAGS (gABI) and DT_FLAGS_1 (Solaris, adopted by GNU): the names of their bits without prefix, from the lowest on. */
const namesOfFlags = ['ORIGIN', 'SYMBOLIC', 'TEXTREL', 'BIND_NOW', 'STATIC_TLS'];
const namesOfFlags1 = [
  // DF_1_NOW and DF_BIND_NOW ask for the same thing; one name serves both.
  'BIND_NOW',
  'GLOBAL',
  'GROUP',
  'NODELETE',
  'LOADFLTR',
  'INITFIRST',
  'NOOPEN',
  'ORIGIN',
  'DIRECT',
  'TRANS',
  'INTERPOSE',
  'NODEFLIB',
  'NODUMP',
  'CONFALT',
  'ENDFILTEE',
  'DISPRELDNE',
  'DISPRELPND',
  'NODIRECT',
  'IGNMULDEF',
  'NOKSYMS',
  'NOHDR',
  'EDITED',
  'NORELOC',
  'SYMINTPOSE',
  'GLOBAUDIT',
  'SINGLETON',
  'STUB',
  'PIE',
  'KMOD',
  'WEAKFILTER',
  'NOCOMMON',
];

/**
 * Reads the dynamic section as the loader does: where PT_DYNAMIC, the last if there are several, puts it in memory, up
 * to DT_NULL. `null` for static programs, objects and separate debug files.
 *
 * @throws FormatError when it, or the string table it names, lies outside the file.
 */
export function readDynamic(
  source: ByteSource,
  header: ElfHeader,
  segments: readonly Segment[],
  sections: readonly Section[],
  memory: MemoryImage,
): DynamicSection | null {
  const segment = segments.findLast((candidate) => candidate.type === PT.dynamic);
  const place = segment === undefined ? null : placeOf(source, segment, memory);
  if (place === null) {
    return null;
  }
  if (!isDebugCompanion(sections)) {
    return readAt(source, header, place, memory);
  }
  // Section headers alone must not make a library look like a debug file: the loader would still load it.
  try {
    const dynamic = readAt(source, header, place, memory);
    return dynamicValue(dynamic, DT.symtab) === null ? null : dynamic;
  } catch (error) {
    if (error instanceof FormatError) {
      return null;
    }
    throw error;
  }
}

interface Place {
  readonly offset: number;
  /** Bytes of the file that the section may take. */
  readonly bytes: number;
}

function placeOf(source: ByteSource, segment: Segment, memory: MemoryImage): Place | null {
  const offset = memory.offsetOf(segment.address);
  if (offset !== null) {
    return { offset, bytes: memory.bytesFrom(segment.address) };
  }
  if (segment.fileBytes === 0) {
    return null;
  }
  if (segment.offset > source.size - segment.fileBytes) {
    throw new FormatError(
      segment.at,
      `the dynamic section of ${segment.fileBytes} bytes at ${segment.offset} ends outside the file of ${source.size} bytes`,
    );
  }
  return { offset: segment.offset, bytes: segment.fileBytes };
}

function readAt(source: ByteSource, header: ElfHeader, place: Place, memory: MemoryImage): DynamicSection {
  const entries = readEntries(source, header, place);
  // Where a tag stands twice, glibc (elf_get_dynamic_info) and musl (decode_vec) keep the last.
  const values = new Map<number, number>();
  for (const entry of entries) {
    values.set(entry.tag, entry.value);
  }
  const value = (tag: number): number | null => values.get(tag) ?? null;
  const strings = readStrings(memory, place, value(DT.strtab), value(DT.stringSize));
  const lastText = (tag: number): string | null => {
    const offset = value(tag);
    return offset === null ? null : strings.at(offset);
  };
  const flags = value(DT.flags) ?? 0;
  const flags1 = value(DT.flags1) ?? 0;
  return {
    offset: place.offset,
    entries,
    values,
    strings,
    needed: entries.filter(({ tag }) => tag === DT.needed).map((entry) => strings.at(entry.value)),
    soname: lastText(DT.soname),
    rpath: splitPath(lastText(DT.rpath), place),
    runpath: splitPath(lastText(DT.runpath), place),
    flags,
    flags1,
    flagNames: flagNamesOf(flags, flags1, values),
  };
}

function splitPath(path: string | null, place: Place): readonly string[] {
  const elements = path === null ? [] : path.split(':', limits.searchPathElements + 1);
  if (elements.length > limits.searchPathElements) {
    throw new FormatError(place.offset, `more than ${limits.searchPathElements} elements of a search path`);
  }
  return elements;
}

/** Value of the entry with a tag, as the loader takes it; `null` when there is none. */
export function dynamicValue(dynamic: DynamicSection, tag: number): number | null {
  return dynamic.values.get(tag) ?? null;
}

function flagNamesOf(flags: number, flags1: number, values: ReadonlyMap<number, number>): readonly string[] {
  const names = new Set<string>();
  addNames(names, flags, namesOfFlags);
  if (values.has(DT.symbolic)) {
    names.add('SYMBOLIC');
  }
  if (values.has(DT.textRel)) {
    names.add('TEXTREL');
  }
  if (values.has(DT.bindNow)) {
    names.add('BIND_NOW');
  }
  addNames(names, flags1, namesOfFlags1);
  return [...names];
}

function addNames(names: Set<string>, flags: number, ofBits: readonly string[]): void {
  for (let rest = flags >>> 0, bit = 0; rest !== 0; rest >>>= 1, bit++) {
    const name = ofBits[bit];
    if ((rest & 1) === 1 && name !== undefined) {
      names.add(name);
    }
  }
}

const chunkEntries = 64;

// p_filesz does not bound the section: loaders read on until DT_NULL (glibc's elf_get_dynamic_info, musl's decode_vec).
function readEntries(source: ByteSource, header: ElfHeader, place: Place): readonly DynamicEntry[] {
  const entryBytes = 2 * header.encoding.addressBytes;
  const count = Math.floor(place.bytes / entryBytes);
  const entries: DynamicEntry[] = [];
  for (let first = 0; first < count; first += chunkEntries) {
    if (first >= limits.dynamicEntries) {
      throw new FormatError(place.offset, `${limits.dynamicEntries} dynamic entries and no end of them`);
    }
    const chunk = Math.min(chunkEntries, count - first);
    const start = place.offset + first * entryBytes;
    const fields = new Fields(source.read(start, chunk * entryBytes), header.encoding);
    for (let at = 0; at < chunk * entryBytes; at += entryBytes) {
      const tag = fields.word(at);
      if (tag === DT.null) {
        return entries;
      }
      entries.push({ tag, value: fields.word(at + header.encoding.addressBytes), at: start + at });
    }
  }
  return entries;
}

function readStrings(memory: MemoryImage, place: Place, address: number | null, size: number | null): StringTable {
  if (address === null || size === null) {
    return new StringTable(Buffer.alloc(0), place.offset);
  }
  if (size > limits.stringTableBytes) {
    throw new FormatError(
      place.offset,
      `a dynamic string table of ${size} bytes is larger than the ${limits.stringTableBytes} that are read`,
    );
  }
  return new StringTable(memory.read(address, size, 'the dynamic string table'), memory.offsetOf(address) ?? 0);
}
