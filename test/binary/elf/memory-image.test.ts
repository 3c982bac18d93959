import test from 'ava';
import { FormatError } from '../../../src/errors.ts';
import { elfOf } from './quick.ts';
import { tinyElf } from './tiny-elf.ts';

test('an address is found in the segment that holds it, however segments are ordered', (t) => {
  const { memory } = elfOf(
    tinyElf({
      size: 0x1000,
      segments: [
        { offset: 0x800, address: 0x30000, fileBytes: 0x100, memoryBytes: 0x1000 },
        { offset: 0x200, address: 0x10000, fileBytes: 0x100 },
        { offset: 0x400, address: 0x20000, fileBytes: 0x100 },
      ],
    }),
  );
  t.deepEqual(
    [0x10000, 0x100ff, 0x10100, 0x20080, 0x300ff, 0x30100, 0x0, 0x40000, 2 ** 60].map((address) =>
      memory.offsetOf(address),
    ),
    [0x200, 0x2ff, null, 0x480, 0x8ff, null, null, null, null],
  );
  t.is(memory.bytesFrom(0x200f0), 0x10);
  t.is(memory.bytesFrom(0x20100), 0);
  const error = t.throws(() => memory.read(0x200f0, 0x11, 'a table'), { instanceOf: FormatError });
  t.is(error?.message, 'offset 0x4f0: a table: 17 bytes at address 0x200f0 are not inside any loadable segment');
});

test('of segments at the same address the later one is what a program sees', (t) => {
  const { memory } = elfOf(
    tinyElf({
      size: 0x1000,
      segments: [
        { offset: 0x200, address: 0x10000, fileBytes: 0x200 },
        { offset: 0x600, address: 0x10080, fileBytes: 0x80 },
      ],
    }),
  );
  t.is(memory.offsetOf(0x10000), 0x200);
  t.is(memory.offsetOf(0x10090), 0x610);
  t.is(memory.offsetOf(0x10100), 0x300);
});

test('a loadable segment that is larger in the file than in memory is refused', (t) => {
  t.throws(() => elfOf(tinyElf({ segments: [{ fileBytes: 100, memoryBytes: 99 }] })), {
    instanceOf: FormatError,
    message: 'offset 0x40: a loadable segment takes 99 bytes of memory for 100 bytes of file',
  });
});

test('core files and debug files may lack the bytes of their segments', (t) => {
  const segments = [{ fileBytes: 1 << 30 }];
  t.notThrows(() => elfOf(tinyElf({ type: 4, segments })));
  const names = Buffer.from('\0.dynamic\0');
  t.notThrows(() =>
    elfOf(
      tinyElf({
        segments,
        sections: [{}, { nameOffset: 1, type: 8 }, { type: 3, offset: 0x400, size: names.length }],
        sectionNamesIndex: 2,
        pieces: [[0x400, names]],
      }),
    ),
  );
});
