import test from 'ava';
import fc from 'fast-check';
import { askOpa } from '../../../src/policy/opa.ts';
import { loadWasmPolicy } from '../../../src/policy/wasm-policy.ts';
import { opaOptions } from '../scratch.ts';

/** One call of a built-in; both engines get it as data, so that neither can compute it while compiling. */
interface Call {
  readonly name: string;
  readonly operands: readonly unknown[];
}

const arities = {
  'hex.decode': 1,
  'hex.encode': 1,
  'semver.compare': 2,
  'semver.is_valid': 1,
  sprintf: 2,
  'strings.any_prefix_match': 2,
  'strings.any_suffix_match': 2,
  'strings.count': 2,
};

const functions = Object.entries(arities).map(([name, arity]) => {
  const operands = Array.from({ length: arity }, (_, index) => `call.operands[${index}]`).join(', ');
  return `value(call) := ${name}(${operands}) if call.name == "${name}"\n`;
});

const module = `package elfgate

# A call whose result is undefined is not in the list.
verdict := [[index, value(call)] | some index, call in input.calls]

${functions.join('\n')}
# JSON has no sets: arrays stand for them.
value(call) := sprintf(call.operands[0], [as_set(x) | some x in call.operands[1]]) if call.name == "sprintf of sets"

as_set(x) := {y | some y in x} if is_array(x)

as_set(x) := x if not is_array(x)
`;

const sources = { 'main.rego': module };
const wasm = (async () => {
  const built = await askOpa('build', { sources, entrypoint: 'elfgate/verdict' }, opaOptions);
  if (built.outcome === 'rejected') {
    throw new Error(JSON.stringify(built.problems));
  }
  return loadWasmPolicy(new Uint8Array(Buffer.from(built.answer.wasm, 'base64')), {});
})();

async function answersOfOpa(calls: readonly Call[]): Promise<unknown> {
  const asked = await askOpa(
    'eval',
    { sources, query: 'data.elfgate.verdict = x', data: {}, input: { calls } },
    opaOptions,
  );
  if (asked.outcome === 'rejected') {
    throw new Error(JSON.stringify(asked.problems));
  }
  return asked.answer.result[0]?.x;
}

async function answersOfWasm(calls: readonly Call[]): Promise<unknown> {
  return (await wasm).evaluate({ calls });
}

/** Calls with their answers, so that a difference shows where it comes from. */
function pairUp(calls: readonly Call[], answers: unknown): unknown {
  const byIndex = new Map(answers as [number, unknown][]);
  return calls.map((call, index) => [call.name, ...call.operands, byIndex.get(index)]);
}

const sprintfCalls: readonly Call[] = [
  ['%s has %d bytes (%v, %t)', ['a.so', 12, { b: [1, null, true, 'x"y'], a: {} }, true]],
  ['%q %q %+q %#q %#q %q', ['plain', 'a "b" \n\t\u0001\u007f', 'ünicode 🚀', 'raw', 'ra`w', '\u00a0\u200b\ufeff🚀é']],
  ['%x %X % x %#x %# x %x', ['hallo', 'hallo', 'abc', 'abc', 'abc', 255]],
  ['%x %X %#x %o %#o %O %b %#b %c %q', [255, 255, 255, 8, 8, 8, 5, 5, 0x1f680, 65]],
  ['[%5d] [%-5d] [%05d] [%+d] [% d] [%+05d] [%.3d] [%8.3d] [%-8.3d|]', [42, 42, 42, 42, 42, 42, 7, 7, -7]],
  ['[%.0d] [%3.0d] [%08b] [%#06x] [%06d]', [0, 0, 5, 10, -42]],
  ['[%5s] [%-5s] [%05s] [%.2s] [%5.1s] [%.2q] [%-8q]', ['ab', 'ab', 'ab', 'abc', 'äbc', 'abc', 'ü']],
  ['%f %.2f %.0f %8.3f %-8.1f| %+.1f %08.2f %F', [1.5, 2.675, 2.5, 3.14259, 2.25, 0.05, -1.5, 1.5e-9]],
  ['%e %.2e %E %g %G %.3g %v %v %v', [123456.789, 0.000125, 1e-7, 1000000.5, 1e-10, 1234.5678, 0.1, 1.5e-100, 1.0e-5]],
  ['%#g %#.3g %#e %#.0f %#v', [1.5, 2.5, 1.5, 2.5, 2.5]],
  ['%v %v %v %v', [0.5, 100000.5, 1234567.5, 12345678901234.5]],
  [
    '%d %d %s %v %x',
    [
      9007199254740993n,
      123456789012345678901234567890n,
      123456789012345678901234567890n,
      -123456789012345678901234567890n,
      2n ** 70n,
    ],
  ],
  [
    '[%40d] [%-40d] [%040d] [%+d] [%#x] [%X] [%O] [%.35d] [%q] [%c] [%T]',
    Array.from({ length: 11 }, () => 123456789012345678901234567890n),
  ],
  ['%s %d %t %f %q %x %z %p', [1, 'a', true, 3, 1.5, 3, 'a', 'b']],
  ['%d %s %x %z %t', [null, [], {}, [[]], false]],
  ['%T %T %T %T %T', [1, 1.5, 'a', null, 123456789012345678901234567890n]],
  ['%d %d', [1]],
  ['%d', [1, 'a', 2.5, [1], 123456789012345678901234567890n]],
  ['no verbs', []],
  ['no verbs', [1]],
  ['100%', []],
  ['100%% %d%', [1]],
  ['%!', [1]],
  ['%', []],
  ['%5', [1]],
  ['%.', [1]],
  ['%[2]d %[1]d', [1, 2]],
  ['%[2]*[1]d|%[1]*d|%-*d|%*d|%.*f', [3, 7, 5, 2, 4, -6, 9, 3, 1.5]],
  ['%[3]d %[0]d %[x]d %[1]', [1, 2]],
  ['%[[|%[9][1]d|%[1|%[]d|%[1].[2]d|%[2].3d', [1, 2]],
  ['%[3]*.[2]*[1]f', [12.5, 2, 6]],
  ['%*d %.*d', ['a', 1, 'b', 2]],
  ['%10000010d', [1]],
  ['%w', ['x']],
  ['%#v %+v %#v %+v', ['a', 'b', 5, 6]],
  ['%ü %日', [1, 'a']],
  ['%-010d|%+ d|% +d|%0-5d|', [5, 6, 7, 8]],
  ['%6.2f|%06.1f|% f|%+e', [1.005, -0.05, 1.5, 2.5]],
  ['%v', [[{ z: 1, a: [true, null, 'q'] }, 1.5, 'x\ny']]],
  ['%s', [['a', 'b']]],
  ['%5t|%q|%d', [true, { a: 1 }, ['x']]],
  ['%.3x|%5x|%-6x|%x', ['abcdef', 'a', 'b', '']],
  ['%c %c %q', [-1, 0x110000, 0x110000]],
].map((operands) => ({ name: 'sprintf', operands }));

const otherCalls: readonly Call[] = [
  ...[
    ['1.2.3', '1.2.3'],
    ['1.2.3', '1.10.0'],
    ['1.2.3-alpha', '1.2.3'],
    ['1.2.3', '1.2.3-alpha'],
    ['1.2.3-alpha.1', '1.2.3-alpha.beta'],
    ['1.2.3-alpha.10', '1.2.3-alpha.9'],
    ['1.2.3-alpha', '1.2.3-alpha.1'],
    ['1.2.3+a', '1.2.3+b'],
    ['v1.2.3', '1.2.3'],
    ['go1.26.8', '1.2.3'],
    ['1.2', '1.2.3'],
    ['01.2.3', '1.2.3'],
    ['1.2.3-01', '1.2.3'],
    ['1.2.3-a..b', '1.2.3'],
    ['9223372036854775807.0.0', '9223372036854775806.0.0'],
    ['9223372036854775808.0.0', '1.0.0'],
    [1, '1.0.0'],
  ].flatMap(([a, b]) => [
    { name: 'semver.compare', operands: [a, b] },
    { name: 'semver.is_valid', operands: [a] },
  ]),
  { name: 'semver.is_valid', operands: [null] },
  ...['', 'a', 'ü🚀', 3].map((text) => ({ name: 'hex.encode', operands: [text] })),
  ...['', '61', '6', 'zz', 'C3bc', null].map((text) => ({ name: 'hex.decode', operands: [text] })),
  ...[
    ['abc', 'a'],
    ['abc', ['x', 'ab']],
    [
      ['x', 'abc'],
      ['c', 'bc'],
    ],
    [[], ['a']],
    ['abc', []],
    ['abc', ''],
    ['abc', [1]],
    [1, 'a'],
  ].flatMap((operands) => [
    { name: 'strings.any_prefix_match', operands },
    { name: 'strings.any_suffix_match', operands },
  ]),
  ...[
    ['cheese', 'e'],
    ['aaaa', 'aa'],
    ['ü🚀', ''],
    ['', ''],
    ['a', 1],
  ].map((operands) => ({ name: 'strings.count', operands })),
];

test('sprintf writes what OPA writes', async (t) => {
  t.deepEqual(
    pairUp(sprintfCalls, await answersOfWasm(sprintfCalls)),
    pairUp(sprintfCalls, await answersOfOpa(sprintfCalls)),
  );
});

test('sprintf shows sets as OPA shows them: in order, in braces', async (t) => {
  const calls = [
    { name: 'sprintf of sets', operands: ['%v %s', [[3, 1, 2, 10, 2.5, -1], []]] },
    {
      name: 'sprintf of sets',
      operands: ['%v', [[null, true, false, 'b', 'a', 'ü', [1], [1, 2], {}, { a: 1 }, { b: 0 }, 1]]],
    },
  ];
  t.deepEqual(pairUp(calls, await answersOfWasm(calls)), pairUp(calls, await answersOfOpa(calls)));
});

test('the other built-ins give what OPA gives, undefined included', async (t) => {
  t.deepEqual(pairUp(otherCalls, await answersOfWasm(otherCalls)), pairUp(otherCalls, await answersOfOpa(otherCalls)));
});

test('sprintf writes what OPA writes for formats and operands that nobody thought of', async (t) => {
  const flag = fc.constantFrom('', '', '-', '+', ' ', '0', '#', '-0', '+0', ' +');
  const number = fc.constantFrom('', '', '1', '6', '12');
  const precision = fc.constantFrom('', '', '.', '.0', '.2', '.7');
  const verb = fc.constantFrom('v', 'd', 's', 'q', 'f', 'e', 'g', 't', 'o', 'c', 'T', 'y');
  const directive = fc.tuple(flag, number, precision, verb).map(([f, n, p, v]) => `%${f}${n}${p}${v}|`);
  const format = fc.array(directive, { maxLength: 5 }).map((parts) => parts.join(''));
  const operand = fc.oneof(
    fc.integer(),
    fc.bigInt(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Number.isInteger(x)),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
    fc.boolean(),
    fc.array(fc.oneof(fc.integer(), fc.string({ maxLength: 3 })), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), fc.integer(), { maxKeys: 3, noNullPrototype: true }),
  );
  const call = fc.tuple(format, fc.array(operand, { maxLength: 5 })).map((operands) => ({ name: 'sprintf', operands }));
  const calls = fc.sample(call, { numRuns: 1_000, seed: 7 });
  t.deepEqual(pairUp(calls, await answersOfWasm(calls)), pairUp(calls, await answersOfOpa(calls)));
});
