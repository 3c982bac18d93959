/** Writes small ELF files that no linker would write, so that tests can say what stands in each field. */

export interface TinyElf {
  /** 64 bits wide unless it says `false`. */
  readonly is64?: boolean;
  /** Little-endian unless it says `false`. */
  readonly littleEndian?: boolean;
  readonly type?: number;
  readonly machine?: number;
  readonly entry?: number;
  readonly segments?: readonly Partial<TinySegment>[];
  /** Section 0 included. */
  readonly sections?: readonly Partial<TinySection>[];
  readonly sectionNamesIndex?: number;
  /** What the header says instead of the truth. */
  readonly claims?: Partial<HeaderClaims>;
  /** Bytes at offsets of the file, behind the tables. */
  readonly pieces?: readonly (readonly [offset: number, bytes: Buffer])[];
  /** Length of the file, if longer than what stands in it. */
  readonly size?: number;
}

export interface TinySegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

export interface TinySection {
  readonly nameOffset: number;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly alignment: number;
  readonly entryBytes: number;
}

export interface HeaderClaims {
  readonly segmentOffset: number;
  readonly segmentEntryBytes: number;
  readonly segmentCount: number;
  readonly sectionOffset: number;
  readonly sectionEntryBytes: number;
  readonly sectionCount: number;
}

/** Writes fields one after the other in one width and byte order. */
export class FieldWriter {
  readonly is64: boolean;
  readonly littleEndian: boolean;
  readonly #pieces: Buffer[] = [];

  constructor(layout: Pick<TinyElf, 'is64' | 'littleEndian'> = {}) {
    this.is64 = layout.is64 ?? true;
    this.littleEndian = layout.littleEndian ?? true;
  }

  u8(...values: readonly number[]): this {
    this.#pieces.push(Buffer.from(values));
    return this;
  }

  u16(...values: readonly number[]): this {
    return this.#numbers(2, values);
  }

  u32(...values: readonly number[]): this {
    return this.#numbers(4, values);
  }

  u64(...values: readonly number[]): this {
    return this.#numbers(8, values);
  }

  /** As wide as an address. */
  word(...values: readonly number[]): this {
    return this.#numbers(this.is64 ? 8 : 4, values);
  }

  bytes(bytes: Buffer): this {
    this.#pieces.push(bytes);
    return this;
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'latin1'));
  }

  done(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #numbers(width: 2 | 4 | 8, values: readonly number[]): this {
    const bytes = Buffer.alloc(width * values.length);
    for (const [index, value] of values.entries()) {
      const at = index * width;
      if (width === 8) {
        const wide = BigInt.asUintN(64, BigInt(value));
        this.littleEndian ? bytes.writeBigUInt64LE(wide, at) : bytes.writeBigUInt64BE(wide, at);
      } else {
        this.littleEndian ? bytes.writeUIntLE(value, at, width) : bytes.writeUIntBE(value, at, width);
      }
    }
    this.#pieces.push(bytes);
    return this;
  }
}

/** The file: header, program headers, section headers, and the pieces where they are wanted. */
export function tinyElf(elf: TinyElf): Buffer {
  const { segments = [], sections = [], pieces = [], claims = {} } = elf;
  const write = new FieldWriter(elf);
  const headerBytes = write.is64 ? 64 : 52;
  const segmentBytes = write.is64 ? 56 : 32;
  const sectionBytes = write.is64 ? 64 : 40;
  const sectionsAt = headerBytes + segments.length * segmentBytes;
  write
    .u8(0x7f, 0x45, 0x4c, 0x46, write.is64 ? 2 : 1, write.littleEndian ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    .u16(elf.type ?? 3, elf.machine ?? 62)
    .u32(1)
    .word(
      elf.entry ?? 0,
      claims.segmentOffset ?? (segments.length > 0 ? headerBytes : 0),
      claims.sectionOffset ?? (sections.length > 0 ? sectionsAt : 0),
    )
    .u32(0)
    .u16(
      headerBytes,
      claims.segmentEntryBytes ?? segmentBytes,
      claims.segmentCount ?? Math.min(segments.length, 0xffff),
    )
    .u16(
      claims.sectionEntryBytes ?? sectionBytes,
      claims.sectionCount ?? (sections.length < 0xff00 ? sections.length : 0),
      elf.sectionNamesIndex ?? 0,
    );
  for (const { type = 1, flags = 4, offset = 0, address = 0, fileBytes = 0, memoryBytes, alignment = 1 } of segments) {
    if (write.is64) {
      write.u32(type, flags).u64(offset, address, address, fileBytes, memoryBytes ?? fileBytes, alignment);
    } else {
      write.u32(type, offset, address, address, fileBytes, memoryBytes ?? fileBytes, flags, alignment);
    }
  }
  for (const section of sections) {
    const { nameOffset = 0, type = 0, flags = 0, address = 0, offset = 0, size = 0, link = 0, info = 0 } = section;
    write.u32(nameOffset, type).word(flags, address, offset, size).u32(link, info);
    write.word(section.alignment ?? 0, section.entryBytes ?? 0);
  }
  const tables = write.done();
  const end = Math.max(tables.length, elf.size ?? 0, ...pieces.map(([offset, bytes]) => offset + bytes.length));
  const file = Buffer.alloc(end);
  tables.copy(file);
  for (const [offset, bytes] of pieces) {
    bytes.copy(file, offset);
  }
  return file;
}

/** Where {@link tinyLibrary} puts its dynamic section. */
export const dynamicAt = 0x200;

/** Bytes that {@link tinyLibrary} keeps for its headers: pieces start behind them. */
export const piecesAt = 0x1000;

/** A shared object whose addresses are the offsets of its file: one segment, and a dynamic section with these tags. */
export function tinyLibrary(
  tags: readonly (readonly [tag: number, value: number])[],
  elf: Omit<TinyElf, 'segments'> & { readonly more?: readonly Partial<TinySegment>[] } = {},
): Buffer {
  const dynamic = new FieldWriter(elf);
  for (const [tag, value] of tags) {
    dynamic.word(tag, value);
  }
  const section = dynamic.word(0, 0).done();
  const at = section.length > piecesAt - dynamicAt ? piecesEnd(elf) : dynamicAt;
  const pieces: readonly (readonly [number, Buffer])[] = [...(elf.pieces ?? []), [at, section]];
  const end = Math.max(elf.size ?? 0, piecesAt, ...pieces.map(([offset, bytes]) => offset + bytes.length));
  return tinyElf({
    ...elf,
    pieces,
    size: end,
    segments: [
      { type: 1, flags: 6, fileBytes: end },
      { type: 2, flags: 6, offset: at, address: at, fileBytes: section.length },
      ...(elf.more ?? []),
    ],
  });
}

function piecesEnd(elf: Pick<TinyElf, 'pieces'>): number {
  const end = Math.max(piecesAt, ...(elf.pieces ?? []).map(([offset, bytes]) => offset + bytes.length));
  return Math.ceil(end / 16) * 16;
}
