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
  readonly strings: StringTable;
  readonly needed: readonly string[];
  readonly soname: string | null;
  /** Elements of the last DT_RPATH, split at colons; empty elements are kept, the loader reads them as the working directory. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly flags: number;
  readonly flags1: number;
}

export interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
  /** Offset of the entry in the file, bytes. */
  readonly at: number;
}

/** DT_FLAGS (gABI) and DT_FLAGS_1 (Solaris, adopted by GNU): the bit and its name without prefix. */
const flagNames: readonly (readonly [number, string])[] = [
  [0x1, 'ORIGIN'],
  [0x2, 'SYMBOLIC'],
  [0x4, 'TEXTREL'],
  [0x8, 'BIND_NOW'],
  [0x10, 'STATIC_TLS'],
];
const flag1Names: readonly (readonly [number, string])[] = [
  [0x1, 'NOW'],
  [0x2, 'GLOBAL'],
  [0x4, 'GROUP'],
  [0x8, 'NODELETE'],
  [0x10, 'LOADFLTR'],
  [0x20, 'INITFIRST'],
  [0x40, 'NOOPEN'],
  [0x80, 'ORIGIN'],
  [0x100, 'DIRECT'],
  [0x200, 'TRANS'],
  [0x400, 'INTERPOSE'],
  [0x800, 'NODEFLIB'],
  [0x1000, 'NODUMP'],
  [0x2000, 'CONFALT'],
  [0x4000, 'ENDFILTEE'],
  [0x8000, 'DISPRELDNE'],
  [0x10000, 'DISPRELPND'],
  [0x20000, 'NODIRECT'],
  [0x40000, 'IGNMULDEF'],
  [0x80000, 'NOKSYMS'],
  [0x100000, 'NOHDR'],
  [0x200000, 'EDITED'],
  [0x400000, 'NORELOC'],
  [0x800000, 'SYMINTPOSE'],
  [0x1000000, 'GLOBAUDIT'],
  [0x2000000, 'SINGLETON'],
  [0x4000000, 'STUB'],
  [0x8000000, 'PIE'],
  [0x10000000, 'KMOD'],
  [0x20000000, 'WEAKFILTER'],
  [0x40000000, 'NOCOMMON'],
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
  const value = (tag: number): number | null => lastValue(entries, tag);
  const strings = readStrings(memory, place, value(DT.strtab), value(DT.stringSize));
  const lastText = (tag: number): string | null => {
    const offset = value(tag);
    return offset === null ? null : strings.at(offset);
  };
  return {
    offset: place.offset,
    entries,
    strings,
    needed: entries.filter(({ tag }) => tag === DT.needed).map((entry) => strings.at(entry.value)),
    soname: lastText(DT.soname),
    rpath: splitPath(lastText(DT.rpath), place),
    runpath: splitPath(lastText(DT.runpath), place),
    flags: value(DT.flags) ?? 0,
    flags1: value(DT.flags1) ?? 0,
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
  return lastValue(dynamic.entries, tag);
}

/** Names of what DT_FLAGS, DT_FLAGS_1 and the older single-purpose tags ask for, each once, in the order of their bits. */
export function dynamicFlags(dynamic: DynamicSection): readonly string[] {
  const names = new Set<string>();
  for (const [bit, name] of flagNames) {
    if ((dynamic.flags & bit) !== 0) {
      names.add(name);
    }
  }
  if (dynamicValue(dynamic, DT.symbolic) !== null) {
    names.add('SYMBOLIC');
  }
  if (dynamicValue(dynamic, DT.textRel) !== null) {
    names.add('TEXTREL');
  }
  if (dynamicValue(dynamic, DT.bindNow) !== null) {
    names.add('BIND_NOW');
  }
  for (const [bit, name] of flag1Names) {
    if ((dynamic.flags1 & bit) !== 0) {
      // DF_1_NOW and DF_BIND_NOW ask for the same thing; one name serves both.
      names.add(name === 'NOW' ? 'BIND_NOW' : name);
    }
  }
  return [...names];
}

// Where a tag stands twice, glibc (elf_get_dynamic_info) and musl (decode_vec) keep the last.
function lastValue(entries: readonly DynamicEntry[], tag: number): number | null {
  // A loop and no search with a function: a hundred questions are asked before such calls are made fast.
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index];
    if (entry?.tag === tag) {
      return entry.value;
    }
  }
  return null;
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
