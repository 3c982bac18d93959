import test from 'ava';
import fc from 'fast-check';
import { ElfgateError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { encodeInput } from '../../src/policy/evaluation-input.ts';

const decode = (input: unknown) => new TextDecoder().decode(encodeInput(input));

function holdsUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).some(holdsUnsafeInteger);
  }
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

test('every JSON value becomes its JSON text, in a buffer of exactly its length', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
      fc.pre(!holdsUnsafeInteger(value));
      t.is(decode(value), JSON.stringify(value));
    }),
  );
});

test('bigint becomes an integer with all its digits', (t) => {
  t.is(decode({ n: 123456789012345678901234567890n }), '{"n":123456789012345678901234567890}');
});

test('an undefined field is an absent field', (t) => {
  t.is(decode({ a: undefined, b: 1 }), '{"b":1}');
});

const refused: readonly (readonly [string, unknown, string])[] = [
  ['undefined', undefined, 'it is undefined'],
  ['an undefined item', [undefined], '/0 is undefined'],
  ['a hole in a list', new Array(1), '/0 is undefined'],
  ['a function', { a: () => 1 }, '/a is function'],
  ['a symbol', { a: Symbol('x') }, '/a is symbol'],
  ['NaN', { a: Number.NaN }, '/a is NaN'],
  ['an infinite number', { a: [1, -Infinity] }, '/a/1 is -Infinity'],
  ['a Date', { a: new Date(0) }, '/a is an instance of Date, not plain data'],
  ['a Map', new Map(), 'it is an instance of Map, not plain data'],
  ['an object that writes itself', { toJSON: () => 1 }, 'it is an instance of Object, not plain data'],
  ['half a surrogate pair', { a: '\ud800' }, '/a is text with half a surrogate pair, which no JSON parser agrees on'],
  ['half a surrogate pair in a key', { a: { '\udc00': 1 } }, '/a has a key with half a surrogate pair'],
];

for (const [name, input, sentence] of refused) {
  test(`${name} is refused, with its place`, (t) => {
    t.throws(() => encodeInput(input), {
      instanceOf: ElfgateError,
      code: 'evaluation',
      message: `the input of a policy must be JSON: ${sentence}`,
    });
  });
}

test('an input that goes round in circles, or deeper than any facts, is refused', (t) => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  t.throws(() => encodeInput(circle), { instanceOf: ElfgateError, code: 'limit' });
});

test('an input above the limit is refused', (t) => {
  t.throws(() => encodeInput('x'.repeat(limits.evaluationInputBytes)), { instanceOf: ElfgateError, code: 'limit' });
});
