import test, { type ExecutionContext } from 'ava';
import { type ArtifactName, artifacts } from '../lab/lab.ts';
import { openAll } from '../lab/run.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly subject: { readonly target: string; readonly path: string; readonly layer: number | null };
  readonly message: string;
  readonly evidence: readonly { readonly target?: string; readonly path?: string }[];
}

/** Checks images of the lab; null where this machine cannot make them. */
async function check(t: ExecutionContext, targets: readonly (ArtifactName | `--${string}`)[]) {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const names = targets.filter((each): each is ArtifactName => !each.startsWith('--'));
  const lab = await artifacts(names);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return null;
  }
  const args = targets.map((each) => (each.startsWith('--') ? each : `oci:${lab.path[each as ArtifactName]}`));
  const { exitCode, stdout, stderr } = await runCli(['check', ...args, '-o', 'json']);
  t.true(exitCode === 0 || exitCode === 1, stderr);
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  const decided = findings.filter(({ severity }) => severity !== 'info');
  return { exitCode, decided, place: (name: ArtifactName) => `oci:${lab.path[name]}` };
}

test('a plugin of one image is judged against the host of another one, and by no root of its own', async (t) => {
  for (const roles of [true, false]) {
    const sets = roles
      ? (['--host', 'image/gateway', '--plugin', 'image/audit-1.25'] as const)
      : (['image/gateway', 'image/audit-1.25'] as const);
    const bad = await check(t, sets);
    if (bad === null) {
      return t.pass();
    }
    t.is(bad.exitCode, 1);
    const subject = { target: bad.place('image/audit-1.25'), path: 'audit.so', layer: 0 };
    const errors = bad.decided.filter(({ severity }) => severity === 'error');
    t.deepEqual(
      errors.map((finding) => [finding.rule, finding.subject]),
      [
        ['plugin/go-version-match', subject],
        ['plugin/package-hash-match', subject],
      ],
    );
    t.deepEqual(
      errors[0]?.evidence.map(({ target, path }) => [target ?? subject.target, path]),
      [
        [subject.target, 'audit.so'],
        [bad.place('image/gateway'), 'usr/bin/gateway'],
      ],
    );
  }
  const good = await check(t, ['--host', 'image/gateway', '--plugin', 'image/audit']);
  t.deepEqual(good?.decided, []);
  t.is(good?.exitCode, 0);
});

test('a plugin of one image that was linked with another C library than the host of the other one is told', async (t) => {
  const mixed = await check(t, ['--host', 'image/gateway', '--plugin', 'image/audit-musl']);
  if (mixed === null) {
    return t.pass();
  }
  const [plugin, host] = [mixed.place('image/audit-musl'), mixed.place('image/gateway')];
  const found = mixed.decided.filter(({ rule }) => rule === 'libc/mixed');
  t.deepEqual(
    found.map(({ severity, subject, evidence }) => [
      severity,
      ...[subject, ...evidence].map(({ target, path }) => [target, path]),
    ]),
    [['error', [plugin, 'audit.so'], [undefined, undefined], [host, 'usr/bin/gateway']]],
  );
});

test('plugin.Open is followed inside an image as it is in a directory, and again when its facts are stored', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['root/market', 'image/market', 'image/market-library-path', 'image/market-preload']);
  if (!lab.available) {
    return t.pass(`not run: ${lab.reason}`);
  }
  const predictionsOf = async (target: string) => {
    const { stdout, stderr } = await runCli(['inspect', target, '-o', 'json']);
    const { predictions } = JSON.parse(stdout || '{}');
    t.truthy(predictions, stderr);
    const text = JSON.stringify({ plugins: predictions.plugins, sequences: predictions.sequences });
    return JSON.parse(text.replaceAll(JSON.stringify(target), '"TARGET"'));
  };
  const outcomes = ({ plugins }: { plugins: { plugin: string; prediction: { outcome: string } | null }[] }) =>
    plugins.map(({ plugin, prediction }) => [plugin, prediction?.outcome]);
  const inDirectory = await predictionsOf(lab.path['root/market']);
  const inImage = await predictionsOf(`oci:${lab.path['image/market']}`);
  t.deepEqual(inImage, inDirectory);
  t.true(inImage.sequences.length > 0);
  t.deepEqual(await predictionsOf(`oci:${lab.path['image/market']}`), inImage, 'from the store');
  t.deepEqual(outcomes(inImage), [
    ['plugins/auditor.so', 'loads'],
    ['plugins/billing.so', 'loads'],
    ['plugins/needy.so', 'fails'],
  ]);
  for (const name of ['image/market-library-path', 'image/market-preload'] as const) {
    t.deepEqual(
      outcomes(await predictionsOf(`oci:${lab.path[name]}`)),
      outcomes(inImage).map(([plugin]) => [plugin, 'loads']),
      name,
    );
  }
  const { stdout } = await runCli(['check', `oci:${lab.path['image/market']}`, '-o', 'json']);
  const findings = (JSON.parse(stdout).findings as readonly Finding[]).filter(
    ({ rule }) => rule === 'plugin/load-order',
  );
  t.deepEqual(
    findings.map(({ subject }) => subject.path),
    ['plugins/auditor.so', 'plugins/billing.so'],
    'whichever of the two is opened later',
  );
});

test('plugin.Open is followed from the host of one image into the plugins of another, and again when facts are stored', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['go/host', 'root/deliveries', 'image/gateway', 'image/deliveries']);
  if (!lab.available) {
    return t.pass(`not run: ${lab.reason}`);
  }
  const { path } = lab;
  const images = [`oci:${path['image/gateway']}`, `oci:${path['image/deliveries']}`];
  const cache = emptyDirectory();
  const openingsOf = async (targets: readonly string[]) => {
    const { stdout, stderr } = await runCli(['inspect', ...targets, '-o', 'json'], { env: { XDG_CACHE_HOME: cache } });
    t.is(stderr, '');
    const { targets: documents, ...only } = JSON.parse(stdout);
    const { predictions } = (documents ?? [only]).at(-1);
    // Where a plugin is mounted nobody says: loaders name it by its image.
    const text = JSON.stringify({ plugins: predictions.plugins, sequences: predictions.sequences });
    return JSON.parse(targets.reduce((all, name) => all.replaceAll(`${name}/`, '/').replaceAll(name, 'TARGET'), text));
  };
  const together = await openingsOf([path['root/deliveries']]);
  const apart = await openingsOf(images);
  t.deepEqual(apart, together);
  t.deepEqual(await openingsOf(images), apart, 'from the store');
  const outcomes = apart.plugins.map(
    ({ plugin, prediction }: { plugin: string; prediction: { outcome: string; reason: string } }) => [
      plugin,
      prediction.outcome,
      prediction.reason,
    ],
  );
  t.deepEqual(outcomes, [
    ['plugins/audit.so', 'loads', 'compatible'],
    ['plugins/hash.so', 'fails', 'package-hash-mismatch'],
    ['plugins/library.so', 'fails', 'library-not-found'],
    ['plugins/musl.so', 'fails', 'library-not-found'],
    ['plugins/path.so', 'fails', 'plugin-path-mismatch'],
    ['plugins/symbol.so', 'fails', 'undefined-symbol'],
    ['plugins/toolchain.so', 'crashes', 'module-data-size'],
  ]);
  for (const [plugin, outcome] of outcomes) {
    const { openings, ending } = await openAll(path['go/host'], [`${path['root/deliveries']}/${plugin}`]);
    t.is(ending === 'crashes' ? 'crashes' : openings[0]?.outcome, outcome, plugin);
  }
});

test('a plugin of one image that the host of another cannot open is an error, and says why', async (t) => {
  const found = await check(t, ['--host', 'image/gateway', '--plugin', 'image/deliveries']);
  if (found === null) {
    return t.pass();
  }
  t.is(found.exitCode, 1);
  const prefix = found.place('image/deliveries');
  t.deepEqual(
    found.decided
      .filter(({ rule }) => rule === 'plugin/loads')
      .map(({ severity, subject, message }) => [severity, subject.path, message.replace(prefix, '')]),
    [
      [
        'error',
        'plugins/library.so',
        'plugin.Open fails: libabsent.so: cannot open shared object file: No such file or directory',
      ],
      [
        'error',
        'plugins/musl.so',
        'plugin.Open fails: libc.so: cannot open shared object file: No such file or directory',
      ],
      ['error', 'plugins/path.so', 'plugin.Open fails (plugin-path-mismatch)'],
      ['error', 'plugins/symbol.so', 'plugin.Open fails: /plugins/symbol.so: undefined symbol: defined_nowhere'],
    ],
  );
});

test('plugins of several images are opened in the order in which the images are named', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['go/host', 'go/plugin-auditor', 'go/plugin-billing-other-ledger']);
  const found = await check(t, ['--host', 'image/gateway', '--plugin', 'image/billing', '--plugin', 'image/auditor']);
  if (found === null || !lab.available) {
    return t.pass();
  }
  t.deepEqual(
    found.decided
      .filter(({ rule }) => rule === 'plugin/load-order')
      .map(({ severity, subject, evidence }) => [severity, subject.target, evidence[0]?.target]),
    [['error', found.place('image/auditor'), found.place('image/billing')]],
  );
  const { path } = lab;
  const plugins = [path['go/plugin-billing-other-ledger'], path['go/plugin-auditor']];
  const { openings } = await openAll(path['go/host'], plugins);
  t.deepEqual(
    openings.map(({ outcome }) => outcome),
    ['loads', 'fails'],
  );
});

test('libraries are looked for where the image tells its processes to', async (t) => {
  const found = await check(t, ['image/library-path']);
  t.deepEqual(found?.decided ?? [], []);
  const missing = await check(t, ['image/library-elsewhere']);
  t.deepEqual(
    (missing?.decided ?? []).map(({ rule, severity, subject }) => [rule, severity, subject.path]),
    missing === null ? [] : [['linkage/needed-resolves', 'error', 'usr/bin/calls-provider']],
  );
});
