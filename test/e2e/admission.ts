/**
 * The webhook in front of a real API server, with real images in a real registry: `npm run test:e2e`.
 *
 * Programs of the cluster are built once from their Go modules and kept in the lab's cache: the first run takes some
 * minutes for that.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node';
import { type Cluster, startCluster } from '../lab/cluster.ts';
import { startGatekeeper } from '../lab/gatekeeper.ts';
import { artifacts } from '../lab/lab.ts';
import { runProgram } from '../lab/process.ts';
import { pushImage } from '../lab/pushed-images.ts';
import {
  certificates,
  type RunningRegistry,
  startReferrersRegistry,
  startSecuredDistribution,
} from '../lab/registry-server.ts';
import { runElfgate, type ServedWebhook, serveWebhook } from '../lab/served-webhook.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-e2e-'));
const configurationFile = join(directory, 'elfgate.yaml');
const certificateFile = join(directory, 'tls.crt');
const keyFile = join(directory, 'tls.key');

let cluster: Cluster;
let registry: RunningRegistry;
let webhook: ServedWebhook;
let ca: string;
let image: Readonly<Record<'gateway' | 'good' | 'bad' | 'old' | 'complete' | 'incomplete' | 'tools', string>>;
let digest: Readonly<Record<string, string>>;
let api: CoreV1Api;

const configuration = (further: object = {}): object => ({
  apiVersion: 'elfgate.dev/v1',
  kind: 'Config',
  registries: [{ host: registry.host, plainHttp: true }],
  admission: {
    namespaces: [
      { match: ['open-*'], failure: 'open' },
      {
        match: ['warn-*'],
        rules: {
          'plugin/go-version-match': { enforce: 'warn' },
          'plugin/package-hash-match': { enforce: 'warn' },
          'plugin/build-settings-match': { enforce: 'warn' },
        },
      },
      {
        match: ['quiet-*'],
        rules: {
          'plugin/go-version-match': { enforce: 'dry-run' },
          'plugin/package-hash-match': { enforce: 'dry-run' },
          'plugin/build-settings-match': { enforce: 'dry-run' },
        },
      },
    ],
    workloads: [{ kind: 'Rollout.argoproj.io', templates: ['spec.template'] }],
    ...further,
  },
});

/** Replaces a file at once, as a mounted ConfigMap is. */
function put(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

before(
  async () => {
    const lab = await artifacts([
      'cluster/etcd',
      'cluster/kube-apiserver',
      'cluster/kubectl',
      'registry/referrers',
      'go/host',
      'go/plugin',
      'go/plugin@1.25',
      'go/plugin-library-beside',
      'c/absent',
    ]);
    assert.ok(lab.available, lab.available ? '' : lab.reason);
    const { path } = lab;
    [cluster, registry] = await Promise.all([
      startCluster({
        etcd: path['cluster/etcd'],
        apiServer: path['cluster/kube-apiserver'],
        kubectl: path['cluster/kubectl'],
      }),
      startReferrersRegistry(path['registry/referrers']),
    ]);
    const root = {
      'lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
      'lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
    };
    const { host } = registry;
    digest = {
      gateway: await pushImage(host, 'shop/gateway', '1', { 'usr/bin/gateway': path['go/host'], ...root }),
      good: await pushImage(host, 'shop/audit', 'good', { 'audit.so': path['go/plugin'] }),
      bad: await pushImage(host, 'shop/audit', 'bad', { 'audit.so': path['go/plugin@1.25'] }),
      old: await pushImage(host, 'shop/old', '1', { 'audit.so': path['go/plugin@1.25'], README: Buffer.from('old') }),
      complete: await pushImage(host, 'shop/library', 'complete', {
        'plugins/library.so': path['go/plugin-library-beside'],
        'plugins/lib/libabsent.so': path['c/absent'],
      }),
      incomplete: await pushImage(host, 'shop/library', 'incomplete', {
        'plugins/library.so': path['go/plugin-library-beside'],
        'lib/libabsent.so': path['c/absent'],
      }),
      tools: await pushImage(host, 'shop/tools', '1', { README: Buffer.from('no binary') }),
    };
    image = {
      gateway: `${host}/shop/gateway:1`,
      good: `${host}/shop/audit:good`,
      bad: `${host}/shop/audit:bad`,
      old: `${host}/shop/old:1`,
      complete: `${host}/shop/library:complete`,
      incomplete: `${host}/shop/library:incomplete`,
      tools: `${host}/shop/tools:1`,
    };
    const tls = await certificates();
    ca = tls.ca;
    put(certificateFile, tls.certificate);
    put(keyFile, tls.key);
    put(configurationFile, JSON.stringify(configuration()));
    webhook = await serve();
    for (const namespace of ['shop', 'open-lab', 'warn-lab', 'quiet-lab', 'elfgate-system']) {
      await cluster.kubectl(['create', 'namespace', namespace]);
    }
    await applied(customResources);
    await configureWebhooks(webhook.port);
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    api = config.makeApiClient(CoreV1Api);
  },
  { timeout: 1_800_000 },
);

after(async () => {
  await webhook?.stop();
  await registry?.stop();
  await cluster?.stop();
});

function serve(args: readonly string[] = []): Promise<ServedWebhook> {
  return serveWebhook(['--config', configurationFile, '--tls-cert', certificateFile, '--tls-key', keyFile, ...args], {
    cwd: directory,
  });
}

function customResource(group: string, version: string, kind: string, plural: string): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      group,
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
}

const customResources = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    customResource('argoproj.io', 'v1alpha1', 'Rollout', 'rollouts'),
    customResource('networking.istio.io', 'v1', 'VirtualService', 'virtualservices'),
    customResource('helm.toolkit.fluxcd.io', 'v2', 'HelmRelease', 'helmreleases'),
  ],
};

/** Registers the webhooks, and waits until the API server asks them. */
async function configureWebhooks(
  port: number,
  further: { readonly failurePolicy?: 'Fail' | 'Ignore'; readonly timeoutSeconds?: number } = {},
): Promise<void> {
  const webhookOf = (path: string, failurePolicy: string, name: string) => ({
    name,
    clientConfig: { url: `https://127.0.0.1:${port}${path}`, caBundle: Buffer.from(ca).toString('base64') },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy,
    timeoutSeconds: further.timeoutSeconds ?? 10,
    matchPolicy: 'Equivalent',
    matchConditions: [{ name: 'no-leases', expression: "request.resource.group != 'coordination.k8s.io'" }],
    rules: [
      {
        apiGroups: ['', 'apps', 'batch', 'argoproj.io', 'networking.istio.io', 'helm.toolkit.fluxcd.io'],
        apiVersions: ['*'],
        operations: ['CREATE', 'UPDATE'],
        resources: [
          ...['pods', 'pods/ephemeralcontainers', 'replicationcontrollers', 'podtemplates', 'deployments'],
          ...['replicasets', 'daemonsets', 'statefulsets', 'jobs', 'cronjobs', 'rollouts'],
          ...['virtualservices', 'helmreleases'],
        ],
      },
    ],
  });
  await applied({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'elfgate' },
        webhooks: [webhookOf('/validate', further.failurePolicy ?? 'Fail', 'validate.elfgate.dev')],
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'elfgate' },
        webhooks: [{ ...webhookOf('/mutate', 'Ignore', 'mutate.elfgate.dev'), reinvocationPolicy: 'IfNeeded' }],
      },
    ],
  });
  // The API server learns of it by a watch.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
}

async function applied(manifest: object): Promise<void> {
  const { exitCode, stderr } = await cluster.kubectl(['apply'], manifest);
  assert.equal(exitCode, 0, stderr);
}

let count = 0;

interface PodParts {
  readonly host?: string;
  readonly plugin?: string | null;
  readonly namespace?: string;
  readonly spec?: object;
  readonly name?: string;
}

function pod({ host = image.gateway, plugin = null, namespace = 'shop', spec = {}, name }: PodParts = {}): V1Pod & {
  readonly metadata: { readonly name: string };
} {
  count += 1;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: name ?? `gateway-${count}`, namespace },
    spec: {
      containers: [
        {
          name: 'gateway',
          image: host,
          securityContext: { allowPrivilegeEscalation: false },
          volumeMounts: plugin === null ? [] : [{ name: 'plugins', mountPath: '/plugins' }],
        },
      ],
      volumes: plugin === null ? [] : [{ name: 'plugins', image: { reference: plugin } }],
      ...spec,
    },
  };
}

async function admits(manifest: object, args: readonly string[] = []): Promise<{ stdout: string; stderr: string }> {
  const run = await cluster.kubectl(['create', ...args], manifest);
  assert.equal(run.exitCode, 0, run.stderr);
  return run;
}

/** Asks again until nothing is wrong any more: controllers take their time. */
async function eventually(whatIsWrong: () => Promise<string | null>): Promise<void> {
  const end = Date.now() + 60_000;
  for (let wrong = await whatIsWrong(); wrong !== null; wrong = await whatIsWrong()) {
    assert.ok(Date.now() < end, `it did not come to that within a minute: ${wrong}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Runs work while reviews come in, and gives what went wrong with them. */
async function underLoad(work: () => Promise<void>): Promise<readonly string[]> {
  const load = reviewsInTurn();
  try {
    await work();
  } finally {
    await load.stop();
  }
  return load.failures;
}

async function denies(manifest: object, message: RegExp, verb = 'create'): Promise<string> {
  const { exitCode, stderr } = await cluster.kubectl([verb], manifest);
  assert.equal(exitCode, 1, stderr);
  assert.match(stderr, message);
  return stderr;
}

async function stored(kind: string, name: string, namespace = 'shop'): Promise<{ spec: Record<string, never> }> {
  const { stdout } = await cluster.kubectl(['get', kind, name, '-n', namespace, '-o', 'json']);
  return JSON.parse(stdout);
}

const wrongPlugin = /plugin\/go-version-match/;

describe('pods', () => {
  test('a host alone is admitted', async () => {
    await admits(pod());
  });
  test('an image without any binary is admitted', async () => {
    await admits(pod({ host: image.tools }));
  });
  test('a plugin of an image volume that fits its host is admitted', async () => {
    await admits(pod({ plugin: image.good }));
  });
  test('a plugin of an image volume that would kill its host is denied, with the message that a person reads', async () => {
    const stderr = await denies(pod({ plugin: image.bad }), wrongPlugin);
    assert.match(stderr, /Error from server \(Forbidden\)/);
    assert.match(stderr, /elfgate denies Pod shop\/gateway-\d+: \d findings? den/);
    assert.match(stderr, /= fix: GOTOOLCHAIN=go1\.26/);
  });
  test('the same in a dry run of the server', async () => {
    const { exitCode, stderr } = await cluster.kubectl(['create', '--dry-run=server'], pod({ plugin: image.bad }));
    assert.equal(exitCode, 1);
    assert.match(stderr, wrongPlugin);
  });
  test('an init container that copies plugins into a shared directory is judged with the host', async () => {
    await denies(
      pod({
        spec: {
          initContainers: [{ name: 'fetch', image: image.old, volumeMounts: [{ name: 'shared', mountPath: '/out' }] }],
          containers: [
            { name: 'gateway', image: image.gateway, volumeMounts: [{ name: 'shared', mountPath: '/plugins' }] },
          ],
          volumes: [{ name: 'shared', emptyDir: {} }],
        },
      }),
      wrongPlugin,
    );
  });
  test('images of containers that share nothing do not meet', async () => {
    await admits(
      pod({
        spec: {
          containers: [
            { name: 'gateway', image: image.gateway },
            { name: 'other', image: image.old },
          ],
        },
      }),
    );
  });
  test('a plugin that fits one host and not the other is judged by the one that mounts it', async () => {
    await admits(
      pod({
        spec: {
          containers: [
            { name: 'gateway', image: image.gateway, volumeMounts: [{ name: 'good', mountPath: '/plugins' }] },
            { name: 'tools', image: image.tools, volumeMounts: [{ name: 'bad', mountPath: '/plugins' }] },
          ],
          volumes: [
            { name: 'good', image: { reference: image.good } },
            { name: 'bad', image: { reference: image.bad } },
          ],
        },
      }),
    );
  });
  test('a plugin whose library is beside it in the image volume is admitted', async () => {
    await admits(pod({ plugin: image.complete }));
  });
  test('a plugin whose library is elsewhere in the image volume is denied with what plugin.Open says', async () => {
    const missing = /error\[plugin\/loads\]: plugin\.Open fails: libabsent\.so: cannot open shared object file/;
    await denies(pod({ plugin: image.incomplete }), missing);
  });
  test('a reference that is none is denied and named', async () => {
    await denies(pod({ host: 'bad ref !!' }), /bad ref !! is no image reference/);
  });
  test('an image that is not in the registry is denied and named', async () => {
    await denies(pod({ host: `${registry.host}/shop/nothing:1` }), /shop\/nothing:1: not-found/);
  });
  test('an image by digest is judged as the one by tag', async () => {
    await denies(pod({ plugin: `${registry.host}/shop/audit@${digest.bad}` }), wrongPlugin);
  });
  test('a client library sees status 403 and the reason', async () => {
    await assert.rejects(
      api.createNamespacedPod({ namespace: 'shop', body: pod({ plugin: image.bad }) }),
      (error: { code?: number; body?: string }) => {
        assert.equal(error.code, 403);
        assert.match(String(error.body), /Forbidden/);
        return true;
      },
    );
  });
  test('a name that the server makes is named in the denial', async () => {
    const { spec } = pod({ plugin: image.bad });
    await denies(
      { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'made-', namespace: 'shop' }, spec },
      /elfgate denies Pod shop\/made-[a-z0-9]{5}/,
    );
  });
});

describe('workloads', () => {
  const template = (plugin: string) => ({
    metadata: { labels: { app: 'gateway' } },
    spec: { ...pod({ plugin }).spec },
  });
  const selector = { matchLabels: { app: 'gateway' } };
  const job = (plugin: string) => ({ metadata: {}, spec: { ...template(plugin).spec, restartPolicy: 'Never' } });
  const kinds: readonly [string, string, (plugin: string) => object][] = [
    ['apps/v1', 'Deployment', (plugin) => ({ selector, template: template(plugin) })],
    ['apps/v1', 'ReplicaSet', (plugin) => ({ selector, template: template(plugin) })],
    ['apps/v1', 'DaemonSet', (plugin) => ({ selector, template: template(plugin) })],
    ['apps/v1', 'StatefulSet', (plugin) => ({ selector, serviceName: 'x', template: template(plugin) })],
    ['v1', 'ReplicationController', (plugin) => ({ selector: { app: 'gateway' }, template: template(plugin) })],
    ['batch/v1', 'Job', (plugin) => ({ template: job(plugin) })],
    ['batch/v1', 'CronJob', (plugin) => ({ schedule: '0 0 * * *', jobTemplate: { spec: { template: job(plugin) } } })],
    ['argoproj.io/v1alpha1', 'Rollout', (plugin) => ({ template: template(plugin) })],
  ];
  for (const [apiVersion, kind, spec] of kinds) {
    const named = (name: string, plugin: string) => ({
      apiVersion,
      kind,
      metadata: { name, namespace: 'shop' },
      spec: spec(plugin),
    });
    test(`a ${kind} whose plugin would kill its host is denied`, async () => {
      await denies(named('bad', image.bad), new RegExp(`elfgate denies ${kind} shop/bad`));
    });
    test(`a ${kind} whose plugin fits is admitted`, async () => {
      await admits(named('good', image.good));
    });
  }
  test('a PodTemplate is judged', async () => {
    const object = {
      apiVersion: 'v1',
      kind: 'PodTemplate',
      metadata: { name: 'bad', namespace: 'shop' },
      template: template(image.bad),
    };
    await denies(object, wrongPlugin);
  });
});

describe('what was there before', () => {
  const deployment = (plugin: string, replicas: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'before', namespace: 'shop' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'before' } },
      template: { metadata: { labels: { app: 'before' } }, spec: pod({ plugin }).spec },
    },
  });
  test('a workload that is denied now can be scaled and annotated, with warnings, and deleted', async () => {
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'elfgate']);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await applied(deployment(image.bad, 1));
    await configureWebhooks(webhook.port);
    const scaled = await cluster.kubectl(['scale', 'deployment', 'before', '-n', 'shop', '--replicas=2']);
    assert.equal(scaled.exitCode, 0, scaled.stderr);
    const annotated = await cluster.kubectl(['annotate', 'deployment', 'before', '-n', 'shop', 'a=b']);
    assert.equal(annotated.exitCode, 0, annotated.stderr);
    assert.match(annotated.stderr, /Warning: elfgate plugin\/go-version-match: /);
  });
  test('its image can be changed to one that fits, and not to another that does not', async () => {
    await denies(deployment(image.old, 2), wrongPlugin, 'apply');
    await applied(deployment(image.good, 2));
    await denies(deployment(image.bad, 2), wrongPlugin, 'apply');
    const { exitCode } = await cluster.kubectl(['delete', 'deployment', 'before', '-n', 'shop']);
    assert.equal(exitCode, 0);
  });
});

describe('debugging containers', () => {
  test('kubectl debug with an image that is fine is admitted, and one that is not there is denied', async () => {
    const target = pod({ name: 'debugged' });
    await admits(target);
    const debug = (name: string) =>
      cluster.kubectl(['debug', '-n', 'shop', 'debugged', `--image=${name}`, '--attach=false', '--profile=general']);
    const fine = await debug(image.tools);
    assert.equal(fine.exitCode, 0, fine.stderr);
    const absent = await debug(`${registry.host}/shop/nothing:1`);
    assert.equal(absent.exitCode, 1);
    assert.match(absent.stderr, /not-found/);
  });
});

describe('mutation', () => {
  test('tags become digests and stay readable; validation sees the final state', async () => {
    await admits(pod({ name: 'pinned', plugin: image.good }));
    const { spec } = (await stored('pod', 'pinned')) as unknown as {
      spec: { containers: { image: string }[]; volumes: { image: { reference: string } }[] };
    };
    assert.equal(spec.containers[0]?.image, `${image.gateway}@${digest.gateway}`);
    assert.equal(spec.volumes[0]?.image.reference, `${image.good}@${digest.good}`);
  });
  test('applying the same manifest again changes nothing', async () => {
    const manifest = pod({ name: 'reapplied', plugin: image.good });
    await applied(manifest);
    const { stdout, exitCode, stderr } = await cluster.kubectl(['apply'], manifest);
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /unchanged|configured/);
  });
  test('pinned images are left alone', async () => {
    const name = `${image.gateway}@${digest.gateway}`;
    await admits(pod({ name: 'left-alone', host: name }));
    const { spec } = (await stored('pod', 'left-alone')) as unknown as { spec: { containers: { image: string }[] } };
    assert.equal(spec.containers[0]?.image, name);
  });
});

describe('namespaces', () => {
  test('an exempt namespace is not judged', async () => {
    await admits(pod({ plugin: image.bad, namespace: 'kube-system' }));
  });
  test('where rules only warn, kubectl shows warnings', async () => {
    const { stderr } = await admits(pod({ plugin: image.bad, namespace: 'warn-lab' }));
    assert.match(stderr, /Warning: elfgate plugin\/go-version-match: /);
  });
  test('where rules run dry, nothing is shown and everything logged', async () => {
    const manifest = pod({ plugin: image.bad, namespace: 'quiet-lab' });
    const { stderr } = await admits(manifest);
    assert.equal(stderr, '');
    const record = await webhook.logged(({ path, name }) => path === 'validate' && name === manifest.metadata.name);
    assert.ok((record.findingCount as number) > 0);
  });
  test('where failures are open, an image that cannot be judged is admitted with a warning', async () => {
    const { stderr } = await admits(pod({ host: `${registry.host}/shop/nothing:1`, namespace: 'open-lab' }));
    assert.match(stderr, /Warning: elfgate admits this without having judged/);
  });
});

describe('strange input', () => {
  test('a thousand containers are answered in time', async () => {
    const containers = Array.from({ length: 1_000 }, (_, index) => ({ name: `c${index}`, image: image.tools }));
    const start = performance.now();
    await admits(pod({ spec: { containers } }));
    assert.ok(performance.now() - start < 15_000);
  });
  test('escape sequences in an image name do not reach the terminal', async () => {
    const stderr = await denies(pod({ host: 'evil\u001b[31m\u0007\rx' }), /undecided/);
    assert.doesNotMatch(stderr.replaceAll('\n', ''), /\p{Cc}/u);
  });
  test('an image name of 100 KB gives a short message', async () => {
    const stderr = await denies(pod({ host: 'x'.repeat(100_000) }), /undecided/);
    assert.ok(stderr.length < 10_000);
  });
});

describe('configuration', () => {
  test('a changed configuration is in force within seconds, and no review is lost meanwhile', async () => {
    const failures = await underLoad(async () => {
      put(configurationFile, JSON.stringify(configuration({ exemptNamespaces: ['kube-system', 'shop'] })));
      await webhook.logged(({ event, what }) => event === 'reloaded' && what === 'configuration');
    });
    assert.deepEqual(failures, []);
    await admits(pod({ plugin: image.bad }));
  });
  test('a wrong configuration is rejected visibly, and the one before stays', async () => {
    put(configurationFile, 'apiVersion: elfgate.dev/v1\nkind: Config\nadmision: {}\n');
    const record = await webhook.logged(({ event }) => event === 'reload-rejected');
    assert.match(JSON.stringify(record), /elfgate\.yaml:3:1: .*admision/);
    await admits(pod({ plugin: image.bad }));
    put(configurationFile, JSON.stringify(configuration()));
    await webhook.logged(({ event, what }) => event === 'reloaded' && what === 'configuration' && count > 0);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await denies(pod({ plugin: image.bad }), wrongPlugin);
  });
  test('an exception lets one image pass until its day', async () => {
    const exceptions = ['plugin/go-version-match', 'plugin/package-hash-match', 'plugin/build-settings-match'].map(
      (rule) => ({
        rule,
        target: '**/shop/audit:bad*',
        reason: 'a test',
        owner: 'lab',
        expires: '2199-12-31',
      }),
    );
    put(configurationFile, JSON.stringify({ ...configuration(), exceptions }));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await admits(pod({ plugin: image.bad }));
    await denies(pod({ plugin: image.old }), wrongPlugin);
    put(configurationFile, JSON.stringify(configuration()));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
  });
});

/** Creates pods one after the other, without storing them, until told to stop; gives what went wrong. */
function reviewsInTurn(): { readonly failures: readonly string[]; stop(): Promise<void> } {
  const failures: string[] = [];
  let running = true;
  const work = (async () => {
    while (running) {
      await api
        .createNamespacedPod({ namespace: 'shop', body: pod({ plugin: image.good }), dryRun: 'All' })
        .catch((error: unknown) => failures.push(String(error).slice(0, 500)));
    }
  })();
  return {
    failures,
    async stop() {
      running = false;
      await work;
    },
  };
}

describe('certificates', () => {
  test('a certificate that is replaced under load loses no review', async () => {
    const next = await certificates();
    const failures = await underLoad(async () => {
      // The API server trusts both while they change.
      ca = `${ca.trim()}\n${next.ca.trim()}\n`;
      await configureWebhooks(webhook.port);
      put(keyFile, next.key);
      put(certificateFile, next.certificate);
      await webhook.logged(({ event, what }) => event === 'reloaded' && what === 'certificate');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    });
    assert.deepEqual(failures, []);
    ca = next.ca;
    await configureWebhooks(webhook.port);
    await admits(pod({ plugin: image.good }));
  });
});

describe('when something is down', () => {
  test('a webhook that ends in order answers what it has, and the code is 0', async () => {
    // As the kubelet does: it goes on answering while others learn that it is leaving.
    const second = await serve(['--drain-delay', '3']);
    await configureWebhooks(second.port);
    const reviews = Array.from({ length: 20 }, () =>
      api.createNamespacedPod({ namespace: 'shop', body: pod({ plugin: image.good }), dryRun: 'All' }),
    );
    const ended = second.stop();
    const results = await Promise.allSettled(reviews);
    assert.deepEqual(
      results.filter(({ status }) => status === 'rejected'),
      [],
    );
    assert.equal(await ended, 0);
    await configureWebhooks(webhook.port);
  });
  test('without a webhook, failurePolicy Fail keeps pods out and Ignore lets them in', async () => {
    const nobody = await silentServer('refuse');
    await configureWebhooks(nobody.port);
    await denies(pod(), /failed calling webhook "validate\.elfgate\.dev"/);
    await configureWebhooks(nobody.port, { failurePolicy: 'Ignore' });
    await admits(pod({ plugin: image.bad }));
    await configureWebhooks(webhook.port);
  });
  test('a registry that does not answer in time: the denial says so, and comes in time', async () => {
    const slow = await silentServer('hang');
    await configureWebhooks(webhook.port, { timeoutSeconds: 3 });
    const start = performance.now();
    await denies(
      pod({ host: `127.0.0.1:${slow.port}/shop/slow@sha256:${'0'.repeat(64)}` }),
      /being inspected|unreachable/,
    );
    assert.ok(performance.now() - start < 6_000);
    slow.server.close();
    await configureWebhooks(webhook.port);
  });
  test('a registry that is down: known images are judged from memory, others denied', async () => {
    const cold = await serve();
    await configureWebhooks(cold.port);
    await admits(pod({ host: `${registry.host}/shop/gateway@${digest.gateway}` }));
    await denies(pod({ host: `127.0.0.1:1/shop/x@sha256:${'0'.repeat(64)}` }), /unreachable/);
    await cold.stop();
    await configureWebhooks(webhook.port);
  });
  test('of two replicas each judges alone', async () => {
    const second = await serve();
    await configureWebhooks(second.port);
    await denies(pod({ plugin: image.bad }), wrongPlugin);
    await configureWebhooks(webhook.port);
    await denies(pod({ plugin: image.bad }), wrongPlugin);
    await second.stop();
  });
});

describe('registries that ask for credentials', () => {
  test('an image is read with the pull secret of its pod or its service account, and not without', async (t) => {
    const lab = await artifacts(['registry/distribution']);
    assert.ok(lab.available);
    const secured = await startSecuredDistribution(lab.path['registry/distribution']);
    t.after(() => secured.stop());
    const authority = join(directory, 'registry-ca.pem');
    writeFileSync(authority, secured.ca);
    const { host, username, password } = secured;
    await pushImage(host, 'private/gateway', '1', { README: Buffer.from('private') }, secured);
    const file = join(directory, 'private.yaml');
    put(file, JSON.stringify({ ...configuration(), registries: [{ host, ca: authority }] }));
    const private_ = await serveWebhook(
      [
        ...['--config', file, '--tls-cert', certificateFile, '--tls-key', keyFile],
        ...['--pull-secrets', '--kubeconfig', cluster.kubeconfig],
      ],
      { cwd: directory },
    );
    t.after(() => private_.stop());
    await configureWebhooks(private_.port);
    await applied({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'pull', namespace: 'shop' },
      stringData: {
        '.dockerconfigjson': JSON.stringify({
          auths: { [host]: { auth: Buffer.from(`${username}:${password}`).toString('base64') } },
        }),
      },
    });
    await applied({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'puller', namespace: 'shop' },
      imagePullSecrets: [{ name: 'pull' }],
    });
    const container = { name: 'gateway', image: `${host}/private/gateway:1` };
    const denial = await denies(pod({ spec: { containers: [container] } }), /undecided: .*denied/);
    assert.ok(!denial.includes(password));
    await admits(pod({ spec: { containers: [container], imagePullSecrets: [{ name: 'pull' }] } }));
    await admits(pod({ spec: { containers: [container], serviceAccountName: 'puller' } }));
    assert.ok(!JSON.stringify(private_.records).includes(password));
    await configureWebhooks(webhook.port);
  });
});

describe('nodes', () => {
  test('a node publishes what it is, and pods are judged by the nodes that they may run on', async (t) => {
    const lab = await artifacts(['c/vsyscall']);
    assert.ok(lab.available);
    await pushImage(registry.host, 'shop/old-program', '1', { 'bin/old': lab.path['c/vsyscall'] });
    const node = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/arch': 'amd64' } },
    });
    await applied({ apiVersion: 'v1', kind: 'List', items: [node('measured'), node('strict'), node('lax')] });
    const published = await runElfgate(['node-profile', '--publish', 'measured', '--kubeconfig', cluster.kubeconfig]);
    assert.equal(published.exitCode, 0, published.stderr);
    const { stdout } = await cluster.kubectl(['get', 'node', 'measured', '-o', 'jsonpath={.metadata.annotations}']);
    assert.equal(JSON.parse(stdout)['node.elfgate.dev/architecture'], process.arch === 'x64' ? 'amd64' : process.arch);
    for (const [name, mode] of [
      ['measured', 'emulate'],
      ['strict', 'none'],
      ['lax', 'emulate'],
    ]) {
      await cluster.kubectl(['annotate', '--overwrite', 'node', String(name), `node.elfgate.dev/vsyscall=${mode}`]);
    }
    const knowing = await serve(['--node-profiles', '--kubeconfig', cluster.kubeconfig]);
    t.after(() => knowing.stop());
    await configureWebhooks(knowing.port);
    const on = (hostname: string) =>
      pod({
        host: `${registry.host}/shop/old-program:1`,
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': hostname },
          containers: [{ name: 'old', image: `${registry.host}/shop/old-program:1` }],
        },
      });
    await denies(on('strict'), /libc\/vsyscall/);
    await admits(on('lax'));
    await configureWebhooks(webhook.port);
  });
});

describe('a certificate of its own', () => {
  test('two replicas share an authority, and the API server is made to trust it', async (t) => {
    const args = [
      ...['--config', configurationFile, '--kubeconfig', cluster.kubeconfig, '--self-signed', '127.0.0.1'],
      ...['--self-signed', 'elfgate.elfgate-system.svc', '--certificate-secret', 'elfgate-system/elfgate-certificate'],
    ];
    // Their configurations hold no authority until the replicas put theirs there.
    const trusted = ca;
    ca = '';
    await configureWebhooks(webhook.port);
    const replicas = await Promise.all([
      serveWebhook(args, { cwd: directory }),
      serveWebhook(args, { cwd: directory }),
    ]);
    t.after(() => Promise.all(replicas.map((replica) => replica.stop())));
    const bundle = async (kind: string) => {
      const path = 'jsonpath={.webhooks[0].clientConfig.caBundle}';
      return (await cluster.kubectl(['get', `${kind}webhookconfiguration`, 'elfgate', '-o', path])).stdout;
    };
    const secret = await cluster.kubectl([
      'get',
      'secret',
      'elfgate-certificate',
      '-n',
      'elfgate-system',
      '-o',
      'jsonpath={.data.ca\\.crt}',
    ]);
    assert.notEqual(secret.stdout, '');
    assert.equal(await bundle('validating'), secret.stdout);
    assert.equal(await bundle('mutating'), secret.stdout);
    ca = Buffer.from(secret.stdout, 'base64').toString();
    for (const replica of replicas) {
      await configureWebhooks(replica.port);
      await denies(pod({ plugin: image.bad }), wrongPlugin);
      await admits(pod({ plugin: image.good }));
    }
    ca = trusted;
    await configureWebhooks(webhook.port);
  });
});

describe('installation', () => {
  test('what the chart makes is valid for the API server', async () => {
    const lab = await artifacts(['cluster/helm', 'cluster/custom-resources']);
    assert.ok(lab.available);
    const defined = await cluster.kubectl(['create'], readFileSync(lab.path['cluster/custom-resources'], 'utf8'));
    assert.equal(defined.exitCode, 0, defined.stderr);
    for (const name of [
      'certificates.cert-manager.io',
      'issuers.cert-manager.io',
      'servicemonitors.monitoring.coreos.com',
    ]) {
      const known = await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', `crd/${name}`]);
      assert.equal(known.exitCode, 0, known.stderr);
    }
    const chart = join(import.meta.dirname, '..', '..', 'webhook', 'chart');
    for (const values of [
      'nodeProfiles.enabled=true',
      'webhook.clientCaSecret=client',
      'audit.reports=openreports',
      'certificates.mode=certManager,serviceMonitor.enabled=true,dashboard.enabled=true',
    ]) {
      const { stdout, exitCode, stderr } = await runProgram(
        lab.path['cluster/helm'],
        ['template', 'elfgate', chart, '-n', 'elfgate-system', '--kube-version', '1.36.3', '--set', values],
        { environment: { HOME: directory } },
      );
      assert.equal(exitCode, 0, stderr);
      const applied = await cluster.kubectl(
        ['create', '--dry-run=server', '--validate=strict'],
        stdout.replaceAll('name: elfgate\n', 'name: chart\n'),
      );
      assert.equal(applied.exitCode, 0, applied.stderr);
      assert.equal(applied.stderr, '');
    }
  });
});

describe('audit', () => {
  test('what runs already is judged, once for all that are the same, and reported by namespace', async () => {
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'elfgate']);
    await cluster.kubectl(['create', 'namespace', 'audited']);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const deployment = (name: string, plugin: string | null) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'audited' },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: pod({ plugin }).spec },
      },
    });
    await applied({
      apiVersion: 'v1',
      kind: 'List',
      items: [deployment('first', image.bad), deployment('second', image.bad), deployment('fine', image.good)],
    });
    await configureWebhooks(webhook.port);
    await applied(customResource('wgpolicyk8s.io', 'v1alpha2', 'PolicyReport', 'policyreports'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const args = ['audit', '--kubeconfig', cluster.kubeconfig, '--config', configurationFile, '--page-size', '2'];
    for (const run of ['first', 'second']) {
      const { exitCode, stdout, stderr } = await runElfgate([...args, '--reports', 'wgpolicyk8s', '-o', 'json']);
      // Other tests left pods of images that nobody can read.
      assert.ok((exitCode === 1 || exitCode === 2) && stdout !== '', `${run}: ${stderr}`);
      const { namespaces } = JSON.parse(stdout);
      const audited = namespaces.find(({ namespace }: { namespace: string }) => namespace === 'audited');
      assert.equal(audited.workloads, 3);
      assert.equal(audited.clean, 1);
    }
    const report = await cluster.kubectl(['get', 'policyreport', 'elfgate', '-n', 'audited', '-o', 'json']);
    const { results, summary } = JSON.parse(report.stdout);
    const version = results.find(({ policy }: { policy: string }) => policy === 'plugin/go-version-match');
    assert.equal(version.result, 'fail');
    assert.deepEqual(
      version.resources.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`),
      ['Deployment first', 'Deployment second'],
    );
    assert.equal(summary.pass, 1);
    assert.ok(summary.fail >= 1);

    await cluster.kubectl(['delete', 'deployments', '--all', '-n', 'audited']);
    await runElfgate([...args, '--reports', 'wgpolicyk8s']);
    const after = await cluster.kubectl(['get', 'policyreport', 'elfgate', '-n', 'audited']);
    assert.match(after.stderr, /NotFound/, after.stdout);
  });
});

describe('Gatekeeper', () => {
  test('its constraint asks elfgate, and denies what would kill its host', async (t) => {
    const lab = await artifacts(['cluster/gatekeeper']);
    assert.ok(lab.available);
    const gatekeeper = await startGatekeeper(lab.path['cluster/gatekeeper'], cluster);
    t.after(() => gatekeeper.stop());
    const example = (name: string): string =>
      readFileSync(join(import.meta.dirname, '..', '..', 'examples', 'gatekeeper', name), 'utf8');
    const create = async (manifest: string): Promise<void> => {
      const { exitCode, stderr } = await cluster.kubectl(['create'], manifest);
      assert.equal(exitCode, 0, stderr);
    };
    await create(
      example('provider.yaml')
        .replace('https://elfgate.elfgate-system.svc:443', `https://127.0.0.1:${webhook.port}`)
        .replace('REPLACE_WITH_BASE64_OF_THE_AUTHORITY', Buffer.from(ca).toString('base64')),
    );
    await create(example('template.yaml'));
    await eventually(async () => {
      const { exitCode, stderr } = await cluster.kubectl(['create'], example('constraint.yaml'));
      return exitCode === 0 ? null : `${stderr}${readFileSync(gatekeeper.log, 'utf8').slice(-2_000)}`;
    });
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'elfgate']);
    await applied({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'gatekeeper' },
      webhooks: [
        {
          name: 'validation.gatekeeper.sh',
          clientConfig: { url: gatekeeper.url, caBundle: Buffer.from(gatekeeper.ca).toString('base64') },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
      ],
    });
    await eventually(async () => {
      const { exitCode, stderr } = await cluster.kubectl(['create', '--dry-run=server'], pod({ plugin: image.bad }));
      return exitCode === 1 && /validation\.gatekeeper\.sh.*plugin\/go-version-match/s.test(stderr)
        ? null
        : `${stderr}${readFileSync(gatekeeper.log, 'utf8').slice(-2_000)}`;
    });
    await admits(pod({ plugin: image.good }));
    await denies(pod({ host: `${registry.host}/shop/nothing:1` }), /elfgate cannot decide about .*nothing:1/);
    await cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'gatekeeper']);
    await configureWebhooks(webhook.port);
  });
});

describe('rules about objects', () => {
  const strictRules = {
    'workload/no-privilege-escalation': { enforce: 'deny' },
    'workload/plugin-directory': { enforce: 'deny' },
    'workload/user-namespace': { enforce: 'deny' },
    'delivery/canary-steps': { enforce: 'deny' },
    'delivery/source': { enforce: 'deny' },
  };
  let strict: ServedWebhook;
  before(async () => {
    const file = join(directory, 'strict.yaml');
    put(file, JSON.stringify({ ...configuration(), rules: strictRules }));
    strict = await serveWebhook(['--config', file, '--tls-cert', certificateFile, '--tls-key', keyFile], {
      cwd: directory,
    });
    await configureWebhooks(strict.port);
  });
  after(async () => {
    await strict.stop();
    await configureWebhooks(webhook.port);
  });
  test('a container that can gain privileges is denied', async () => {
    await denies(
      pod({ spec: { containers: [{ name: 'tools', image: image.tools }] } }),
      /workload\/no-privilege-escalation/,
    );
  });
  test('a plugin host on the user namespace of the node is denied, and one of its own admitted', async () => {
    await denies(pod(), /workload\/user-namespace.*gateway opens plugins/);
    await admits(pod({ spec: { hostUsers: false } }));
  });
  test('plugins of a directory of the node are denied', async () => {
    const [container] = pod().spec?.containers ?? [];
    const spec = {
      hostUsers: false,
      containers: [{ ...container, volumeMounts: [{ name: 'node', mountPath: '/plugins' }] }],
      volumes: [{ name: 'node', hostPath: { path: '/opt/plugins' } }],
    };
    await denies(pod({ spec }), /workload\/plugin-directory.*come from the node/);
  });
  test('a route that skips a step is denied, and the next step admitted', async () => {
    const route = (weight: number) => ({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'reviews', namespace: 'shop' },
      spec: {
        http: [
          {
            route: [
              { destination: { host: 'reviews', subset: 'v1' }, weight: 100 - weight },
              { destination: { host: 'reviews', subset: 'v2' }, weight },
            ],
          },
        ],
      },
    });
    await applied(route(0));
    await denies(route(100), /delivery\/canary-steps.*reviews\/v2 goes from 0 % to 100 %/, 'apply');
    for (const step of [5, 20, 100]) {
      await applied(route(step));
    }
  });
  test('a chart by a range of versions is denied, and one whole version admitted', async () => {
    const release = (version: string) => ({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'gateway', namespace: 'shop' },
      spec: { chart: { spec: { chart: 'gateway', version, verify: { provider: 'cosign' } } } },
    });
    await denies(release('1.x'), /delivery\/source.*gateway is not pinned/, 'apply');
    await applied(release('1.4.2'));
  });
});

/** A port that refuses connections, or a server that takes them and says nothing. */
async function silentServer(manner: 'refuse' | 'hang'): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  server.on('connection', (socket) => socket.unref());
  if (manner === 'refuse') {
    server.close();
  } else {
    server.unref();
  }
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server };
}

test('annotations of decisions reach the audit log of the API server', async () => {
  const log = readFileSync(join(cluster.kubeconfig, '..', 'audit.log'), 'utf8');
  assert.match(log, /"validate\.elfgate\.dev\/denied":"[^"]*plugin\/go-version-match/);
  assert.match(log, /"validate.elfgate.dev\/policy":"[0-9a-f]{16}"/);
});
