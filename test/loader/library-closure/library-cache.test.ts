import test from 'ava';
import { bufferSource } from '../../../src/bytes/byte-source.ts';
import { compareNames, parseLibraryCache } from '../../../src/loader/library-closure/cache.ts';

const little = { machine: 62, is64: true, littleEndian: true } as const;
const big = { machine: 22, is64: true, littleEndian: false } as const;
type Platform = typeof little | typeof big;

const flagsOf = (platform: Platform): number => (platform.machine === 62 ? 0x303 : 0x403);

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly flags?: number;
  /** Index of the extension's list. */
  readonly hwcap?: number;
}

/** A cache as ldconfig writes it; `behind` is a cache of the old format in front of it. */
function newCache(platform: Platform, entries: readonly Entry[], hwcaps: readonly string[] = []): Buffer {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (platform.littleEndian) {
      bytes.writeUInt32LE(value);
    } else {
      bytes.writeUInt32BE(value);
    }
    return bytes;
  };
  const sorted = entries.toSorted((left, right) => compareNames(right.name, left.name));
  const texts: Buffer[] = [];
  let at = 48 + 24 * sorted.length;
  const place = (text: string): Buffer => {
    const offset = at;
    texts.push(Buffer.from(`${text}\0`));
    at += text.length + 1;
    return u32(offset);
  };
  const rows = sorted.map(({ name, path, flags, hwcap }) => {
    const row = [u32(flags ?? flagsOf(platform)), place(name), place(path), u32(0)];
    const halves = [u32(hwcap ?? 0), u32(hwcap === undefined ? 0 : 0x40000000)];
    return Buffer.concat([...row, ...(platform.littleEndian ? halves : halves.toReversed())]);
  });
  const names = hwcaps.map(place);
  const padding = Buffer.alloc((4 - (at % 4)) % 4);
  const extension = at + padding.length;
  const tail = [u32(0xeaa42174), u32(1), u32(1), u32(0), u32(extension + 24), u32(4 * names.length), ...names];
  return Buffer.concat([
    Buffer.from('glibc-ld.so.cache1.1'),
    ...[u32(sorted.length), u32(at), Buffer.from([platform.littleEndian ? 2 : 3, 0, 0, 0])],
    ...[u32(hwcaps.length === 0 ? 0 : extension), Buffer.alloc(12)],
    ...rows,
    ...texts,
    padding,
    ...(hwcaps.length === 0 ? [] : tail),
  ]);
}

function oldCache(entries: readonly Entry[]): Buffer {
  const head = Buffer.alloc(16);
  head.write('ld.so-1.7.0');
  head.writeUInt32LE(entries.length, 12);
  let text = '';
  const rows = entries.map(({ name, path, flags }) => {
    const row = Buffer.alloc(12);
    row.writeUInt32LE(flags ?? 0x303);
    row.writeUInt32LE(text.length, 4);
    text += `${name}\0`;
    row.writeUInt32LE(text.length, 8);
    text += `${path}\0`;
    return row;
  });
  return Buffer.concat([head, ...rows, Buffer.from(text)]);
}

const find = (bytes: Buffer, name: string, platform: Platform = little, hwcaps: readonly string[] = []) =>
  parseLibraryCache(bufferSource(bytes), platform, 0)?.find(name, hwcaps) ?? null;

const libraries: readonly Entry[] = [
  { name: 'libz.so.1', path: '/lib/libz.so.1' },
  { name: 'libz.so.10', path: '/lib/libz.so.10' },
  { name: 'libz.so.9', path: '/lib/libz.so.9' },
  { name: 'liba.so', path: '/lib/liba.so' },
];

for (const platform of [little, big]) {
  test(`a cache of a ${platform.littleEndian ? 'little' : 'big'}-endian machine gives the path of every library in it`, (t) => {
    const cache = newCache(platform, libraries);
    for (const { name, path } of libraries) {
      t.is(find(cache, name, platform), path);
    }
    t.is(find(cache, 'libabsent.so', platform), null);
  });
}

test('a cache of the other byte order is none', (t) => {
  t.is(find(newCache(big, libraries), 'liba.so'), null);
});

test('entries of other platforms are passed over', (t) => {
  const cache = newCache(little, [
    { name: 'liba.so', path: '/lib32/liba.so', flags: 3 },
    { name: 'liba.so', path: '/lib/liba.so' },
  ]);
  t.is(find(cache, 'liba.so'), '/lib/liba.so');
});

test('of several hwcaps the best that the processor has wins, and without any the plain entry', (t) => {
  const cache = newCache(
    little,
    [
      { name: 'liba.so', path: '/lib/liba.so' },
      { name: 'liba.so', path: '/lib/v2/liba.so', hwcap: 0 },
      { name: 'liba.so', path: '/lib/v3/liba.so', hwcap: 1 },
      { name: 'libb.so', path: '/lib/v3/libb.so', hwcap: 1 },
    ],
    ['x86-64-v2', 'x86-64-v3'],
  );
  t.is(find(cache, 'liba.so', little, ['x86-64-v3', 'x86-64-v2']), '/lib/v3/liba.so');
  t.is(find(cache, 'liba.so', little, ['x86-64-v2']), '/lib/v2/liba.so');
  t.is(find(cache, 'liba.so'), '/lib/liba.so');
  t.is(find(cache, 'libb.so', little, ['x86-64-v2']), null);
});

test('the old format, alone and in front of the new one', (t) => {
  const old = oldCache([{ name: 'libold.so', path: '/lib/libold.so' }]);
  t.is(find(old, 'libold.so'), '/lib/libold.so');
  const rows = Buffer.from(old.subarray(0, 28));
  const both = Buffer.concat([rows, Buffer.alloc((8 - (rows.length % 8)) % 8), newCache(little, libraries)]);
  t.is(find(both, 'libz.so.10'), '/lib/libz.so.10');
  t.is(find(both, 'libold.so'), null);
});

test('names are ordered with their numbers by value', (t) => {
  t.true(compareNames('libz.so.9', 'libz.so.10') < 0);
  t.true(compareNames('libz.so.10', 'libz.so.9') > 0);
  t.true(compareNames('libz.so', 'libz.so.1') < 0);
  t.is(compareNames('libz.so.1', 'libz.so.1'), 0);
  t.is(compareNames('libz.so.1', 'libz.so.01'), 0);
});

test('a cache that lies anywhere answers with a path or with nothing, and never fails', (t) => {
  const cache = newCache(little, libraries, ['x86-64-v2']);
  for (let at = 0; at < cache.length; at++) {
    for (const value of [0x00, 0x01, 0x7f, 0xff]) {
      const lying = Buffer.from(cache);
      lying[at] = value;
      for (const { name } of libraries) {
        const found = find(lying, name, little, ['x86-64-v2']);
        t.true(found === null || typeof found === 'string');
      }
    }
  }
  for (let length = 0; length < cache.length; length += 7) {
    t.notThrows(() => find(cache.subarray(0, length), 'liba.so'));
  }
});
