import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { emptyDirectory, runCli } from '../run-cli.ts';

function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = emptyDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const arithmetic = {
  'sum.rego': 'package sum\n\nof(a, b) := a + b\n\nunreached := 1 if input.never\n',
  'sum_test.rego': `package sum_test

import data.sum

test_of_two if sum.of(1, 2) == 3

test_of_objects if {
	print("about to differ")
	{"a": [1, 2], "b": "same", "c": sum.of(1, 1)} == {"a": [1, 3], "b": "same", "c": 2}
}

todo_test_later if false
`,
};

test.serial('a new rule compiles, its tests pass and reach every line, and it judges', async (t) => {
  const cwd = emptyDirectory();
  const made = await runCli(['policy', 'new', 'house/no-build-id', '--directory', 'rules'], { cwd });
  t.is(made.exitCode, 0);
  t.is(made.stdout, 'rules/house/no-build-id/no-build-id.rego\nrules/house/no-build-id/no-build-id_test.rego\n');
  const [checked, tested, formatted, again] = await Promise.all([
    runCli(['policy', 'check', 'rules'], { cwd }),
    runCli(['policy', 'test', 'rules', '--coverage'], { cwd }),
    runCli(['policy', 'fmt', '--check', 'rules'], { cwd }),
    runCli(['policy', 'new', 'house/no-build-id', '--directory', 'rules'], { cwd }),
  ]);
  t.is(checked.exitCode, 0, checked.stdout);
  t.is(tested.exitCode, 0);
  t.regex(tested.stdout, /no-build-id\.rego {2}100\.0 %\n/);
  t.regex(tested.stdout, /\n4 passed, 0 failed\n$/);
  t.is(formatted.exitCode, 0);
  t.is(again.exitCode, 2);
  t.regex(again.stderr, /rules\/house\/no-build-id is there already/);
});

test.serial(
  'tests print as a runner does: by file, what differs line by line, what was printed, and what they add up to',
  async (t) => {
    const cwd = directoryOf(arithmetic);
    const run = await runCli(['policy', 'test', '.', '--coverage'], { cwd });
    t.is(run.exitCode, 1);
    t.is(
      run.stdout.replace(/in \d+\.\d s/, 'in N s').replace(/ {2}\d+ ms/g, ''),
      `sum_test.rego
  ✔ of two
  ✘ of objects
      sum_test.rego:9
          {"a": [1, 2], "b": "same", "c": sum.of(1, 1)} == {"a": [1, 3], "b": "same", "c": 2}
      - right side, + left side
          "a": [
            1,
      -     3
      +     2
          ],
          "b": "same",
      │ about to differ
  ○ later

coverage of lines
  sum.rego   50.0 %  not reached: 5

in N s
1 passed, 1 failed, 1 skipped
`,
    );
  },
);

test.serial('the same as JUnit, LCOV and JSON', async (t) => {
  const cwd = directoryOf(arithmetic);
  const [junit, lcov, json] = await Promise.all(
    ['junit', 'lcov', 'json'].map((format) => runCli(['policy', 'test', '.', '-o', format], { cwd })),
  );
  t.regex(junit?.stdout ?? '', /<testsuites name="elfgate policy test" tests="3" failures="1" errors="0" skipped="1" /);
  t.regex(junit?.stdout ?? '', /<testcase classname="data\.sum_test" name="of two" time="[0-9.]+"\/>/);
  t.regex(junit?.stdout ?? '', /<failure message="sum_test\.rego:9">/);
  t.is(lcov?.stdout, 'TN:\nSF:sum.rego\nDA:3,1\nDA:5,0\nLF:2\nLH:1\nend_of_record\n');
  t.deepEqual(
    JSON.parse(json?.stdout ?? '').tests.map(({ name, outcome }: { name: string; outcome: string }) => [name, outcome]),
    [
      ['test_of_two', 'pass'],
      ['test_of_objects', 'fail'],
      ['todo_test_later', 'skip'],
    ],
  );
  t.deepEqual(
    [junit, lcov, json].map((run) => run?.exitCode),
    [1, 1, 1],
  );
});

test.serial('with --watch tests run again when a file changes, whatever was wrong with it', async (t) => {
  const cwd = directoryOf({ 'a_test.rego': 'package a_test\n\ntest_a if false\n' });
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts'), 'policy', 'test', '.', '--watch'],
    { cwd, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  t.teardown(() => child.kill());
  let seen = '';
  const until = async (pattern: RegExp): Promise<void> => {
    for (let waits = 0; !pattern.test(seen); waits++) {
      if (waits > 1_200) {
        throw new Error(`a minute without ${pattern}: ${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    seen = '';
  };
  child.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  child.stderr.on('data', (chunk) => {
    seen += chunk;
  });
  await until(/0 passed, 1 failed/);
  writeFileSync(join(cwd, 'a_test.rego'), 'package a_test\n\ntest_a if {\n');
  await until(/cannot decide\[policy\]/);
  writeFileSync(join(cwd, 'a_test.rego'), 'package a_test\n\ntest_a if true\n');
  await until(/1 passed, 0 failed/);
  t.pass();
});

test.serial('a fact that is misspelt is an error with its line and what was meant', async (t) => {
  const cwd = directoryOf({
    'house/a/a.rego': `# METADATA
# title: a
# description: a
# custom: {severity: error, facts: [elf.buildId]}
package elfgate.rules.house.a

findings contains {"path": binary.path, "message": "x"} if {
	some binary in input.binaries
	binary.elf.buildID == null
}
`,
  });
  const run = await runCli(['policy', 'check', '.'], { cwd });
  t.is(run.exitCode, 1);
  t.is(
    run.stdout,
    `house/a/a.rego:9:13: binary.elf has no field "buildID", did you mean buildId?
  9 |     binary.elf.buildID == null
    |                ^
`,
  );
});

test.serial(
  'eval answers as the engine does, with base data, and explains which rules fired and where others stopped',
  async (t) => {
    const cwd = directoryOf({
      'p.rego':
        'package p\n\nallow if {\n\tinput.user == data.admin\n\tinput.level > 3\n}\n\nbig := 9007199254740993\n',
      'data.json': '{"admin": "root"}',
      'in.json': '{"user": "root", "level": 2}',
    });
    const plain = await runCli(['policy', 'eval', '-d', 'p.rego', '-d', 'data.json', 'data.p.big = x'], { cwd });
    t.is(plain.stdout, '{"result":[{"x":9007199254740993}]}\n');
    const explained = await runCli(
      ['policy', 'eval', '--explain', '-d', 'p.rego', '-d', 'data.json', '-i', 'in.json', 'data.p.allow = x'],
      { cwd },
    );
    t.is(explained.exitCode, 0);
    t.is(explained.stdout, '{"result":[]}\n');
    t.is(
      explained.stderr,
      '✘ data.p.allow  p.rego:3  stopped in line 5\n        input.level > 3\n        |\n        2\n',
    );
  },
);

test.serial(
  'build writes a bundle, the same bytes each time; an own bundle is judged by as its directory is',
  async (t) => {
    const cwd = emptyDirectory();
    const built = await runCli(['policy', 'build', '--output-file', 'all.tar.gz', '-o', 'json'], { cwd });
    t.is(built.exitCode, 0, built.stderr);
    const first = readFileSync(join(cwd, 'all.tar.gz'));
    const { rules, bytes } = JSON.parse(built.stdout);
    t.true(rules.length > 30);
    t.is(bytes, statSync(join(cwd, 'all.tar.gz')).size);
    await runCli(['policy', 'build', '--output-file', 'again.tar.gz'], { cwd });
    t.deepEqual(readFileSync(join(cwd, 'again.tar.gz')), first);
  },
);

test.serial('fmt writes what differs, and says which files did', async (t) => {
  const cwd = directoryOf({ 'a.rego': 'package a\nb:=1\n' });
  t.deepEqual(await runCli(['policy', 'fmt', '--check', '.'], { cwd }), {
    exitCode: 1,
    stdout: 'a.rego\n',
    stderr: '',
  });
  t.is((await runCli(['policy', 'fmt', '--write', '.'], { cwd })).exitCode, 0);
  t.is(readFileSync(join(cwd, 'a.rego'), 'utf8'), 'package a\n\nb := 1\n');
});

const deployment = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n';
const bad: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[], RegExp])[] = [
  [
    'a directory without policies',
    { 'notes.txt': '' },
    ['check', '--policy', '.', 'o.yaml'],
    /\[policy\]: \.: holds no rule/,
  ],
  [
    'a rule that is in no rule set',
    {
      'f/a/a.rego':
        '# METADATA\n# title: a\n# description: a\n# custom: {severity: error, facts: []}\npackage elfgate.rules.f.a\n\nfindings contains {"path": "a", "message": "b"} if input.never\n',
    },
    ['check', '--policy', '.', '--only-policy', 'objects:o.yaml'],
    /\[configuration\]: no rule of \. is on/,
  ],
  [
    'a package of Conftest that is not chosen',
    { 'a.rego': 'package other\n\ndeny contains "x"\n' },
    ['check', '--policy', '.', 'objects:o.yaml'],
    /\[policy\]: package main states no deny, violation or warn; other does/,
  ],
  [
    'namespaces that contradict each other',
    {},
    ['check', '--policy', '.', '--namespace', 'a', '--all-namespaces', 'objects:o.yaml'],
    /\[usage\]: --namespace and --all-namespaces exclude each other/,
  ],
  [
    'an archive that is none',
    { 'b.tar.gz': 'not gzip' },
    ['check', '--policy', 'b.tar.gz', 'objects:o.yaml'],
    /\[policy\]: b\.tar\.gz: is not a whole gzip file/,
  ],
  ['a query that does not parse', {}, ['policy', 'eval', 'data.x ='], /\[policy\]: /],
  [
    'a query that needs a refused built-in',
    {},
    ['policy', 'eval', 'http.send({}) = x'],
    /\[policy\]: .*built-in function http\.send is refused/,
  ],
  [
    'data of which two files say different things',
    { 'a.json': '{"x": 1}', 'b.json': '{"x": 2}' },
    ['policy', 'eval', '-d', 'a.json', '-d', 'b.json', 'data.x = y'],
    /\[policy\]: b\.json: data\.x is given by another data file, too/,
  ],
  [
    'data that is no UTF-8',
    { 'bad.json': '' },
    ['policy', 'eval', '-d', 'bad.json', 'data.x = y'],
    /\[malformed\]: bad\.json: is not UTF-8 text/,
  ],
  [
    'data that is nested too deep',
    { 'deep.json': `${'['.repeat(20_000)}${']'.repeat(20_000)}` },
    ['policy', 'eval', '-d', 'deep.json', 'data.x = y'],
    /\[(?:limit|malformed)\]: deep\.json: /,
  ],
  [
    'aliases of YAML that unfold without end',
    {
      'a.yaml': `a: &a [x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, n) => `${'bcdefghij'[n]}: &${'bcdefghij'[n]} [${Array(8).fill(`*${'abcdefghij'[n]}`).join(', ')}]`).join('\n')}\n`,
    },
    ['policy', 'eval', '-d', 'a.yaml', 'count(data) = y'],
    /\[(?:limit|malformed)\]: a\.yaml: /,
  ],
  [
    'policies that are recursive',
    { 'a.rego': 'package a\n\nx if y\n\ny if x\n' },
    ['policy', 'eval', '-d', '.', 'data.a.x = y'],
    /\[policy\]: .*recursive/,
  ],
  [
    'policies whose rules conflict',
    { 'a.rego': 'package a\n\nx := 1\n\nx := 2\n' },
    ['policy', 'eval', '-d', '.', 'data.a.x = y'],
    /\[evaluation\]: /,
  ],
  [
    'a manifest without objects',
    { 'n.yaml': 'a: 1\n', 'a.rego': 'package main\n\ndeny contains "x"\n' },
    ['check', '--policy', '.', 'objects:n.yaml'],
    /\[unsupported-format\]: n\.yaml: holds no object of Kubernetes/,
  ],
  ['a reference that is none', {}, ['check', '--policy', 'oci:NOT A REFERENCE', 'objects:o.yaml'], /\[usage\]: /],
];

for (const [what, files, args, message] of bad) {
  test.serial(`${what}: exit code 2 and the reason, never an empty result`, async (t) => {
    const cwd = directoryOf({ 'o.yaml': deployment, ...files });
    if (existsSync(join(cwd, 'bad.json'))) {
      writeFileSync(join(cwd, 'bad.json'), Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    }
    const run = await runCli(args, { cwd });
    t.is(run.exitCode, 2, run.stdout);
    t.is(run.stdout, '');
    t.regex(run.stderr, message);
  });
}

test.serial('10 MB of data are read, and more than the limit is refused', async (t) => {
  const cwd = directoryOf({
    'large.json': JSON.stringify({ rows: Array.from({ length: 180_000 }, (_, id) => ({ id, text: 'x'.repeat(30) })) }),
  });
  t.true(statSync(join(cwd, 'large.json')).size > 8_000_000);
  const run = await runCli(['policy', 'eval', '-d', 'large.json', 'count(data.rows) = n'], { cwd });
  t.true(
    run.stdout === '{"result":[{"n":180000}]}\n' || (run.exitCode === 2 && /\[limit\]/.test(run.stderr)),
    run.stdout + run.stderr,
  );
});
