import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { opaModule } from '../../src/policy/opa-program.ts';
import { timeLimited } from '../../src/policy/time-limit.ts';
import { loadWasmPolicy } from '../../src/policy/wasm-policy.ts';
import { compiled, opaOptions } from './scratch.ts';

const echo = compiled('package elfgate\n\nverdict := {"is": input, "type": type_name(input)}\n');
const wasm = (rego: string) => compiled(`package elfgate\n\n${rego}\n`);

const falsy = [false, 0, '', null];

for (const input of falsy) {
  test(`the input ${JSON.stringify(input)} reaches the policy and is not taken for undefined`, async (t) => {
    const policy = await loadWasmPolicy(await echo, {});
    const verdict = policy.evaluate(input);
    t.deepEqual(verdict, { is: input, type: input === null ? 'null' : typeof input });
  });
}

test('a string is data, not JSON text', async (t) => {
  const policy = await loadWasmPolicy(await echo, {});
  t.deepEqual(policy.evaluate('{"binaries": []}'), { is: '{"binaries": []}', type: 'string' });
});

for (const [name, bytes] of [
  ['Buffer', Buffer.from('{"binaries": []}')],
  ['Uint8Array', new TextEncoder().encode('{"binaries": []}')],
  ['ArrayBuffer', new ArrayBuffer(8)],
] as const) {
  test(`a ${name} is refused, and not judged as an object with numbered fields`, async (t) => {
    const policy = await loadWasmPolicy(await echo, {});
    t.throws(() => policy.evaluate(bytes), {
      instanceOf: ElfgateError,
      code: 'evaluation',
      message: `the input of a policy must be JSON: it is an instance of ${name}, not plain data`,
    });
  });
}

test('an integer above 2^53 keeps every digit as bigint, in and out', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := {"same": input.n, "text": sprintf("%d", [input.n])}'), {});
  t.deepEqual(policy.evaluate({ n: 9007199254740993n }), { same: 9007199254740993n, text: '9007199254740993' });
});

test('an integer above 2^53 that was a number is refused, because it has lost its value already', async (t) => {
  const policy = await loadWasmPolicy(await echo, {});
  t.throws(() => policy.evaluate({ binaries: [{ size: 2 ** 53 }] }), {
    instanceOf: ElfgateError,
    code: 'evaluation',
    message:
      'the input of a policy must be JSON: /binaries/0/size is the integer 9007199254740992, which a number cannot hold exactly; state it as bigint or text',
  });
});

test('a policy without a verdict for its input is an error, never "no findings"', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := {"findings": []} if input.known'), {});
  t.deepEqual(policy.evaluate({ known: true }), { findings: [] });
  t.throws(() => policy.evaluate({}), {
    instanceOf: ElfgateError,
    code: 'evaluation',
    message: 'the policy gave no verdict: elfgate/verdict is undefined for this input',
  });
});

test('a policy that another program compiled is refused', async (t) => {
  const own = Buffer.from(await wasm('verdict := {"findings": []}'));
  const other = Uint8Array.from(own);
  other.set(Buffer.from('test'), own.lastIndexOf('eval\0'));
  const policy = await loadWasmPolicy(other, {});
  t.throws(() => policy.evaluate({}), {
    instanceOf: ElfgateError,
    code: 'evaluation',
    message: 'the policy failed: it was not compiled by elfgate',
  });
});

test('built-ins that are not offered are found when the policy is loaded, by name', async (t) => {
  const known = await wasm(
    'verdict := {"a": uuid.parse(input.a), "b": semver.compare(input.a, "1.0.0"), "c": sprintf("%d", [input.n])}',
  );
  // As a later OPA might compile it: this one has no built-in left that is not offered.
  const text = Buffer.from(known)
    .toString('latin1')
    .replace('uuid.parse', 'uuid.parts')
    .replace('semver.compare', 'semver.confuse');
  const bytes = new Uint8Array(Buffer.from(text, 'latin1'));
  const error = await t.throwsAsync(loadWasmPolicy(bytes, {}), { instanceOf: ElfgateError, code: 'policy' });
  t.is(error?.message, 'the policy needs built-ins that are not offered: semver.confuse, uuid.parts');
});

test('a built-in that OPA itself answers gives what OPA gives, and is refused where OPA is not at hand', async (t) => {
  const rego = `verdict := {
	"valid": graphql.is_valid(input.query, input.schema),
	"text": strings.render_template("{{range .items}}<{{.}}>{{end}}", input),
	"undefined": [1 | crypto.x509.parse_certificates("nonsense")],
}`;
  const bytes = await wasm(rego);
  const input = { query: '{ name }', schema: 'type Query { name: String }', items: ['a', 'ü', 3] };
  const policy = await loadWasmPolicy(bytes, {}, { program: () => opaModule(opaOptions) });
  const expected = { valid: true, text: '<a><ü><3>', undefined: [] };
  t.deepEqual(policy.evaluate(input), expected);
  t.deepEqual(policy.evaluate(input), expected, 'once more, with the program that has started');
  await t.throwsAsync(loadWasmPolicy(bytes, {}), { instanceOf: ElfgateError, code: 'policy' });
});

test('a policy that aborts is an error with its reason', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := x if some x in input.values'), {});
  t.is(policy.evaluate({ values: [1] }), 1);
  const error = t.throws(() => policy.evaluate({ values: [1, 2] }), { instanceOf: ElfgateError, code: 'evaluation' });
  t.regex(error?.message ?? '', /^the policy failed: .*var assignment conflict/);
  t.true(error?.cause instanceof Error);
  t.is(policy.evaluate({ values: [3] }), 3, 'the next evaluation starts from clean memory');
});

test('a policy that outgrows its memory is an error, and the next evaluation works', async (t) => {
  const rego =
    'verdict := count([x | some a in input.n; some b in input.n; some c in input.n; x := [a, b, c, input.text]])';
  const policy = await loadWasmPolicy(await wasm(rego), {});
  const numbers = Array.from({ length: 400 }, (_, index) => index);
  t.throws(() => policy.evaluate({ n: numbers, text: 'x' }), {
    instanceOf: ElfgateError,
    code: 'evaluation',
    message: 'the policy needs more than its 1 GiB of memory',
  });
  t.is(policy.evaluate({ n: [1, 2], text: 'x' }), 8);
});

test('a policy that computes without end is ended at its limit, and the next evaluation works', async (t) => {
  const rego = 'verdict := count([1 | some a in input.n; some b in input.n; some c in input.n; a + b + c < 0])';
  const policy = await loadWasmPolicy(await wasm(rego), {}, { limited: timeLimited(300) });
  const numbers = Array.from({ length: 3000 }, (_, index) => index);
  t.throws(() => policy.evaluate({ n: numbers }), {
    instanceOf: ElfgateError,
    code: 'limit',
    message: 'the policy took longer than 300 ms and was ended',
  });
  t.is(policy.evaluate({ n: [-1] }), 1);
});

test('time and chance are the same within one evaluation, and others in the next', async (t) => {
  const rego = `verdict := {
	"times": {time.now_ns() | some _ in input},
	"numbers": {rand.intn("a", 1000000000) | some _ in input},
	"identifiers": {uuid.rfc4122("a") | some _ in input},
	"others": {rand.intn(name, 1000000000) | some name in input},
}`;
  let milliseconds = 1_700_000_000_000;
  const policy = await loadWasmPolicy(await wasm(rego), {}, { now: () => milliseconds++ });
  const [first, second] = [policy.evaluate(['a', 'b', 'c']), policy.evaluate(['a', 'b', 'c'])] as Record<
    'times' | 'numbers' | 'identifiers' | 'others',
    readonly unknown[]
  >[];
  t.deepEqual(first?.times, [1_700_000_000_000_000_000n]);
  t.deepEqual(second?.times, [1_700_000_000_001_000_000n]);
  t.deepEqual([first?.numbers.length, first?.identifiers.length, first?.others.length], [1, 1, 3]);
  t.notDeepEqual(first?.numbers, second?.numbers);
  t.notDeepEqual(first?.identifiers, second?.identifiers);
});

test('base data stays between evaluations', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := data.limit + input'), { limit: 40 });
  t.is(policy.evaluate(2), 42);
  t.is(policy.evaluate(3), 43);
});

test('text of every kind comes through unchanged', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := [input, sprintf("%s", [input])]'), {});
  for (const text of [
    'ünïcödé',
    '🚀',
    'zero \u0000 byte',
    '\u001b[31m',
    '"\\/\b\f\n\r\t',
    '\u2028\u2029',
    '\ufeffbom',
    '\uffff',
  ]) {
    t.deepEqual(policy.evaluate(text), [text, text]);
  }
});

test('verdicts of every length, depth and kind come through unchanged', async (t) => {
  const policy = await loadWasmPolicy(await echo, {});
  const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1), {}]);
  const values = [
    nested(12),
    nested(40),
    { '': '', '"': '\\', '\u0001': '\u001f\n', '…': '…\u{1f9e9}"' },
    [0, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53 - 1, 0.5, 1e-7, -12345678901234567890n],
    [null, true, false, [], {}, [[]], [{}], { a: {} }],
    // Around the length from which on OPA's runtime writes the text.
    ...Array.from({ length: 160 }, (_, index) => ['x'.repeat(65_400 + index), nested(11), { a: '"' }]),
    ...Array.from({ length: 160 }, (_, index) => ['x'.repeat(32_650 + index), nested(11), { a: '"' }]),
  ];
  for (const value of values) {
    t.deepEqual(policy.evaluate(value), { is: value, type: Array.isArray(value) ? 'array' : 'object' });
  }
  const sets = await loadWasmPolicy(
    await wasm('verdict := {"of": {n | some n in input}, "by": {n: n | some n in input}}'),
    {},
  );
  t.deepEqual(sets.evaluate([3, 1, 2]), { of: [1, 2, 3], by: { 1: 1, 2: 2, 3: 3 } });
});

test('an input of twenty megabytes is judged, and its memory is given back afterwards', async (t) => {
  const policy = await loadWasmPolicy(await wasm('verdict := count(input.symbols)'), {});
  const symbols = Array.from({ length: 400_000 }, (_, index) => `symbol number ${index} with a long mangled name`);
  t.is(policy.evaluate({ symbols }), 400_000);
  t.is(policy.evaluate({ symbols: [] }), 0);
});

test('bytes that are no WebAssembly, and modules that are no policy, are refused', async (t) => {
  await t.throwsAsync(loadWasmPolicy(new Uint8Array([1, 2, 3]), {}), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: 'the compiled policy is not a WebAssembly module',
  });
  const empty = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  await t.throwsAsync(loadWasmPolicy(empty, {}), {
    instanceOf: ElfgateError,
    code: 'policy',
    message:
      'the compiled policy cannot be loaded: its ABI version is undefined.undefined, and 1.2 or a later 1 is needed',
  });
});
