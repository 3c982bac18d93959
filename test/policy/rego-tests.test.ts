import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { testPolicies } from '../../src/policy/rego-tests.ts';
import { directoryOf, engineFiles, opaOptions, toyRules } from './scratch.ts';

const engine = directoryOf(engineFiles);

test('the tests of rules run with the default parameters of every rule', async (t) => {
  const { tests, coverage } = await testPolicies([engine, toyRules], opaOptions);
  const toys = tests.filter(({ place }) => place.file.startsWith(toyRules));
  t.deepEqual(
    toys.map(({ name, outcome, place }) => [name, outcome, place.file]),
    [
      'test_a_large_binary_is_found',
      'test_a_higher_limit_allows_it',
      'test_a_size_that_is_not_stated_is_said_to_be_unknown',
    ].map((name) => [name, 'pass', join(toyRules, 'size/above-limit/above-limit_test.rego')]),
  );
  t.is(coverage, null);
});

test('coverage tells the lines that no test reaches', async (t) => {
  const { coverage } = await testPolicies([engine, toyRules], { ...opaOptions, coverage: true });
  t.is(coverage?.files[join(toyRules, 'size/above-limit/above-limit.rego')]?.coverage, 87.5);
  t.is(coverage?.files[join(toyRules, 'name/lower-case/lower-case.rego')]?.coverage ?? 0, 0);
});

test('a failing test is a result, with the place where it failed', async (t) => {
  const directory = directoryOf({ 'a_test.rego': 'package a_test\n\ntest_a if {\n\t1 == 2\n}\n' });
  const { tests } = await testPolicies([directory], opaOptions);
  t.is(tests[0]?.outcome, 'fail');
  t.deepEqual(tests[0]?.failure?.place, { file: join(directory, 'a_test.rego'), row: 4, col: 2 });
});

test('tests that do not compile are an error', async (t) => {
  const directory = directoryOf({ 'a_test.rego': 'package a_test\n\ntest_a if {\n' });
  await t.throwsAsync(testPolicies([directory], opaOptions), { instanceOf: ElfgateError, code: 'policy' });
});
