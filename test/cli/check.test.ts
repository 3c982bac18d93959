import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { artifacts } from '../lab/lab.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

async function brokenPair() {
  return artifacts(['go/host', 'go/plugin@1.25', 'go/plugin']);
}

test('a plugin of another toolchain: the finding names both, shows both places and the command that mends it', async (t) => {
  t.timeout(600_000);
  const lab = await brokenPair();
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const [host, plugin] = [lab.path['go/host'], lab.path['go/plugin@1.25']];
  const { exitCode, stdout, stderr } = await runCli(['check', '--host', host, '--plugin', plugin, '-o', 'json']);
  t.is(exitCode, 1);
  t.is(stderr, '');
  const { findings, summary } = JSON.parse(stdout);
  const finding = findings.find(({ rule }: { rule: string }) => rule === 'plugin/go-version-match');
  t.like(finding, {
    severity: 'error',
    subject: { target: plugin, path: plugin, layer: null },
    message: 'plugin and host were built by different Go toolchains; plugin.Open will kill the host',
    docs: 'https://elfgate.dev/rules/plugin/go-version-match',
    exception: null,
  });
  t.deepEqual(
    finding.evidence.map(({ label, path }: { label: string; path: string }) => [label, path]),
    [
      ['plugin', plugin],
      ['host', host],
    ],
  );
  t.regex(finding.help, /^GOTOOLCHAIN=go\S+ CGO_ENABLED=1 go build -buildmode=plugin/);
  t.is(summary.targets, 2);
  t.is(summary.binaries, 2);
  t.true(summary.error >= 2);

  const text = await runCli(['check', '--host', host, '--plugin', plugin]);
  t.is(text.exitCode, 1);
  t.regex(text.stdout, /error\[plugin\/go-version-match\]: /);
  t.regex(text.stdout, /= outcome: fatal error: runtime: no plugin module data/);
  t.regex(text.stdout, /= fix: GOTOOLCHAIN=/);
  t.regex(text.stdout, /= more: elfgate explain plugin\/go-version-match/);
});

test('a plugin that fits its host has no error, whichever way the two are named', async (t) => {
  t.timeout(600_000);
  const lab = await brokenPair();
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const [host, plugin] = [lab.path['go/host'], lab.path['go/plugin']];
  for (const args of [
    [host, plugin],
    ['--host', host, '--plugin', plugin],
    ['--host', host, plugin],
    [host, '--host', host, plugin, '--plugin', plugin],
  ]) {
    const { exitCode, stdout } = await runCli(['check', ...args, '-o', 'json']);
    t.is(exitCode, 0, args.join(' '));
    const { summary } = JSON.parse(stdout);
    t.is(summary.error + summary.warning, 0);
    t.is(summary.targets, 2);
  }
});

test('the configuration decides what a finding means for the exit code', async (t) => {
  t.timeout(600_000);
  const lab = await brokenPair();
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const pair = ['--host', lab.path['go/host'], '--plugin', lab.path['go/plugin@1.25'], '-o', 'json'];
  const cases: readonly (readonly [yaml: string, args: readonly string[], exitCode: number])[] = [
    ['', [], 1],
    ['rules:\n  plugin/go-version-match: { enforce: warn }\n  plugin/package-hash-match: { enforce: warn }\n', [], 0],
    [
      'rules:\n  plugin/go-version-match: { enforce: warn }\n  plugin/package-hash-match: { enforce: warn }\n',
      ['--fail-on', 'warning'],
      1,
    ],
    ['rules:\n  plugin/go-version-match: { enforce: off }\n  plugin/package-hash-match: { enforce: off }\n', [], 0],
    ['ruleSet: none\n', ['--fail-on', 'warning'], 0],
    ['', ['--fail-on', 'never'], 0],
  ];
  for (const [yaml, args, expected] of cases) {
    const cwd = emptyDirectory();
    writeFileSync(join(cwd, 'elfgate.yaml'), `apiVersion: elfgate.dev/v1\nkind: Config\n${yaml}`);
    mkdirSync(join(cwd, 'below'));
    const { exitCode, stdout, stderr } = await runCli(['check', ...pair, ...args], { cwd: join(cwd, 'below') });
    t.is(exitCode, expected, `${yaml}${args.join(' ')}${stderr}`);
    t.notThrows(() => JSON.parse(stdout));
  }
});

test('an exception covers its finding until it expires, and says who answers for it', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['c/runpath-world-writable']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const library = lab.path['c/runpath-world-writable'];
  const withExpiry = async (expires: string) => {
    const cwd = emptyDirectory();
    writeFileSync(
      join(cwd, 'elfgate.yaml'),
      `apiVersion: elfgate.dev/v1\nkind: Config\nexceptions:\n  - { rule: linkage/search-path, target: "**", reason: known, owner: platform, expires: ${expires} }\n`,
    );
    return runCli(['check', library, '-o', 'json'], { cwd });
  };
  const covered = await withExpiry('2999-12-31');
  t.is(covered.exitCode, 0, covered.stderr);
  const finding = JSON.parse(covered.stdout).findings.find(
    ({ rule }: { rule: string }) => rule === 'linkage/search-path',
  );
  t.like(finding.exception, { reason: 'known', owner: 'platform', expires: '2999-12-31' });
  t.is((await withExpiry('2020-01-01')).exitCode, 1);
});

const broken: readonly (readonly [title: string, yaml: string, expected: RegExp])[] = [
  ['YAML that does not parse', 'rules: [', /elfgate\.yaml:\d+:\d+: /],
  ['an unknown key', 'apiVersion: elfgate.dev/v1\nkind: Config\nrulez: {}\n', /elfgate\.yaml:3:1: .*rulez/],
  [
    'an unknown rule',
    'apiVersion: elfgate.dev/v1\nkind: Config\nrules:\n  libc/static-ns: { enforce: warn }\n',
    /elfgate\.yaml:4:3: .*libc\/static-ns/,
  ],
  [
    'a parameter of the wrong type',
    'apiVersion: elfgate.dev/v1\nkind: Config\nrules:\n  visibility/hidden-by-default: { params: { allow: 3 } }\n',
    /elfgate\.yaml:4:\d+: /,
  ],
];

for (const [title, yaml, expected] of broken) {
  test(`${title} in the configuration: its line, exit 2, nothing on standard output`, async (t) => {
    const cwd = emptyDirectory();
    writeFileSync(join(cwd, 'elfgate.yaml'), yaml);
    const { exitCode, stdout, stderr } = await runCli(['check', process.execPath, '-o', 'json'], { cwd });
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, /^cannot decide\[configuration\]: /);
    t.regex(stderr, expected);
  });
}

test('Rego that does not compile is shown with its line and a caret', async (t) => {
  t.timeout(300_000);
  const directory = emptyDirectory();
  mkdirSync(join(directory, 'own', 'broken'), { recursive: true });
  writeFileSync(
    join(directory, 'own', 'broken', 'broken.rego'),
    'package elfgate.rules.own.broken\n\nfindings contains x if x := lower_case("A")\n',
  );
  const { exitCode, stdout, stderr } = await runCli(['check', '--policy', directory, process.execPath, '-o', 'json']);
  t.is(exitCode, 2);
  t.is(stdout, '');
  t.regex(stderr, /broken\.rego:3:\d+: undefined function lower_case\n {2}3 \| .*\n {4}\| +\^/);
});

test('own rules judge next to the built-in ones', async (t) => {
  t.timeout(300_000);
  const directory = emptyDirectory();
  mkdirSync(join(directory, 'own', 'size'), { recursive: true });
  writeFileSync(
    join(directory, 'own', 'size', 'size.rego'),
    [
      '# METADATA',
      '# title: binaries are small',
      '# description: Detects binaries above a size. They take long to pull. Strip them.',
      '# custom:',
      '#   severity: warning',
      '#   facts: [size]',
      '#   sets: [recommended]',
      'package elfgate.rules.own.size',
      '',
      'findings contains finding if {',
      '\tsome candidate in input.binaries',
      '\tcandidate.size > 10',
      '\tfinding := {"path": candidate.path, "message": "is too large", "evidence": [], "help": null}',
      '}',
      '',
    ].join('\n'),
  );
  const { exitCode, stdout, stderr } = await runCli(['check', '--policy', directory, process.execPath, '-o', 'json']);
  t.is(exitCode, 0, stderr);
  const { findings } = JSON.parse(stdout);
  t.true(findings.some(({ rule }: { rule: string }) => rule === 'own/size'));
  t.true(findings.some(({ rule }: { rule: string }) => rule.startsWith('linkage/')));
});

for (const args of [
  ['check', '--nope', process.execPath],
  ['check'],
  ['inspect'],
  ['inspekt', process.execPath],
  ['inspect', process.execPath, '-o', 'xml'],
  ['check', process.execPath, '--fail-on', 'sometimes'],
  ['explain', 'plugin/no-such-rule'],
  ['schema', 'nothing'],
  ['check', '--host', process.execPath, '--plugin', process.execPath],
  ['check', process.execPath, '-c', 'no-such-file.yaml'],
]) {
  test(`elfgate ${args.map((arg) => (arg === process.execPath ? 'FILE' : arg)).join(' ')}: wrong usage is exit 2`, async (t) => {
    const { exitCode, stdout, stderr } = await runCli(args);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, /^cannot decide\[/);
  });
}

test('help, version, rules, explanations and schemas come with exit 0', async (t) => {
  for (const [args, expected] of [
    [['--help'], /inspect.*\n[\s\S]*check/],
    [['check', '--help'], /--fail-on <severity>/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['policy', 'list'], /plugin\/go-version-match +error +deny/],
    [['explain', 'libc/static-nss'], /statically linked glibc/],
    [['policy', 'explain', 'libc/static-nss', '-o', 'json'], /"id": "libc\/static-nss"/],
    [['schema', 'facts'], /"\$id": "https:\/\/elfgate\.dev\/schema\/facts\/v1\.json"/],
    [['schema', 'config'], /visibility\/hidden-by-default/],
  ] as const) {
    const { exitCode, stdout, stderr } = await runCli(args);
    t.is(exitCode, 0, `${args.join(' ')}: ${stderr}`);
    t.regex(stdout, expected, args.join(' '));
  }
});

test('colour follows the option first, then NO_COLOR and FORCE_COLOR', async (t) => {
  const coloured = async (args: readonly string[], env: Readonly<Record<string, string>>) =>
    (await runCli(['policy', 'list', ...args], { env })).stdout.includes('\x1b[');
  t.false(await coloured([], {}));
  t.true(await coloured([], { FORCE_COLOR: '1' }));
  t.false(await coloured([], { FORCE_COLOR: '1', NO_COLOR: '1' }));
  t.true(await coloured(['--color', 'always'], { NO_COLOR: '1' }));
  t.false(await coloured(['--color', 'never'], { FORCE_COLOR: '1' }));
});
