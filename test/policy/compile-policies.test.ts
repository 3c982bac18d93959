import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { checkPolicies, compilePolicies, formatPolicies } from '../../src/policy/compile-policies.ts';
import type { PolicyBundle } from '../../src/policy/policy-bundle.ts';
import { directoryOf, engineFiles, opaOptions, toyRules } from './scratch.ts';

const engine = directoryOf(engineFiles);

const metadata = `# METADATA
# title: A rule
# description: Detects nothing.
# custom:
#   severity: error
#   facts: [binaries]
`;

const findings = 'findings contains {"path": "a", "message": "b"} if input.never\n';

/** The message of the error that one file of rules leads to, without the name of the scratch directory. */
async function complaint(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = directoryOf({ ...engineFiles, ...files });
  try {
    await compilePolicies([directory], opaOptions);
  } catch (error) {
    if (error instanceof ElfgateError && error.code === 'policy') {
      return error.message.replaceAll(`${directory}/`, '');
    }
    throw error;
  }
  return 'compiled';
}

test('Rego that does not compile is shown with its line and a caret', async (t) => {
  const message = await complaint({
    'f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\n${findings}\n\tä := lower_case(input.x)\n`,
  });
  t.is(message, ['f/a/a.rego:11:2: illegal token', '  11 |     ä := lower_case(input.x)', '     |     ^'].join('\n'));
});

test('a function that does not exist is shown where it is called', async (t) => {
  const message = await complaint({
    'f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\nfindings contains {"path": "ä", "message": lower_case("X")} if input.x\n`,
  });
  t.is(
    message,
    [
      'f/a/a.rego:9:44: undefined function lower_case',
      '  9 | findings contains {"path": "ä", "message": lower_case("X")} if input.x',
      `    | ${' '.repeat(43)}^`,
    ].join('\n'),
  );
});

test('a policy that needs http.send is refused with the place of the call', async (t) => {
  const message = await complaint({
    'f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\nfindings contains {"path": "a", "message": "b"} if http.send({"method": "get", "url": input.url})\n`,
  });
  t.regex(message, /^f\/a\/a\.rego:9:52: built-in function http\.send is refused: /);
});

const conventions: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  [
    'a rule without METADATA',
    { 'f/a/a.rego': `package elfgate.rules.f.a\n\n${findings}` },
    'f/a/a.rego:1:1: rule f/a has no METADATA block of its package',
  ],
  [
    'a rule without findings',
    { 'f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\nfinding := 1\n` },
    'f/a/a.rego:7:1: rule f/a has no set named findings, so it could never report anything',
  ],
  [
    'a rule in the folder of another',
    { 'f/b/b.rego': `${metadata}package elfgate.rules.f.a\n\n${findings}` },
    'f/b/b.rego:7:1: this package belongs into the folder f/a: folder, package and rule id are one',
  ],
  [
    'policies that are read from a folder above theirs',
    { 'policies/f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\n${findings}` },
    'policies/f/a/a.rego:7:1: the folder that policies are read from must be the one above f/a: name policies instead',
  ],
  [
    'a package that main.rego would not find',
    { 'f/a/a.rego': `${metadata}package rules.f.a\n\n${findings}` },
    'f/a/a.rego:7:1: package of a rule in f/a must be elfgate.rules.f["a"]',
  ],
  [
    'a rule without its family',
    { 'a/a.rego': `${metadata}package elfgate.rules.a\n\n${findings}` },
    'a/a.rego:7:1: packages below elfgate.rules are named elfgate.rules.FAMILY["NAME"]',
  ],
  [
    'a severity that does not exist',
    { 'f/a/a.rego': `${metadata.replace('error', 'fatal')}package elfgate.rules.f.a\n\n${findings}` },
    'f/a/a.rego:7:1: rule f/a: custom.severity of METADATA must be one of error, warning, info',
  ],
  [
    'a custom field that nothing reads',
    { 'f/a/a.rego': `${metadata}#   parms: {}\npackage elfgate.rules.f.a\n\n${findings}` },
    'f/a/a.rego:8:1: rule f/a: METADATA has custom.parms, which nothing reads (known: severity, enforce, facts, params, sets)',
  ],
  [
    'a rule set that does not exist',
    { 'f/a/a.rego': `${metadata}#   sets: [recomended]\npackage elfgate.rules.f.a\n\n${findings}` },
    'f/a/a.rego:8:1: rule f/a: custom.sets of METADATA names recomended; the sets are recommended, strict, marketplace',
  ],
  [
    'a parameter without a default',
    { 'f/a/a.rego': `${metadata}#   params: {n: {type: integer}}\npackage elfgate.rules.f.a\n\n${findings}` },
    'f/a/a.rego:8:1: rule f/a: custom.params.n of METADATA must be a JSON Schema with a default, so that a rule always finds a value',
  ],
  [
    'a default that breaks its own schema',
    {
      'f/a/a.rego': `${metadata}#   params: {n: {type: integer, default: many}}\npackage elfgate.rules.f.a\n\n${findings}`,
    },
    'f/a/a.rego:8:1: rule f/a: the default of custom.params.n breaks its own schema: it must be integer',
  ],
];

for (const [name, files, expected] of conventions) {
  test(`${name} is refused`, async (t) => {
    t.is((await complaint(files)).split('\n')[0], expected);
  });
}

test('policies without main.rego are refused', async (t) => {
  const error = await t.throwsAsync(compilePolicies([toyRules], opaOptions), {
    instanceOf: ElfgateError,
    code: 'policy',
  });
  t.is(error?.message, 'the policies have no main.rego, which gathers the findings of all rules');
});

test('the rules of a bundle are described by their METADATA', async (t) => {
  const bundle = await compilePolicies([engine, toyRules], opaOptions);
  t.like(
    bundle.rules.find(({ id }) => id === 'size/above-limit'),
    {
      id: 'size/above-limit',
      title: 'A binary is larger than the limit',
      severity: 'error',
      enforce: 'deny',
      facts: ['binaries.path', 'binaries.size'],
      sets: ['recommended', 'strict'],
      relatedResources: [{ url: 'https://man7.org/linux/man-pages/man1/strip.1.html', description: 'strip(1)' }],
      file: 'size/above-limit/above-limit.rego',
    },
  );
});

/** A bundle whose module is short enough to be shown where it differs. */
function fingerprint(bundle: PolicyBundle): object {
  return { ...bundle, wasm: createHash('sha256').update(bundle.wasm).digest('hex') };
}

test('a bundle is compiled once, needs no Go after that, and changes with its sources but not with its tests', async (t) => {
  const rule = `${metadata}package elfgate.rules.f.a\n\n${findings}`;
  const directory = directoryOf({ ...engineFiles, 'f/a/a.rego': rule, 'f/a/a_test.rego': 'package a_test' });
  const first = await compilePolicies([directory], opaOptions);

  const withoutGo = { ...opaOptions, environment: { PATH: '/nonexistent' } };
  t.deepEqual(fingerprint(await compilePolicies([directory], withoutGo)), fingerprint(first));

  writeFileSync(join(directory, 'f/a/a_test.rego'), 'package a_test\n\ntest_a if true\n');
  t.is((await compilePolicies([directory], withoutGo)).revision, first.revision);

  writeFileSync(join(directory, 'f/a/a.rego'), `${rule}\n# changed\n`);
  t.not((await compilePolicies([directory], opaOptions)).revision, first.revision);
});

test('a damaged bundle in the cache is compiled again', async (t) => {
  const directory = directoryOf({
    ...engineFiles,
    'f/a/a.rego': `${metadata}package elfgate.rules.f.a\n\n# ${Math.random()}\n${findings}`,
  });
  const first = await compilePolicies([directory], opaOptions);
  const wasm = join(opaOptions.cacheDirectory, 'policies', first.revision, 'policy.wasm');
  writeFileSync(wasm, 'damaged');
  t.deepEqual(fingerprint(await compilePolicies([directory], opaOptions)), fingerprint(first));
  t.not(readFileSync(wasm, 'utf8'), 'damaged');
});

test('checking tells what is wrong with tests, too', async (t) => {
  const directory = directoryOf({ ...engineFiles, 'f/a/a_test.rego': 'package a_test\n\ntest_a if lower_case("a")\n' });
  const { problems } = await checkPolicies([directory], opaOptions);
  t.deepEqual(problems, [
    { code: 'rego_type_error', message: 'undefined function lower_case', file: 'f/a/a_test.rego', row: 3, col: 11 },
  ]);
  t.deepEqual((await checkPolicies([engine, toyRules], opaOptions)).problems, []);
});

test('the toy rules and the engine are formatted as opa fmt formats', async (t) => {
  const files = await formatPolicies([toyRules, engine], opaOptions);
  t.deepEqual(
    files.filter(({ changed }) => changed),
    [],
  );
  t.true(files.some(({ location }) => location === join(toyRules, 'name/lower-case/lower-case.rego')));
});

test('Rego of another purpose is checked for what it is', async (t) => {
  const directory = directoryOf({ 'deny.rego': 'package main\n\ndeny contains "x" if input.x\n' });
  t.deepEqual((await checkPolicies([directory], opaOptions)).problems, []);
});
