import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, PT, SHT } from './names.ts';
import type { Section } from './sections.ts';
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
  /** Elements of DT_RPATH, split at colons; empty elements are kept, the loader reads them as the working directory. */
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
  [0x400, 'INTERPOSE'],
  [0x800, 'NODEFLIB'],
  [0x1000, 'NODUMP'],
  [0x8000, 'NODIRECT'],
  [0x1000000, 'SINGLETON'],
  [0x2000000, 'STUB'],
  [0x8000000, 'PIE'],
];

/**
 * Reads the dynamic section through PT_DYNAMIC; `null` for static programs, objects and separate debug files.
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
  const segment = segments.find((candidate) => candidate.type === PT.dynamic);
  if (segment === undefined || segment.fileBytes === 0 || isDebugCompanion(sections)) {
    return null;
  }
  if (segment.offset > source.size - segment.fileBytes) {
    throw new FormatError(
      segment.at,
      `the dynamic section of ${segment.fileBytes} bytes at ${segment.offset} ends outside the file of ${source.size} bytes`,
    );
  }
  const entries = readEntries(source, header, segment);
  const value = (tag: number): number | null => lastValue(entries, tag);
  const strings = readStrings(memory, segment, value(DT.strtab), value(DT.stringSize));
  const textsOf = (tag: number): readonly string[] =>
    entries.filter((entry) => entry.tag === tag).map((entry) => strings.at(entry.value));
  const splitPath = (paths: readonly string[]): readonly string[] => paths.flatMap((path) => path.split(':'));
  return {
    offset: segment.offset,
    entries,
    strings,
    needed: textsOf(DT.needed),
    soname: textsOf(DT.soname).at(-1) ?? null,
    rpath: splitPath(textsOf(DT.rpath)),
    runpath: splitPath(textsOf(DT.runpath)),
    flags: value(DT.flags) ?? 0,
    flags1: value(DT.flags1) ?? 0,
  };
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
  return entries.findLast((entry) => entry.tag === tag)?.value ?? null;
}

// A file made by `objcopy --only-keep-debug` keeps the program headers of its origin, but not the bytes behind them.
function isDebugCompanion(sections: readonly Section[]): boolean {
  return sections.some((section) => section.name === '.dynamic' && section.type === SHT.nobits);
}

function readEntries(source: ByteSource, header: ElfHeader, segment: Segment): readonly DynamicEntry[] {
  const entryBytes = 2 * header.encoding.addressBytes;
  const count = Math.floor(segment.fileBytes / entryBytes);
  const most = Math.min(count, limits.dynamicEntries);
  const fields = new Fields(source.read(segment.offset, most * entryBytes), header.encoding);
  const entries: DynamicEntry[] = [];
  for (let index = 0; index < most; index++) {
    const tag = fields.word(index * entryBytes);
    if (tag === DT.null) {
      return entries;
    }
    const value = fields.word(index * entryBytes + header.encoding.addressBytes);
    entries.push({ tag, value, at: segment.offset + index * entryBytes });
  }
  if (count > most) {
    throw new FormatError(
      segment.at,
      `${count} dynamic entries without an end are more than the ${limits.dynamicEntries} that are read`,
    );
  }
  return entries;
}

function readStrings(memory: MemoryImage, segment: Segment, address: number | null, size: number | null): StringTable {
  if (address === null || size === null) {
    return new StringTable(Buffer.alloc(0), segment.offset);
  }
  if (size > limits.stringTableBytes) {
    throw new FormatError(
      segment.offset,
      `a dynamic string table of ${size} bytes is larger than the ${limits.stringTableBytes} that are read`,
    );
  }
  return new StringTable(memory.read(address, size, 'the dynamic string table'), memory.offsetOf(address) ?? 0);
}
