import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { artifacts } from '../lab/lab.ts';
import { runProgram } from '../lab/process.ts';
import { crane, type RunningRegistry, startReferrersRegistry } from '../lab/registry-server.ts';
import { checkoutPolicies } from '../policies/judge-case.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

const lab = await artifacts([
  'image/gateway',
  'image/audit',
  'image/audit-1.25',
  'root/scratch',
  'registry/referrers',
  'registry/crane',
]);
let registry: RunningRegistry | null = null;

test.before(async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  // Once for all runs of the program, instead of by each of them at the same time.
  await checkoutPolicies();
  if (lab.available) {
    registry = await startReferrersRegistry(lab.path['registry/referrers']);
    for (const [image, directory] of [
      ['gateway:1', lab.path['image/gateway']],
      ['audit:good', lab.path['image/audit']],
      ['audit:bad', lab.path['image/audit-1.25']],
    ] as const) {
      await crane(lab.path['registry/crane'], ['push', '--insecure', directory, `${registry.host}/shop/${image}`]);
    }
    const layer = join(emptyDirectory(), 'layer.tar');
    await runProgram('/usr/bin/tar', ['cf', layer, '-C', lab.path['root/scratch'], 'hello']);
    const image = `${registry.host}/shop/static:1`;
    await crane(lab.path['registry/crane'], ['append', '--insecure', '--oci-empty-base', '-f', layer, '-t', image]);
  }
});

test.after.always(() => registry?.stop());

function container(image: string, mounts: boolean): object {
  return {
    name: 'gateway',
    image: `${registry?.host}/shop/${image}`,
    volumeMounts: mounts ? [{ name: 'plugins', mountPath: '/plugins' }] : [],
    securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: 'RuntimeDefault' } },
  };
}

function podSpec(plugin: string | null): object {
  const volume = { name: 'plugins', image: { reference: `${registry?.host}/shop/${plugin}` } };
  return { containers: [container('gateway:1', plugin !== null)], volumes: plugin === null ? [] : [volume] };
}

function deployment(name: string, plugin: string | null): object {
  const metadata = { name, namespace: 'shop' };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template: { spec: podSpec(plugin) } } };
}

/** Writes objects as YAML documents, of which JSON is a part. */
function manifest(...objects: readonly object[]): string {
  const file = join(emptyDirectory(), 'shop.yaml');
  writeFileSync(file, objects.map((object) => `---\n${JSON.stringify(object, null, 2)}\n`).join(''));
  return file;
}

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly subject: { readonly target: string; readonly path: string; readonly layer: number | null };
}

async function check(file: string) {
  const run = await runCli(['check', `manifest:${file}`, '-o', 'json']);
  const report = run.stdout === '' ? null : JSON.parse(run.stdout);
  const errors = ((report?.findings ?? []) as readonly Finding[]).filter(({ severity }) => severity === 'error');
  return { ...run, report, errors };
}

test('a plugin in an image volume is judged against the host of the container that mounts it', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const bad = await check(manifest(deployment('gateway', 'audit:bad')));
  t.is(bad.exitCode, 1, bad.stderr);
  t.deepEqual(
    bad.errors.filter(({ rule }) => rule.startsWith('plugin/')).map(({ rule, subject }) => [rule, subject]),
    ['plugin/go-version-match', 'plugin/package-hash-match'].map((rule) => [
      rule,
      { target: `${registry?.host}/shop/audit:bad`, path: 'audit.so', layer: 0 },
    ]),
  );
  const good = await check(manifest(deployment('gateway', 'audit:good')));
  t.deepEqual(good.errors, []);
  t.is(good.exitCode, 0, good.stderr);
});

test('an image that several pods share is judged against the host of each, and reported once', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [deployment('one', 'audit:bad'), deployment('two', 'audit:bad'), deployment('three', null)],
  };
  const { report, exitCode, stderr } = await check(manifest(list));
  t.is(exitCode, 1, stderr);
  // Three objects and two images.
  t.is(report.summary.targets, 5);
  t.is(report.summary.binaries, 4);
  const rules = (report.findings as readonly Finding[]).map(({ rule, subject }) => `${rule} ${subject.path}`);
  t.is(rules.filter((each) => each === 'plugin/go-version-match audit.so').length, 1);
});

test('what a container sets comes before what its image says', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const image = `${registry?.host}/shop/static:1`;
  const containers = [
    { name: 'traced', image, command: ['/hello'], env: [{ name: 'LD_PRELOAD', value: '/lib/libtrace.so' }] },
    { name: 'plain', image, command: ['/hello'] },
  ];
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'traced' }, spec: { containers } };
  const { report, stderr } = await check(manifest(pod));
  t.deepEqual(
    ((report?.findings ?? []) as readonly Finding[])
      .filter(({ rule }) => rule === 'tracing/preload-on-static')
      .map(({ severity, subject }) => [severity, subject]),
    [['warning', { target: image, path: 'hello', layer: 0 }]],
    stderr,
  );
});

test('inspect states the facts of the objects, and of the images of their pods', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const file = manifest({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'gateway' }, spec: podSpec('audit:good') });
  const { stdout, exitCode } = await runCli(['inspect', `manifest:${file}`, '-o', 'json']);
  t.is(exitCode, 0);
  const { targets } = JSON.parse(stdout);
  t.deepEqual(
    targets.map(({ subject }: { subject: { kind: string; name: string } }) => [subject.kind, subject.name]),
    [
      ['workload', `${file}: Pod gateway`],
      ['image', `${registry?.host}/shop/gateway:1`],
      ['image', `${registry?.host}/shop/audit:good`],
    ],
  );
  t.is(targets[0].workload.pods[0].containers[0].hosts, 1);
  t.is(targets[0].workload.pods[0].containers[0].mounts[0].plugins, 1);
  t.is(targets[2].predictions.plugins[0].host.path, 'usr/bin/gateway');
});

const wrong: readonly (readonly [title: string, content: string | null, expected: RegExp])[] = [
  ['a missing file', null, /cannot decide\[unreadable\]: .*shop\.yaml: the manifest cannot be read/],
  ['text that is no YAML', 'a: [', /cannot decide\[malformed\]: .*shop\.yaml: is no YAML: /],
  ['YAML that is no object', '- 1\n- 2\n', /cannot decide\[unsupported-format\]: .*holds no object of Kubernetes/],
  ['an empty file', '', /cannot decide\[unsupported-format\]: .*holds no object of Kubernetes/],
  [
    'a reference that is none',
    'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c, image: "bad ref !!" }] }\n',
    /cannot decide\[usage\]: .*shop\.yaml: Pod p: .*bad ref !!/,
  ],
];

for (const [title, content, expected] of wrong) {
  test(`${title} is an error and no pass`, async (t) => {
    const file = join(emptyDirectory(), 'shop.yaml');
    if (content !== null) {
      writeFileSync(file, content);
    }
    const { exitCode, stdout, stderr } = await runCli(['check', `manifest:${file}`, '-o', 'json']);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, expected);
  });
}

test('an image that is not there is an error that names it', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const { exitCode, stdout, stderr } = await check(manifest(deployment('gateway', 'audit:nothing')));
  t.is(exitCode, 2);
  t.is(stdout, '');
  t.regex(stderr, /cannot decide\[not-found\]: .*shop\/audit: there is no tag nothing/);
});

test('a manifest has no role of its own', async (t) => {
  const { exitCode, stderr } = await runCli(['check', '--host', 'manifest:shop.yaml']);
  t.is(exitCode, 2);
  t.regex(stderr, /cannot decide\[usage\]: manifest:shop\.yaml cannot be a host/);
});
