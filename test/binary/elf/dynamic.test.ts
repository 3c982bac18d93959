import test from 'ava';
import { dynamicValue } from '../../../src/binary/elf/dynamic.ts';
import { FormatError } from '../../../src/errors.ts';
import { labElf } from './lab-elf.ts';
import { elfOf } from './quick.ts';
import { dynamicAt, FieldWriter, piecesAt, tinyElf, tinyLibrary } from './tiny-elf.ts';

const strings = Buffer.from('\0liba.so\0libb.so\0one\0two:three\0');
const table = [
  [5, piecesAt],
  [10, strings.length],
] as const;
const pieces = [[piecesAt, strings]] as const;
const at = (text: string): number => strings.indexOf(text);

for (const layout of [
  { is64: true, littleEndian: true },
  { is64: false, littleEndian: false },
]) {
  test(`of a tag that stands twice the last counts, but every NEEDED does (${layout.is64 ? 64 : 32}-bit)`, (t) => {
    const { dynamic } = elfOf(
      tinyLibrary(
        [
          [1, at('liba.so')],
          [14, at('liba.so')],
          [15, at('one')],
          [29, at('one')],
          [30, 0x8],
          [1, at('libb.so')],
          [14, at('libb.so')],
          [15, at('two:three')],
          [29, at('two:three')],
          [30, 0x2],
          ...table,
        ],
        { ...layout, pieces },
      ),
    );
    t.deepEqual(dynamic && [dynamic.needed, dynamic.soname, dynamic.rpath, dynamic.runpath, dynamic.flagNames], [
      ['liba.so', 'libb.so'],
      'libb.so',
      ['two', 'three'],
      ['two', 'three'],
      ['SYMBOLIC'],
    ]);
  });
}

test('nothing behind DT_NULL counts', (t) => {
  const { dynamic } = elfOf(tinyLibrary([...table, [1, at('liba.so')], [0, 0], [1, at('libb.so')]], { pieces }));
  t.deepEqual(dynamic?.needed, ['liba.so']);
});

test('the dynamic section is where it is in memory, as loaders see it, and not where the file offset points', (t) => {
  const shown = new FieldWriter().u64(1, at('libb.so'), 5, piecesAt, 10, strings.length, 0, 0).done();
  const loaded = new FieldWriter().u64(1, at('liba.so'), 5, piecesAt, 10, strings.length, 0, 0).done();
  const bytes = tinyElf({
    segments: [
      { flags: 6, fileBytes: 0x2000 },
      { type: 2, offset: 0x600, address: 0x400, fileBytes: shown.length },
    ],
    size: 0x2000,
    pieces: [...pieces, [0x400, loaded], [0x600, shown]],
  });
  t.deepEqual(elfOf(bytes).dynamic?.needed, ['liba.so']);
  t.is(elfOf(bytes).dynamic?.offset, 0x400);
});

test('loaders read up to DT_NULL, whatever the size of PT_DYNAMIC says', (t) => {
  const section = new FieldWriter().u64(5, piecesAt, 10, strings.length, 1, at('liba.so'), 0, 0).done();
  const bytes = tinyElf({
    segments: [
      { flags: 6, fileBytes: 0x2000 },
      { type: 2, offset: 0x400, address: 0x400, fileBytes: 16 },
    ],
    size: 0x2000,
    pieces: [...pieces, [0x400, section]],
  });
  t.deepEqual(elfOf(bytes).dynamic?.needed, ['liba.so']);
});

test('of two PT_DYNAMIC the last one counts', (t) => {
  const second = new FieldWriter().u64(5, piecesAt, 10, strings.length, 1, at('libb.so'), 0, 0).done();
  const bytes = tinyLibrary([...table, [1, at('liba.so')]], {
    pieces: [...pieces, [piecesAt + 0x100, second]],
    more: [{ type: 2, offset: piecesAt + 0x100, address: piecesAt + 0x100, fileBytes: second.length }],
  });
  t.deepEqual(elfOf(bytes).dynamic?.needed, ['libb.so']);
});

test('section headers that call the dynamic section empty do not hide it', (t) => {
  const names = Buffer.from('\0.dynamic\0');
  const bytes = tinyLibrary([...table, [6, piecesAt], [1, at('liba.so')]], {
    sections: [{}, { nameOffset: 1, type: 8, flags: 2 }, { type: 3, offset: 0x1800, size: names.length }],
    sectionNamesIndex: 2,
    pieces: [...pieces, [0x1800, names]],
  });
  t.deepEqual(elfOf(bytes).dynamic?.needed, ['liba.so']);
});

test('a name outside the string table is refused', (t) => {
  for (const [tag, what] of [
    [1, 'NEEDED'],
    [14, 'SONAME'],
    [15, 'RPATH'],
    [29, 'RUNPATH'],
  ] as const) {
    t.throws(() => elfOf(tinyLibrary([...table, [tag, 5_000]], { pieces })), { instanceOf: FormatError }, what);
  }
});

test('a dynamic section outside the file is refused', (t) => {
  const bytes = tinyElf({ segments: [{ type: 2, offset: 0x100000000000, address: 1 << 30, fileBytes: 16 }] });
  t.throws(() => elfOf(bytes), {
    instanceOf: FormatError,
    message: /^offset 0x40: the dynamic section of 16 bytes at 17592186044416 ends outside the file/,
  });
});

test('an entry says where it stands', (t) => {
  const { dynamic } = elfOf(tinyLibrary(table, { pieces }));
  t.deepEqual(dynamic?.entries, [
    { tag: 5, value: piecesAt, at: dynamicAt },
    { tag: 10, value: strings.length, at: dynamicAt + 16 },
  ]);
});

test('search paths keep their empty elements and their variables', async (t) => {
  const lab = await labElf(t, ['c/runpath-empty-element', 'c/rpath-origin', 'c/search-path-none']);
  if (lab !== null) {
    t.deepEqual(lab['c/runpath-empty-element'].dynamic?.runpath, ['/usr/lib', '', '/lib']);
    t.deepEqual(lab['c/runpath-empty-element'].dynamic?.rpath, []);
    t.deepEqual(lab['c/rpath-origin'].dynamic?.rpath, ['$ORIGIN/../lib']);
    t.deepEqual(lab['c/search-path-none'].dynamic?.runpath, []);
  }
});

test('flags have one name each, whatever tag they come from', async (t) => {
  const lab = await labElf(t, ['c/hardening-full', 'c/textrel', 'c/own-symbols-bsymbolic', 'c/provider-global']);
  if (lab !== null) {
    const flags = Object.values(lab).map(({ dynamic }) => dynamic?.flagNames);
    t.deepEqual(flags, [['BIND_NOW', 'PIE'], ['TEXTREL'], ['SYMBOLIC'], ['GLOBAL']]);
    t.not(lab['c/textrel'].dynamic && dynamicValue(lab['c/textrel'].dynamic, 22), null);
  }
});
