import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { askOpa } from '../../src/policy/opa.ts';
import { opaOptions } from './scratch.ts';

const refusal = 'is refused: a policy judges the facts that it is given and reaches for nothing else';

for (const [name, call] of [
  ['http.send', 'http.send({"method": "get", "url": "http://localhost"})'],
  ['opa.runtime', 'opa.runtime()'],
  ['net.lookup_ip_addr', 'net.lookup_ip_addr("localhost")'],
]) {
  test(`a policy that needs ${name} is refused by name, wherever it is asked for`, async (t) => {
    const sources = { 'a.rego': `package a\n\nb := ${call}\n` };
    const expected = {
      outcome: 'rejected',
      problems: [
        { code: 'built_in_refused', message: `built-in function ${name} ${refusal}`, file: 'a.rego', row: 3, col: 6 },
      ],
    };
    t.deepEqual(await askOpa('build', { sources, entrypoint: 'a/b' }, opaOptions), expected as never);
    t.deepEqual(await askOpa('check', { sources }, opaOptions), expected as never);
    t.deepEqual(await askOpa('test', { sources, data: {}, coverage: false }, opaOptions), expected as never);
    t.deepEqual(await askOpa('eval', { sources, query: 'data.a.b', data: {} }, opaOptions), expected as never);
  });
}

test('a query that needs http.send is refused', async (t) => {
  const asked = await askOpa('eval', { sources: {}, query: 'http.send({}) = x', data: {} }, opaOptions);
  t.is(asked.outcome, 'rejected');
  t.is(asked.outcome === 'rejected' && asked.problems[0]?.code, 'built_in_refused');
});

test('every error of every file is told, in the order of the places', async (t) => {
  const sources = {
    'b.rego': 'package elfgate.b\n\nx if { y }\n\nz := 1 + "a"\n',
    'a.rego': 'package elfgate.a\n\nimport data.b\n\nx := lower(1)\n',
  };
  const asked = await askOpa('check', { sources }, opaOptions);
  t.deepEqual(
    asked.outcome === 'rejected' && asked.problems.map(({ file, row, col, code }) => [file, row, col, code]),
    [
      ['a.rego', 3, 1, 'rego_compile_error'],
      ['b.rego', 3, 8, 'rego_unsafe_var_error'],
    ],
  );
});

test('the same sources compile to the same bytes', async (t) => {
  const sources = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [
      `${name}.rego`,
      `package p.${name}\n\nx contains y if some y in input.${name}\n\nz := sprintf("%d", [count(x)])\n`,
    ]),
  );
  const question = {
    sources: { ...sources, 'main.rego': 'package main\n\nx := {name: data.p[name].x | some name}\n' },
    entrypoint: 'main/x',
  };
  const first = await askOpa('build', question, opaOptions);
  const second = await askOpa('build', question, opaOptions);
  t.is(first.outcome, 'answered');
  t.deepEqual(first, second);
});

test('METADATA of packages and rules comes back with its custom fields', async (t) => {
  const sources = {
    'a.rego': [
      '# METADATA',
      '# title: the package',
      '# related_resources:',
      '#   - ref: https://example.com/a',
      '#     description: an example',
      '# custom: {n: 12345678901234567890, list: [a]}',
      'package a["b-c"]',
      '',
      '# METADATA',
      '# title: the rule',
      'd := 1',
      '',
    ].join('\n'),
  };
  const asked = await askOpa('check', { sources }, opaOptions);
  t.deepEqual(asked.outcome === 'answered' && asked.answer, {
    modules: [
      { file: 'a.rego', package: ['data', 'a', 'b-c'], place: { file: 'a.rego', row: 7, col: 1 }, rules: ['d'] },
    ],
    annotations: [
      {
        path: ['data', 'a', 'b-c'],
        place: { file: 'a.rego', row: 7, col: 1 },
        metadata: {
          scope: 'package',
          title: 'the package',
          related_resources: [{ ref: 'https://example.com/a', description: 'an example' }],
          custom: { n: 12345678901234567890n, list: ['a'] },
        },
      },
      {
        path: ['data', 'a', 'b-c', 'd'],
        place: { file: 'a.rego', row: 11, col: 1 },
        metadata: { scope: 'rule', title: 'the rule' },
      },
    ],
  });
});

test('a failing test shows the expression that failed and its values', async (t) => {
  const sources = {
    'a_test.rego':
      'package a_test\n\ntest_sum if {\n\tx := 1 + 1\n\tprint("x is", x)\n\tx == 3\n}\n\ntest_true if true\n\ntodo_test_later if false\n',
  };
  const asked = await askOpa('test', { sources, data: {}, coverage: false }, opaOptions);
  const tests = asked.outcome === 'answered' ? asked.answer.tests : [];
  t.deepEqual(
    tests.map(({ durationNs, ...rest }) => ({ ...rest, tookTime: typeof durationNs })),
    [
      {
        package: 'data.a_test',
        name: 'test_sum',
        outcome: 'fail',
        place: { file: 'a_test.rego', row: 3, col: 1 },
        printed: 'x is 2\n',
        failure: {
          place: { file: 'a_test.rego', row: 6, col: 2 },
          text: '\tx == 3\n\t|\n\t2',
          compared: { left: 2, right: 3 },
        },
        tookTime: 'number',
      },
      {
        package: 'data.a_test',
        name: 'test_true',
        outcome: 'pass',
        place: { file: 'a_test.rego', row: 9, col: 1 },
        tookTime: 'number',
      },
      {
        package: 'data.a_test',
        name: 'todo_test_later',
        outcome: 'skip',
        place: { file: 'a_test.rego', row: 11, col: 1 },
        tookTime: 'number',
      },
    ],
  );
});

test('formatting gives the text of opa fmt and whether it differs', async (t) => {
  const sources = { 'good.rego': 'package a\n\nx := 1\n', 'bad.rego': 'package a\ny   :=   {"a":1}' };
  t.deepEqual(await askOpa('fmt', { sources }, opaOptions), {
    outcome: 'answered',
    answer: [
      { file: 'bad.rego', text: 'package a\n\ny := {"a": 1}\n', changed: true },
      { file: 'good.rego', text: 'package a\n\nx := 1\n', changed: false },
    ],
  });
});

test('an input of null is null, and no input is undefined', async (t) => {
  const query = 'input = x';
  const withNull = await askOpa('eval', { sources: {}, query, data: {}, input: null }, opaOptions);
  t.deepEqual(withNull, { outcome: 'answered', answer: { result: [{ x: null }] } });
  const without = await askOpa('eval', { sources: {}, query, data: {} }, opaOptions);
  t.deepEqual(without, { outcome: 'answered', answer: { result: [] } });
});

test('integers of any size go through eval unchanged', async (t) => {
  const asked = await askOpa('eval', { sources: {}, query: 'input + 1 = x', data: {}, input: 2n ** 70n }, opaOptions);
  t.deepEqual(asked, { outcome: 'answered', answer: { result: [{ x: 2n ** 70n + 1n }] } });
});

test('a policy that computes without end is ended', async (t) => {
  const sources = {
    'a_test.rego':
      'package a_test\n\nn := numbers.range(1, 3000)\n\ntest_endless if count([1 | some _ in n; some _ in n; some _ in n; some _ in n]) == 0\n',
  };
  const error = await t.throwsAsync(askOpa('test', { sources, data: {}, coverage: false }, opaOptions, 3_000), {
    instanceOf: ElfgateError,
    code: 'limit',
  });
  t.is(error?.message, 'opa test took longer than 3 seconds and was ended');
});

test('a policy that fills the memory is ended, and says so', async (t) => {
  // Texts of four million characters: the memory is full within a second, and the collector has little to do.
  const query =
    'count(concat("", [sprintf("%999999d%999999d%999999d%999999d", [1, 2, 3, 4]) | some _ in numbers.range(1, 1000)])) = x';
  const error = await t.throwsAsync(askOpa('eval', { sources: {}, query, data: {} }, opaOptions), {
    instanceOf: ElfgateError,
    code: 'policy',
  });
  t.regex(error?.message ?? '', /^opa eval failed: .*memory/);
});

test('Rego of other programs is not held to strictness, and may be of version 0', async (t) => {
  const sources = {
    'a.rego': 'package main\n\nimport data.b\n\ndeny[msg] {\n  unused := 1\n  msg := "a"\n}\n\nhelp(x) = x { true }\n',
    'b.rego': 'package elfgate.b\n\ndeny contains "b" if { unused := 1 }\n',
  };
  const outlined = await askOpa('outline', { sources }, opaOptions);
  t.deepEqual(
    outlined.outcome === 'answered' && outlined.answer.map(({ package: path, rules }) => [path.join('.'), rules]),
    [
      ['data.main', ['deny']],
      ['data.elfgate.b', ['deny']],
    ],
  );
  const checked = await askOpa('check', { sources }, opaOptions);
  t.deepEqual(
    checked.outcome === 'rejected' && checked.problems.map(({ file, row, message }) => [file, row, message]),
    [['b.rego', 3, 'assigned var unused unused']],
  );
});
