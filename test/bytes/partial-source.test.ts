import test from 'ava';
import { bufferSource } from '../../src/bytes/byte-source.ts';
import { partialSource, recordingSource } from '../../src/bytes/partial-source.ts';
import { FormatError, NotKeptError } from '../../src/errors.ts';

const file = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 7) & 0xff));

/** What is left of the file when only what was read of it is kept. */
function keptOf(reads: readonly (readonly [offset: number, length: number])[]) {
  const { source, parts } = recordingSource(bufferSource(file));
  for (const [offset, length] of reads) {
    source.read(offset, length);
  }
  return {
    parts: parts(),
    source: partialSource(
      file.length,
      parts().map(({ offset, length }) => ({ offset, bytes: file.subarray(offset, offset + length) })),
      'file',
    ),
  };
}

test('what was read of a file can be read again when only that was kept of it', (t) => {
  const reads = Array.from({ length: 60 }, (_, index) => [(index * 997) % 4_000, (index * 31) % 96] as const);
  const { parts, source } = keptOf(reads);
  for (const [offset, length] of reads) {
    t.deepEqual(source.read(offset, length), file.subarray(offset, offset + length));
  }
  t.true(parts.every(({ offset, length }, index) => offset + length < (parts[index + 1]?.offset ?? Infinity)));
  let missing = 0;
  for (let offset = 0; offset < file.length; offset++) {
    const isKept = parts.some((part) => offset >= part.offset && offset < part.offset + part.length);
    if (isKept) {
      t.is(source.read(offset, 1)[0], file[offset]);
    } else {
      missing += 1;
      t.throws(() => source.read(offset, 1), { instanceOf: NotKeptError });
      t.throws(() => source.readInto?.(Buffer.alloc(1), offset), { instanceOf: NotKeptError });
    }
  }
  t.true(missing > 0);
});

test('parts that touch, overlap or lie close together are one', (t) => {
  t.deepEqual(
    keptOf([
      [100, 10],
      [0, 4],
      [104, 20],
      [4, 4],
      [130, 2],
      [500, 0],
    ]).parts,
    [
      { offset: 0, length: 8 },
      { offset: 100, length: 32 },
    ],
  );
});

test('what lies outside of the file contradicts its format, kept or not', (t) => {
  const { source } = keptOf([[0, 64]]);
  for (const [offset, length] of [
    [4_096, 1],
    [4_000, 97],
    [-1, 1],
    [0, 5_000],
  ] as const) {
    t.throws(() => source.read(offset, length), { instanceOf: FormatError });
  }
  t.is(source.read(4_096, 0).length, 0);
  t.throws(() => source.read(63, 2), { instanceOf: NotKeptError });
});

test('a file of many parts is read as quickly as one of few', (t) => {
  const parts = Array.from({ length: 200_000 }, (_, index) => ({ offset: index * 64, bytes: file.subarray(0, 8) }));
  const source = partialSource(200_000 * 64, parts, 'file');
  const start = performance.now();
  for (let index = 0; index < 200_000; index++) {
    source.read(index * 64, 8);
  }
  // Looking through all parts each time would take a minute.
  t.true(performance.now() - start < 5_000);
});
