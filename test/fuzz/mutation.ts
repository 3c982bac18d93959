import { dynamicValue } from '../../src/binary/elf/dynamic.ts';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { DT, PT } from '../../src/binary/elf/names.ts';
import { readGoFile } from '../../src/binary/go/go-file.ts';
import { bufferSource } from '../../src/bytes/byte-source.ts';
import { type Random, seeded } from './random.ts';

/** A stretch of a file in which a mutation is likely to reach a reader. Offset and length in bytes. */
export interface Region {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** Where the structures of a file lie. */
export function regionsOf(bytes: Buffer): readonly [Region, ...Region[]] {
  const elf = new ElfFile(bufferSource(bytes));
  const { header, dynamic, memory } = elf;
  const regions: Region[] = [];
  const add = (name: string, offset: number | null, length: number): void => {
    if (offset !== null && length > 0 && offset < bytes.length) {
      regions.push({ name, offset, length: Math.min(length, bytes.length - offset) });
    }
  };
  const { segmentTable, sectionTable } = header;
  add('segments', segmentTable.offset, segmentTable.count * segmentTable.entryBytes);
  add('sections', sectionTable.offset, sectionTable.count * sectionTable.entryBytes);
  for (const segment of elf.segments) {
    if (segment.type === PT.note || segment.type === PT.interp) {
      add(`segment-${segment.type}`, segment.offset, segment.fileBytes);
    }
  }
  if (dynamic !== null) {
    const at = (tag: number): number | null => {
      const address = dynamicValue(dynamic, tag);
      return address === null ? null : memory.offsetOf(address);
    };
    add('dynamic', dynamic.offset, (dynamic.entries.length + 1) * 2 * header.encoding.addressBytes);
    add('strings', dynamic.strings.offset, dynamic.strings.bytes.length);
    add('symbols', elf.dynamicSymbols?.offset ?? null, (elf.dynamicSymbols?.length ?? 0) * 24);
    add('hash', at(DT.hash), 512);
    add('gnu-hash', at(DT.gnuHash), 512);
    add('version-symbols', at(DT.versionSymbols), (elf.dynamicSymbols?.length ?? 0) * 2);
    add('version-needs', at(DT.versionNeeds), 256);
    add('version-definitions', at(DT.versionDefinitions), 256);
    add('rela', at(DT.rela), dynamicValue(dynamic, DT.relaSize) ?? 0);
    add('plt-relocations', at(DT.jmpRel), dynamicValue(dynamic, DT.pltRelSize) ?? 0);
    add('relr', at(DT.relr), dynamicValue(dynamic, DT.relrSize) ?? 0);
  }
  const go = readGoFile(elf);
  add('go-buildinfo', go?.build?.at ?? null, 512);
  add('go-pclntab', go?.functions?.at ?? null, 96);
  return [{ name: 'header', offset: 0, length: header.encoding.is64 ? 64 : 52 }, ...regions];
}

/** One change of a file, which can be described and taken back. */
export interface Mutation {
  readonly description: string;
  /** The changed file: a view of the given bytes, perhaps a shorter one. */
  readonly bytes: Buffer;
  undo(): void;
}

/** Values at which arithmetic of readers goes wrong, for fields of 1 to 8 bytes. */
const nastyNumbers: readonly [bigint, ...bigint[]] = [
  ...([0n, 1n, 2n, 3n, 7n, 8n, 15n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xfffen, 0xffffn, 0x10000n] as const),
  ...([0x7fffffffn, 0x80000000n, 0xfffffff0n, 0xffffffffn, 0x100000000n, 0x100000000000n, 1n << 53n] as const),
  ...([(1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 8n, (1n << 64n) - 1n] as const),
];

/** Changes the bytes in place, by the seed alone: one to four changes, most of them in structures. */
export function mutate(bytes: Buffer, regions: readonly [Region, ...Region[]], seed: number): Mutation {
  const random = seeded(seed);
  const saved: { readonly at: number; readonly before: Buffer }[] = [];
  const descriptions: string[] = [];
  let length = bytes.length;
  const save = (at: number, count: number): void => {
    saved.push({ at, before: Buffer.from(bytes.subarray(at, at + count)) });
  };
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const region = random.below(12) === 0 ? { name: 'anywhere', offset: 0, length: bytes.length } : random.of(regions);
    const at = region.offset + random.below(region.length);
    const [kind, count] = change(bytes, region, at, random, save);
    if (kind === 'truncate') {
      length = Math.min(length, at);
    }
    descriptions.push(`${kind} ${count} at 0x${at.toString(16)} (${region.name})`);
  }
  return {
    description: descriptions.join(', '),
    bytes: bytes.subarray(0, length),
    undo() {
      for (const { at, before } of saved.reverse()) {
        before.copy(bytes, at);
      }
    },
  };
}

function change(
  bytes: Buffer,
  region: Region,
  at: number,
  random: Random,
  save: (at: number, count: number) => void,
): readonly [kind: string, detail: string] {
  const kind = random.of(['number', 'number', 'number', 'number', 'bit', 'byte', 'zero', 'copy', 'swap', 'truncate']);
  const fitting = (count: number): number => Math.min(count, bytes.length - at);
  switch (kind) {
    case 'number': {
      const width = random.of([1, 2, 4, 4, 8, 8]);
      // Fields are aligned to their width in all structures but Go's.
      const start = Math.max(region.offset, at - ((at - region.offset) % width));
      const value = random.below(4) === 0 ? BigInt(random.below(bytes.length + 16)) : random.of(nastyNumbers);
      save(start, Math.min(width, bytes.length - start));
      const big = random.below(4) === 0;
      for (let index = 0; index < width && start + index < bytes.length; index++) {
        const shift = BigInt(8 * (big ? width - 1 - index : index));
        bytes[start + index] = Number((value >> shift) & 0xffn);
      }
      return [kind, `0x${value.toString(16)} of ${width} bytes`];
    }
    case 'bit':
      save(at, 1);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return [kind, 'flipped'];
    case 'byte':
      save(at, 1);
      bytes[at] = random.below(256);
      return [kind, `${bytes[at]}`];
    case 'zero': {
      const count = fitting(1 + random.below(64));
      save(at, count);
      bytes.fill(random.of([0, 0xff]), at, at + count);
      return [kind, `${count} bytes`];
    }
    case 'copy':
    case 'swap': {
      const count = fitting(random.of([8, 16, 24, 40, 64]));
      const from = region.offset + random.below(region.length);
      const taken = Buffer.from(bytes.subarray(from, from + count));
      const there = Buffer.from(bytes.subarray(at, at + taken.length));
      save(at, there.length);
      taken.copy(bytes, at);
      if (kind === 'swap') {
        save(from, there.length);
        there.copy(bytes, from);
      }
      return [kind, `${count} bytes from 0x${from.toString(16)}`];
    }
    default:
      return [kind, 'here'];
  }
}
