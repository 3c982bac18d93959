import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { bufferSource } from '../../src/bytes/byte-source.ts';
import { findInitialiserCycles, sharedObjectNames } from '../../src/loader/initialiser-cycles.ts';
import { findInterposed } from '../../src/loader/interposition.ts';
import { FieldWriter, piecesAt, tinyLibrary } from '../binary/elf/tiny-elf.ts';

// Sets of objects that were made to keep their reader busy, or to make it contradict itself.

const names = piecesAt;
const symbols = piecesAt + 0x100;

/** A library that defines one function as often as it is told to, under one name. */
function definer(times: number, needed: readonly number[] = []): ElfFile {
  const table = new FieldWriter().u32(0).u8(0, 0).u16(0).u64(0, 0);
  for (let index = 0; index < times; index++) {
    // st_name, st_info (a global function), st_other, st_shndx, st_value, st_size
    table.u32(1).u8(0x12, 0).u16(1).u64(symbols, 8);
  }
  const bytes = table.done();
  const hash = symbols + bytes.length;
  // One bucket, and chains that lead nowhere: the count of symbols is what is read of it.
  const chains = new FieldWriter().u32(1, times + 1, 0, ...Array.from({ length: times + 1 }, () => 0)).done();
  const library = tinyLibrary(
    [[5, names], [10, 0x40], [6, symbols], [11, 24], [4, hash], ...needed.map((name) => [1, name] as const)],
    {
      pieces: [
        [names, Buffer.from('\0same_name\0liba.so\0libb.so\0', 'latin1')],
        [symbols, bytes],
        [hash, chains],
      ],
    },
  );
  return new ElfFile(bufferSource(library));
}

test('one name that is defined a hundred thousand times is one symbol, and is not shadowed by itself', (t) => {
  const [first, second] = [definer(100_000), definer(100_000)];
  const start = process.cpuUsage();
  t.deepEqual(findInterposed([{ name: 'a', elf: first }]), []);
  const interposed = findInterposed([
    { name: 'a', elf: first },
    { name: 'b', elf: second },
  ]);
  t.deepEqual(
    interposed.map(({ symbol, winner, shadowed }) => [symbol, winner.name, shadowed.map(({ member }) => member.name)]),
    [['same_name', 'a', ['b']]],
  );
  t.true(process.cpuUsage(start).user < 5_000_000);
});

test('objects that need themselves and each other have no users but those that look something up', (t) => {
  // 11 is liba.so, 19 libb.so.
  const [a, b] = [definer(1, [11, 19, 11, 19]), definer(1, [11, 11, 19])];
  const [found] = findInterposed([
    { name: 'liba.so', elf: a },
    { name: 'libb.so', elf: b },
  ]);
  t.deepEqual(
    found?.shadowed.map(({ binds, users }) => ({ binds, users })),
    [{ binds: false, users: [] }],
  );
});

test('ten thousand objects that may open each other are one circle, found soon', (t) => {
  const count = 10_000;
  const objects = Array.from({ length: count }, (_unused, index) => ({
    path: `lib${index}.so`,
    needed: [`lib${index}.so`],
    names: [`lib${index}.so`, 'every.so'],
    opens: [{ name: `lib${(index + 1) % count}.so`, at: 'file+0x0' }],
  }));
  const start = process.cpuUsage();
  const [cycle, ...others] = findInitialiserCycles(objects);
  t.is(cycle?.paths.length, count);
  t.deepEqual(others, []);
  t.true(process.cpuUsage(start).user < 5_000_000);
});

test('constants that are one long name, or millions of them, end at a bound', (t) => {
  for (const text of ['lib.so'.repeat(500_000), 'lib.so\0'.repeat(500_000), `${'a'.repeat(3_000_000)}.so\0`]) {
    const constants = Buffer.from(`\0${text}`, 'latin1');
    const elf = new ElfFile(
      bufferSource(
        tinyLibrary([], {
          pieces: [[piecesAt, constants]],
          more: [{ type: 1, flags: 4, offset: piecesAt, address: 0x1_0000_0000, fileBytes: constants.length }],
        }),
      ),
    );
    const start = process.cpuUsage();
    t.true(sharedObjectNames(elf).length <= 1);
    t.true(process.cpuUsage(start).user < 5_000_000);
  }
});
