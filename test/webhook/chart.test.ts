import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadAll } from 'js-yaml';
import { artifact } from '../lab/lab.ts';
import { runProgram } from '../lab/process.ts';

const chart = join(import.meta.dirname, '..', '..', 'webhook', 'chart');

interface Rendered {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly objects: readonly Readonly<Record<string, unknown>>[];
}

/** What helm makes of the chart; null when it cannot be built here, which is said. */
async function rendered(t: ExecutionContext, values: Readonly<Record<string, unknown>> = {}): Promise<Rendered | null> {
  t.timeout(900_000, 'helm is built on the first run');
  const helm = await artifact('cluster/helm');
  if (!helm.available) {
    t.log(`not run: ${helm.reason}`);
    t.pass();
    return null;
  }
  const run = await runProgram(
    helm.path,
    [
      ...['template', 'elfgate', chart, '--namespace', 'elfgate-system', '--kube-version', '1.36.3'],
      ...Object.entries(values).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]),
    ],
    { environment: { HOME: '/nonexistent' }, timeout: 60_000 },
  );
  const documents: unknown[] = run.exitCode === 0 ? loadAll(run.stdout) : [];
  const objects = documents.filter((one) => one !== null);
  return { ...run, objects: objects as unknown as Rendered['objects'] };
}

const kindsOf = ({ objects }: Rendered): readonly string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${(metadata as { name: string }).name}`).sort();

test('the plain manifests are what the chart makes by default', async (t) => {
  const chartNow = await rendered(t);
  if (chartNow !== null) {
    t.is(chartNow.stderr, '');
    t.is(
      readFileSync(join(chart, 'manifests', 'elfgate.yaml'), 'utf8'),
      chartNow.stdout,
      'helm template elfgate webhook/chart -n elfgate-system --kube-version 1.36.3 > webhook/chart/manifests/elfgate.yaml',
    );
  }
});

test('by default there is what an admission webhook needs, and nothing that asks for more rights', async (t) => {
  const chartNow = await rendered(t);
  if (chartNow === null) {
    return;
  }
  t.deepEqual(kindsOf(chartNow), [
    'ClusterRole elfgate',
    'ClusterRole elfgate-audit',
    'ClusterRoleBinding elfgate',
    'ClusterRoleBinding elfgate-audit',
    'ConfigMap elfgate',
    'CronJob elfgate-audit',
    'Deployment elfgate',
    'MutatingWebhookConfiguration elfgate',
    'NetworkPolicy elfgate',
    'PodDisruptionBudget elfgate',
    'Role elfgate-certificate',
    'RoleBinding elfgate-certificate',
    'Service elfgate',
    'ServiceAccount elfgate',
    'ServiceAccount elfgate-audit',
    'ValidatingWebhookConfiguration elfgate',
  ]);
  const deployment = chartNow.objects.find(({ kind }) => kind === 'Deployment') as {
    spec: { replicas: number; template: { spec: Readonly<Record<string, unknown>> } };
  };
  t.is(deployment.spec.replicas, 2);
  t.like(deployment.spec.template.spec, {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  });
  t.notRegex(chartNow.stdout, /'\*'|"\*"|hostNetwork|privileged: true|hostPath/);
});

test('cert-manager, node profiles, monitoring and client certificates are switched on by values', async (t) => {
  const chartNow = await rendered(t, {
    'certificates.mode': 'certManager',
    'serviceMonitor.enabled': true,
    'dashboard.enabled': true,
    'nodeProfiles.enabled': true,
    'webhook.clientCaSecret': 'api-server-client-ca',
    'tracing.endpoint': 'http://collector:4318/v1/traces',
    'audit.enabled': false,
  });
  if (chartNow === null) {
    return;
  }
  t.is(chartNow.exitCode, 0, chartNow.stderr);
  const kinds = kindsOf(chartNow);
  for (const kind of [
    'Certificate elfgate',
    'Issuer elfgate',
    'ServiceMonitor elfgate',
    'ConfigMap elfgate-dashboard',
    'DaemonSet elfgate-node-profile',
  ]) {
    t.true(kinds.includes(kind), kind);
  }
  t.false(kinds.includes('CronJob elfgate-audit'));
  t.regex(chartNow.stdout, /cert-manager\.io\/inject-ca-from: elfgate-system\/elfgate/);
  t.notRegex(chartNow.stdout, /--self-signed/);
  const dashboard = chartNow.objects.find(
    ({ metadata }) => (metadata as { name: string }).name === 'elfgate-dashboard',
  );
  t.regex(JSON.stringify(dashboard?.data), /elfgate_reviews_total/);
});

for (const [what, values] of [
  ['no replica', { replicas: 0 }],
  ['a value that there is not', { replica: 2 }],
  ['a timeout above the most that Kubernetes knows', { 'webhook.timeoutSeconds': 31 }],
  ['a mode of certificates that there is not', { 'certificates.mode': 'magic' }],
  ['a certificate of somebody else without its authority', { 'certificates.mode': 'existing' }],
  ['a digest that is none', { 'image.digest': 'latest' }],
] as const) {
  test(`values with ${what} are refused`, async (t) => {
    const chartNow = await rendered(t, values);
    if (chartNow !== null) {
      t.not(chartNow.exitCode, 0);
      t.regex(chartNow.stderr, /values don't meet the specifications/);
    }
  });
}

test('panels of the dashboard ask for figures that there are', async (t) => {
  const { panels } = JSON.parse(readFileSync(join(chart, 'dashboards', 'elfgate.json'), 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  const source = readFileSync(join(chart, '..', 'metrics.ts'), 'utf8');
  for (const { expr } of panels.flatMap(({ targets }) => targets)) {
    for (const [, name = ''] of expr.matchAll(/\b((?:elfgate|process)_\w+?)(?:_bucket)?\b(?=[{[)]|$)/g)) {
      t.true(source.includes(`'${name}'`), name);
    }
  }
});
