import { createRequire } from 'node:module';
import type * as publishedEvaluator from '@open-policy-agent/opa-wasm';
import test from 'ava';
import fc from 'fast-check';
import { ElfgateError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { encodeInput } from '../../src/policy/evaluation-input.ts';
import { imageBytes, placeImage } from '../../src/policy/value-image.ts';
import { valueMemory } from '../../src/policy/value-memory.ts';
import { loadWasmPolicy } from '../../src/policy/wasm-policy.ts';
import { compiled } from './scratch.ts';

// Of CommonJS, whose names Node does not see.
const published: typeof publishedEvaluator = createRequire(import.meta.url)('@open-policy-agent/opa-wasm');

/** What a policy would read of an input that lies at an address. */
function decode(input: unknown, address = 4096): unknown {
  const image = encodeInput(input);
  const pages = Math.ceil((address + imageBytes(image)) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return valueMemory(memory).readPlain(placeImage(image, memory, address));
}

function holdsUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).some(holdsUnsafeInteger);
  }
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

const values = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }).filter((value) => !holdsUnsafeInteger(value));

test('every JSON value reaches a policy as it is, wherever in its memory', (t) => {
  fc.assert(
    fc.property(values, fc.nat(1_000), (value, place) => {
      // Zero has one sign in JSON.
      t.deepEqual(decode(value, place * 8), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('texts of every length keep their characters, and one that is refused leaves nothing behind', (t) => {
  const characters = ['a', 'b', 'é', '€', '𝔸'];
  const begins = fc.string({ minLength: 30, maxLength: 70, unit: fc.constantFrom('x', 'y') });
  const texts = fc
    .tuple(begins, fc.array(fc.constantFrom(...characters), { maxLength: 6 }))
    .map(([begin, rest]) => begin + rest.join(''));
  fc.assert(
    fc.property(texts, fc.nat(80), (text, place) => {
      const value = { texts: [text, text.slice(0, place).toWellFormed(), place], [text]: null };
      const image = encodeInput(value);
      t.deepEqual(decode(value), value);
      t.throws(() => encodeInput([`${text.slice(0, place)}\ud800${text}`]), { instanceOf: ElfgateError });
      t.deepEqual(encodeInput(value), image);
    }),
  );
});

test("policies step through it in the order of OPA's own parser, and find every key", async (t) => {
  const wasm = await compiled(`package elfgate

verdict := {
	"input": input,
	"steps": [[path, value] | walk(input, [path, value])],
	"found": [object.get(input, path, "none") | walk(input, [path, _])],
	"same": input == json.unmarshal(json.marshal(input)),
}
`);
  const ours = await loadWasmPolicy(wasm, {});
  const theirs = await published.loadPolicy(wasm);
  const objects = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 3 }), values, { maxKeys: 150, size: 'max' });
  fc.assert(
    fc.property(objects, (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      const [answer] = theirs.evaluate(plain) as readonly { readonly result: unknown }[];
      t.deepEqual(ours.evaluate(plain), answer?.result);
    }),
    { numRuns: 50 },
  );
});

test('one input leaves nothing behind in the next', (t) => {
  t.deepEqual(decode({ a: 'x'.repeat(1_000_000), b: ['ä'.repeat(1_000), 1] }), {
    ...{ a: 'x'.repeat(1_000_000), b: ['ä'.repeat(1_000), 1] },
  });
  t.throws(() => encodeInput({ a: 'y'.repeat(10_000), b: `${'z'.repeat(10_000)}\ud800` }));
  t.deepEqual(decode({ a: [], b: {}, c: null, d: [1.5, true, false, ''] }), {
    ...{ a: [], b: {}, c: null, d: [1.5, true, false, ''] },
  });
});

test('a value at the end of a long list of others is found', (t) => {
  const list = Array.from({ length: 100_000 }, (_, index) => ({ index, text: 'x'.repeat(index % 2_000) }));
  t.deepEqual(decode(list), list);
});

test('names that were chosen to share a bucket of the table cost no more than others', (t) => {
  const time = (names: readonly string[]): number => {
    const value = Object.fromEntries(names.map((name) => [name, true]));
    const start = performance.now();
    encodeInput(value);
    return performance.now() - start;
  };
  const ordinary = Array.from({ length: 40_000 }, (_, index) => `name${index}`);
  const chosen = namesOfOneBucket(40_000);
  t.is(new Set(chosen).size, 40_000);
  time(ordinary);
  const [fast, slow] = [time(ordinary), time(chosen)];
  t.true(slow < 20 * fast, `${slow} ms against ${fast} ms`);
});

/** Names whose FNV-1 hash has sixteen low bits of zero: each ends in the three letters that lead there from its beginning. */
function namesOfOneBucket(count: number): readonly string[] {
  const [prime, inverse, letters] = [
    0x193,
    0x449b,
    Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'),
  ];
  const endings = new Map<number, string>();
  for (const third of letters) {
    for (const second of letters) {
      for (const first of letters) {
        const ending = first + second + third;
        const before = Array.from(ending).reduceRight(
          (state, letter) => Math.imul(state ^ letter.charCodeAt(0), inverse) & 0xffff,
          0,
        );
        endings.set(before, ending);
      }
    }
  }
  const names: string[] = [];
  for (let index = 0; names.length < count; index++) {
    const beginning = `name${index}`;
    const state = Array.from(beginning).reduce(
      (hash, letter) => (Math.imul(hash, prime) & 0xffff) ^ letter.charCodeAt(0),
      0x9dc5,
    );
    const ending = endings.get(state);
    if (ending !== undefined) {
      names.push(beginning + ending);
    }
  }
  return names;
}

test('integers keep all their digits', (t) => {
  const integers = [0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  t.deepEqual(decode(integers), integers);
  t.is(decode(123456789012345678901234567890n), 123456789012345678901234567890n);
});

test('an undefined field is an absent field', (t) => {
  t.deepEqual(decode({ a: undefined, b: 1 }), { b: 1 });
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
