import test from 'ava';
import fc from 'fast-check';
import { parseExactly, stringifyExactly } from '../../src/policy/exact-json.ts';

test('integers of any size come back as they went', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.maxSafeInteger(), fc.bigInt(), fc.string(), fc.double({ noNaN: true }))),
      (values) => {
        const expected = values.map((value) => {
          if (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
            return Number(value);
          }
          return typeof value === 'number' && Math.abs(value) === Infinity ? null : Object.is(value, -0) ? 0 : value;
        });
        const back = parseExactly(stringifyExactly(values) ?? '') as unknown[];
        // A double such as 1e20 is written without an exponent, and then is an integer.
        t.deepEqual(
          back.map((value) => (typeof value === 'bigint' ? value : value)),
          expected.map((value) =>
            typeof value === 'number' &&
            Number.isInteger(value) &&
            !Number.isSafeInteger(value) &&
            /^-?\d+$/.test(String(value))
              ? BigInt(String(value))
              : value,
          ),
        );
      },
    ),
  );
});

test('digits inside text are text', (t) => {
  t.deepEqual(parseExactly('{"a":"90071992547409931234","b":90071992547409931234}'), {
    a: '90071992547409931234',
    b: 90071992547409931234n,
  });
});

test('what is no JSON is no JSON', (t) => {
  t.throws(() => parseExactly('{"a":90071992547409931234'), { instanceOf: SyntaxError });
});

test('an integer is exact wherever in the text it stands', (t) => {
  for (let before = 0; before < 40; before++) {
    for (const integer of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 10n ** 16n + 1n, 10n ** 40n + 7n]) {
      const text = JSON.stringify('x'.repeat(before));
      t.deepEqual(parseExactly(`[${text},${integer},1]`), ['x'.repeat(before), integer, 1]);
    }
  }
});
