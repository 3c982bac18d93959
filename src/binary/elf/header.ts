import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type Encoding, encodingOf, Fields } from './encoding.ts';
import { SHN } from './names.ts';

/** The ELF header, with the counts that do not fit into it taken from section header 0. */
export interface ElfHeader {
  readonly encoding: Encoding;
  readonly osabi: number;
  readonly type: number;
  readonly machine: number;
  /** Virtual address of the first instruction; 0 when there is none. */
  readonly entry: number;
  readonly flags: number;
  readonly segmentTable: Table;
  readonly sectionTable: Table;
  /** Index of the section that holds the section names; 0 when there is none. */
  readonly sectionNamesIndex: number;
}

/** A table of the file: where it starts, how many entries it has, how wide each is (bytes). */
export interface Table {
  readonly offset: number;
  readonly count: number;
  readonly entryBytes: number;
}

/** Whether the first bytes are those of an ELF file. */
export function startsLikeElf(start: Uint8Array): boolean {
  return start.length >= 4 && start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/**
 * Reads the header (gABI chapter 4, "ELF Header").
 *
 * @throws FormatError when a field contradicts the specification or points outside the file.
 */
export function readHeader(source: ByteSource): ElfHeader {
  if (source.size < 16) {
    throw new FormatError(0, `${source.size} bytes are too few for an ELF identification of 16`);
  }
  const identification = source.read(0, Math.min(64, source.size));
  if (!startsLikeElf(identification)) {
    throw new FormatError(0, 'the file does not start with the ELF magic 7f 45 4c 46');
  }
  // One by one: taking them apart as a list makes an iterator, for each file.
  const fileClass = identification[4];
  const data = identification[5];
  const identVersion = identification[6];
  if (fileClass !== 1 && fileClass !== 2) {
    throw new FormatError(4, `file class ${fileClass} is neither 1 (32-bit) nor 2 (64-bit)`);
  }
  if (data !== 1 && data !== 2) {
    throw new FormatError(5, `data encoding ${data} is neither 1 (little-endian) nor 2 (big-endian)`);
  }
  if (identVersion !== 1) {
    throw new FormatError(6, `ELF version ${identVersion} is not 1`);
  }
  const encoding = encodingOf(fileClass === 2, data === 1);
  const headerBytes = encoding.is64 ? 64 : 52;
  if (source.size < headerBytes) {
    throw new FormatError(source.size, `the file ends inside the ELF header of ${headerBytes} bytes`);
  }
  const fields = new Fields(identification, encoding);
  const after = 24 + 3 * encoding.addressBytes;
  const header = {
    encoding,
    osabi: identification[7] ?? 0,
    type: fields.u16(16),
    machine: fields.u16(18),
    entry: fields.word(24),
    flags: fields.u32(after),
  };
  const segmentOffset = fields.word(24 + encoding.addressBytes);
  const sectionOffset = fields.word(24 + 2 * encoding.addressBytes);
  const segmentEntryBytes = fields.u16(after + 6);
  const segmentCount = fields.u16(after + 8);
  const sectionEntryBytes = fields.u16(after + 10);
  const sectionCount = fields.u16(after + 12);
  const namesIndex = fields.u16(after + 14);

  const first = sectionOffset === 0 ? null : firstSection(source, encoding, sectionOffset);
  return {
    ...header,
    segmentTable: checkedTable(source, {
      what: 'program header',
      at: 24 + encoding.addressBytes,
      offset: segmentOffset,
      // PN_XNUM: more than 65,534 segments are counted in sh_info of section 0.
      count: segmentCount === 0xffff && first !== null ? first.info : segmentOffset === 0 ? 0 : segmentCount,
      entryBytes: segmentEntryBytes,
      expectedEntryBytes: encoding.is64 ? 56 : 32,
      most: limits.segments,
    }),
    sectionTable: checkedTable(source, {
      what: 'section header',
      at: 24 + 2 * encoding.addressBytes,
      offset: sectionOffset,
      // A count of 0 with a table present: the real one is sh_size of section 0.
      count: sectionOffset === 0 ? 0 : sectionCount === 0 ? (first?.size ?? 0) : sectionCount,
      entryBytes: sectionEntryBytes,
      expectedEntryBytes: encoding.is64 ? 64 : 40,
      most: limits.sections,
    }),
    sectionNamesIndex: namesIndex === SHN.extended ? (first?.link ?? 0) : namesIndex,
  };
}

function firstSection(
  source: ByteSource,
  encoding: Encoding,
  offset: number,
): { readonly size: number; readonly link: number; readonly info: number } {
  const bytes = encoding.is64 ? 64 : 40;
  if (offset > source.size - bytes) {
    throw new FormatError(
      24 + 2 * encoding.addressBytes,
      `the section headers at ${offset} lie outside the file of ${source.size} bytes`,
    );
  }
  const fields = new Fields(source.read(offset, bytes), encoding);
  return encoding.is64
    ? { size: fields.u64(32), link: fields.u32(40), info: fields.u32(44) }
    : { size: fields.u32(20), link: fields.u32(24), info: fields.u32(28) };
}

interface ClaimedTable extends Table {
  readonly what: string;
  /** Offset of the header field that claims it. */
  readonly at: number;
  readonly expectedEntryBytes: number;
  readonly most: number;
}

function checkedTable(source: ByteSource, claimed: ClaimedTable): Table {
  const { what, at, offset, count, entryBytes, expectedEntryBytes, most } = claimed;
  if (count === 0) {
    return { offset: 0, count: 0, entryBytes: expectedEntryBytes };
  }
  if (entryBytes !== expectedEntryBytes) {
    throw new FormatError(at, `a ${what} of ${entryBytes} bytes is not one of ${expectedEntryBytes}`);
  }
  if (count > most) {
    throw new FormatError(at, `${count} ${what}s are more than the ${most} that are read`);
  }
  if (offset > source.size - count * entryBytes) {
    throw new FormatError(
      at,
      `${count} ${what}s at ${offset} end outside the file of ${source.size} bytes: the file is cut short or lies`,
    );
  }
  return { offset, count, entryBytes };
}
