import test from 'ava';
import { jsonPieces } from '../../cli/json-pieces.ts';

const values: readonly (readonly [string, unknown])[] = [
  ['a text', 'a\nb'],
  ['nothing', null],
  ['empty ones', { list: [], record: {}, text: '' }],
  ['lists in lists', [[[[1, 2], []], [{}]], 3]],
  ['deep records', { a: { b: { c: { d: { e: [1, { f: 'line\nbreak' }] } } } }, 'with "quotes"': [true] }],
  ['what is absent', { a: undefined, b: [undefined], c: { d: undefined } }],
  ['many', Array.from({ length: 20_000 }, (_, index) => ({ index, name: `binary ${index}`, needed: ['libc.so.6'] }))],
];

for (const [name, value] of values) {
  test(`pieces are the same bytes as the whole: ${name}`, (t) => {
    const pieces = [...jsonPieces(value)];
    t.is(pieces.join(''), `${JSON.stringify(value, null, 2)}\n`);
    t.true(pieces.every((piece) => piece.length < 1 << 17));
  });
}
