import test from 'ava';
import { pullSecrets } from '../../src/cluster/pull-secrets.ts';
import { ElfgateError } from '../../src/errors.ts';
import { podTemplatesOf } from '../../src/workload/pod-templates.ts';

const dockerConfig = (registry: string, username: string): string =>
  Buffer.from(
    JSON.stringify({ auths: { [registry]: { auth: Buffer.from(`${username}:geheim`).toString('base64') } } }),
  ).toString('base64');

/** The two questions that are asked of a cluster; the end-to-end test asks a real one. */
function clusterOf(secrets: Readonly<Record<string, string>>, accounts: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  const absent = Object.assign(new Error('HTTP-Code: 404'), { code: 404 });
  return {
    asked,
    async readNamespacedSecret({ namespace, name }: { namespace: string; name: string }) {
      asked.push(`secret ${namespace}/${name}`);
      const data = secrets[`${namespace}/${name}`];
      if (data === undefined) {
        throw absent;
      }
      return { data: { '.dockerconfigjson': data } };
    },
    async readNamespacedServiceAccount({ namespace, name }: { namespace: string; name: string }) {
      asked.push(`account ${namespace}/${name}`);
      const names = accounts[`${namespace}/${name}`];
      if (names === undefined) {
        throw absent;
      }
      return { imagePullSecrets: names.map((secret) => ({ name: secret })) };
    },
  };
}

const own = {
  credentialsFor: async () => ({ kind: 'password', username: 'elfgate', password: 'own' }) as const,
};

const pod = (spec: object) => podTemplatesOf({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [], ...spec } });

async function userFor(
  cluster: ReturnType<typeof clusterOf>,
  spec: object,
  registry = 'registry.example.com',
): Promise<string | undefined> {
  const found = await pullSecrets(cluster, own)('shop', pod(spec)).credentialsFor(registry, 'app');
  return found?.kind === 'password' ? found.username : undefined;
}

test("a pod's own secrets come first, those of its service account where it names none, elfgate's own last", async (t) => {
  const cluster = clusterOf(
    {
      'shop/pod': dockerConfig('registry.example.com', 'pod'),
      'shop/account': dockerConfig('registry.example.com', 'account'),
    },
    { 'shop/default': ['account'], 'shop/other': [] },
  );
  t.is(await userFor(cluster, { imagePullSecrets: [{ name: 'pod' }] }), 'pod');
  t.is(await userFor(cluster, {}), 'account');
  t.is(await userFor(cluster, { serviceAccountName: 'other' }), 'elfgate');
  t.is(await userFor(cluster, { serviceAccountName: 'absent' }), 'elfgate');
  t.is(await userFor(cluster, { imagePullSecrets: [{ name: 'absent' }] }), 'elfgate');
  t.is(await userFor(cluster, { imagePullSecrets: [{ name: 'pod' }] }, 'elsewhere.example.com'), 'elfgate');
});

test('pods with the same secrets share a source, and secrets are read once', async (t) => {
  const cluster = clusterOf({ 'shop/pod': dockerConfig('registry.example.com', 'pod') }, {});
  const sources = pullSecrets(cluster, own);
  const spec = { imagePullSecrets: [{ name: 'pod' }] };
  const source = sources('shop', pod(spec));
  t.is(source, sources('shop', pod({ ...spec, nodeSelector: { a: 'b' } })));
  t.not(source, sources('other', pod(spec)));
  await Promise.all(Array.from({ length: 10 }, () => source.credentialsFor('registry.example.com', 'app')));
  t.deepEqual(cluster.asked, ['secret shop/pod']);
});

test('an API server that refuses is an error that shows no secret', async (t) => {
  const refusing = {
    readNamespacedSecret: async () => {
      throw Object.assign(new Error('HTTP-Code: 403\nBody: {"data":"geheim"}'), { code: 403 });
    },
    readNamespacedServiceAccount: async () => ({}),
  };
  const error = await t.throwsAsync(
    pullSecrets(refusing, own)('shop', pod({ imagePullSecrets: [{ name: 'pod' }] })).credentialsFor(
      'r.example.com',
      'x',
    ),
    { instanceOf: ElfgateError },
  );
  t.is(error?.message, 'the secret shop/pod: the API server answers 403');
  t.is(error?.hint, 'the service account lacks a role for it');
});

test('a secret that holds no JSON is an error that does not quote it', async (t) => {
  const cluster = clusterOf({ 'shop/pod': Buffer.from('geheim').toString('base64') }, {});
  const error = await t.throwsAsync(userFor(cluster, { imagePullSecrets: [{ name: 'pod' }] }), {
    instanceOf: ElfgateError,
  });
  t.is(error?.message, 'the secret shop/pod: not JSON');
});
