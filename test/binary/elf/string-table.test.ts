import test from 'ava';
import fc from 'fast-check';
import { decodeName, StringTable } from '../../../src/binary/elf/string-table.ts';
import { FormatError } from '../../../src/errors.ts';

test('a name runs from its offset to the next NUL, and may be the end of another', (t) => {
  const table = new StringTable(Buffer.from('\0preopen\0close\0'), 0x100);
  t.is(table.at(0), '');
  t.is(table.at(1), 'preopen');
  t.is(table.at(4), 'open');
  t.is(table.at(4), 'open');
});

test('a name outside its table, or that does not end, is refused', (t) => {
  const table = new StringTable(Buffer.from('\0open'), 0x100);
  t.throws(() => table.at(5), { instanceOf: FormatError, message: /^offset 0x100: a name at 5 lies outside/ });
  t.throws(() => table.at(1), { instanceOf: FormatError, message: /^offset 0x101: this name does not end/ });
  t.is(new StringTable(Buffer.alloc(0), 0).at(0), '');
});

test('two different names never read the same', (t) => {
  const byte = fc.constantFrom(0x61, 0x62, 0x7f, 0x80, 0xa9, 0xbf, 0xc3, 0xe9, 0xef, 0x9e, 0x9f, 0xbd, 0xff);
  const names = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes));
  const close = fc.array(byte, { maxLength: 6 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(names, close), fc.oneof(names, close), (left, right) => {
      return left.equals(right) === (decodeName(left) === decodeName(right));
    }),
    { numRuns: 5_000 },
  );
  t.not(decodeName(Buffer.from([0xe9])), decodeName(Buffer.from([0xc3, 0xa9])));
  t.is(decodeName(Buffer.from('größe·f')), 'größe·f');
});
