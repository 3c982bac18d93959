import test from 'ava';
import { FormatError } from '../../../src/errors.ts';
import { elfOf } from './quick.ts';
import { type TinyElf, tinyElf } from './tiny-elf.ts';

const layouts = [
  { is64: true, littleEndian: true },
  { is64: true, littleEndian: false },
  { is64: false, littleEndian: true },
  { is64: false, littleEndian: false },
] as const;

for (const layout of layouts) {
  const name = `${layout.is64 ? '64' : '32'}-bit ${layout.littleEndian ? 'little' : 'big'}-endian`;

  test(`a ${name} header, its segments and its sections are read`, (t) => {
    const names = Buffer.from('\0.text\0.shstrtab\0');
    const elf = elfOf(
      tinyElf({
        ...layout,
        type: 2,
        machine: 8,
        entry: 0x1234,
        segments: [
          {
            type: 1,
            flags: 5,
            offset: 0x200,
            address: 0x10000,
            fileBytes: 0x20,
            memoryBytes: 0x30,
            alignment: 0x1000,
          },
        ],
        sections: [
          {},
          {
            nameOffset: 1,
            type: 1,
            flags: 6,
            address: 0x10000,
            offset: 0x200,
            size: 0x20,
            link: 3,
            info: 4,
            alignment: 16,
            entryBytes: 5,
          },
          { nameOffset: 7, type: 3, offset: 0x300, size: names.length },
        ],
        sectionNamesIndex: 2,
        pieces: [
          [0x200, Buffer.alloc(0x20, 0x90)],
          [0x300, names],
        ],
      }),
    );
    const headerBytes = layout.is64 ? 64 : 52;
    const sectionsAt = headerBytes + (layout.is64 ? 56 : 32);
    const sectionBytes = layout.is64 ? 64 : 40;
    t.deepEqual(elf.header, {
      encoding: { ...layout, addressBytes: layout.is64 ? 8 : 4 },
      osabi: 0,
      type: 2,
      machine: 8,
      entry: 0x1234,
      flags: 0,
      segmentTable: { offset: headerBytes, count: 1, entryBytes: layout.is64 ? 56 : 32 },
      sectionTable: { offset: sectionsAt, count: 3, entryBytes: sectionBytes },
      sectionNamesIndex: 2,
    });
    t.deepEqual(elf.segments, [
      {
        type: 1,
        flags: 5,
        offset: 0x200,
        address: 0x10000,
        fileBytes: 0x20,
        memoryBytes: 0x30,
        alignment: 0x1000,
        at: headerBytes,
      },
    ]);
    t.deepEqual(elf.section('.text'), {
      name: '.text',
      type: 1,
      flags: 6,
      address: 0x10000,
      offset: 0x200,
      size: 0x20,
      link: 3,
      info: 4,
      alignment: 16,
      entryBytes: 5,
      at: sectionsAt + sectionBytes,
    });
    t.deepEqual([...elf.memory.read(0x10000, 2, 'code')], [0x90, 0x90]);
  });
}

test('more than 65,534 segments are counted in section 0', (t) => {
  const elf = elfOf(
    tinyElf({
      type: 4,
      segments: new Array<{ type: number }>(70_000).fill({ type: 1 }),
      sections: [{ info: 70_000 }],
    }),
  );
  t.is(elf.segments.length, 70_000);
});

test('more than 65,279 sections are counted in section 0, and their names found through it', (t) => {
  const names = Buffer.from('\0.last\0');
  const count = 66_000;
  const sections = new Array<{ nameOffset: number }>(count - 2).fill({ nameOffset: 0 });
  const elf = elfOf(
    tinyElf({
      type: 1,
      sections: [
        { size: count, link: count - 1 },
        ...sections,
        { nameOffset: 1, type: 3, offset: 0x500000, size: names.length },
      ],
      sectionNamesIndex: 0xffff,
      pieces: [[0x500000, names]],
    }),
  );
  t.is(elf.sections.length, count);
  t.is(elf.header.sectionNamesIndex, count - 1);
  t.is(elf.section('.last')?.at, 64 + 64 * (count - 1));
});

const refusals: readonly (readonly [string, Buffer, string])[] = [
  ['nothing but the magic', Buffer.from([0x7f, 0x45, 0x4c, 0x46]), 'offset 0x0: 4 bytes are too few'],
  ['another magic', Buffer.alloc(64, 'x'), 'offset 0x0: the file does not start with the ELF magic'],
  ['a class of 3', patched(4, 3), 'offset 0x4: file class 3 is neither 1 (32-bit) nor 2 (64-bit)'],
  ['an encoding of 0', patched(5, 0), 'offset 0x5: data encoding 0 is neither'],
  ['version 2', patched(6, 2), 'offset 0x6: ELF version 2 is not 1'],
  ['half a header', tinyElf({}).subarray(0, 40), 'offset 0x28: the file ends inside the ELF header of 64 bytes'],
  [
    'program headers of 55 bytes',
    claiming({ segments: [{}], claims: { segmentEntryBytes: 55 } }),
    'offset 0x20: a program header of 55 bytes is not one of 56',
  ],
  [
    'section headers of 0 bytes',
    claiming({ sections: [{}], claims: { sectionEntryBytes: 0 } }),
    'offset 0x28: a section header of 0 bytes is not one of 64',
  ],
  [
    'program headers at sixteen terabytes',
    claiming({ segments: [{}], claims: { segmentOffset: 0x100000000000 } }),
    'offset 0x20: 1 program headers at 17592186044416 end outside the file of 120 bytes',
  ],
  [
    'section headers at sixteen terabytes',
    claiming({ sections: [{}], claims: { sectionOffset: 0x100000000000 } }),
    'offset 0x28: the section headers at 17592186044416 lie outside the file of 128 bytes',
  ],
  [
    'more program headers than there is file',
    claiming({ segments: [{}], claims: { segmentCount: 9 } }),
    'offset 0x20: 9 program headers at 64 end outside the file of 120 bytes',
  ],
];

function patched(at: number, value: number): Buffer {
  const bytes = tinyElf({});
  bytes[at] = value;
  return bytes;
}

function claiming(elf: TinyElf): Buffer {
  return tinyElf(elf);
}

for (const [what, bytes, start] of refusals) {
  test(`a header with ${what} is refused with its place`, (t) => {
    const error = t.throws(() => elfOf(bytes), { instanceOf: FormatError });
    t.true(error?.message.startsWith(start), error?.message);
  });
}
