import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Digest, isDigest } from '../../src/image/digest.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { pushBundle, signedBundle } from '../../src/trust/attest.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { startReferrersRegistry } from '../lab/registry-server.ts';
import { serveWebhook } from '../lab/served-webhook.ts';
import { type Answer, ask, podOf, reviewOf } from './webhook-under-test.ts';

const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

test('only images that are signed by a trusted key are admitted, and none is when that cannot be told', async (t) => {
  t.timeout(300_000);
  const lab = await artifacts(['registry/referrers', 'c/hello']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  let isRegistryUp = true;
  const endRegistry = async (): Promise<void> => {
    if (isRegistryUp) {
      isRegistryUp = false;
      await registry.stop();
    }
  };
  t.teardown(endRegistry);
  const directory = emptyDirectory();
  const [trusted, other] = [key(), key()];
  writeFileSync(join(directory, 'release.pub'), trusted.publicKey.export({ type: 'spki', format: 'pem' }));
  const config = join(directory, 'elfgate.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      ...{ apiVersion: 'elfgate.dev/v1', kind: 'Config', ruleSet: 'none' },
      rules: { 'trust/signed': {} },
      trust: { images: [{ pattern: '**', keys: ['release.pub'] }] },
      registries: [{ host: registry.host, plainHttp: true }],
      admission: { namespaces: [{ match: ['open'], failure: 'open' }] },
    }),
  );
  const push = (repository: string): Promise<string> =>
    pushImage(registry.host, repository, '1', { hello: lab.path['c/hello'] });
  // The same bytes under several names: facts are known by digest, trust is not.
  const digest = await push('shop/signed');
  for (const repository of ['shop/unsigned', 'shop/strange', 'shop/signed-later', 'shop/unreachable']) {
    t.is(await push(repository), digest);
  }
  await sign(registry.host, 'shop/signed', digest, trusted.privateKey);
  await sign(registry.host, 'shop/strange', digest, other.privateKey);

  const webhook = await serveWebhook(['--plain-http', '--config', config, '--log-level', 'info'], { cwd: directory });
  t.teardown(() => webhook.stop());
  const url = `http://127.0.0.1:${webhook.port}`;
  const judged = (repository: string, further: object = {}): Promise<Answer> =>
    ask({ url }, '/validate?timeout=10s', reviewOf(podOf(`${registry.host}/${repository}@${digest}`, null), further));

  // Twice: the second answer is from what was prepared for the first.
  for (const _ of ['first', 'second']) {
    t.true((await judged('shop/signed')).allowed);
    const unsigned = await judged('shop/unsigned');
    t.false(unsigned.allowed);
    t.regex(
      unsigned.status?.message ?? '',
      /error\[trust\/signed\]: image is not signed by anybody who is trusted: there is no signature/,
    );
    const strange = await judged('shop/strange');
    t.false(strange.allowed);
    t.regex(strange.status?.message ?? '', /error\[trust\/signed\]: image is not signed by anybody who is trusted/);
    t.is(strange.auditAnnotations?.denied, 'trust/signed');
  }
  await sign(registry.host, 'shop/signed-later', digest, trusted.privateKey);
  t.true((await judged('shop/signed-later')).allowed, 'an image counts as it is signed when somebody asks');

  await endRegistry();
  // What is in the image is known, who made it is not.
  const unknown = await judged('shop/unreachable');
  t.false(unknown.allowed);
  t.regex(unknown.status?.message ?? '', /elfgate cannot decide about Pod shop\/gateway, and denies it/);
  const open = await judged('shop/unreachable', { namespace: 'open' });
  t.true(open.allowed);
  t.regex(open.warnings?.join('\n') ?? '', /elfgate admits this without having judged/);
  t.false((await judged('shop/unsigned')).allowed, 'what was told a moment ago still holds');
  await webhook.logged(({ event, outcome }) => event === 'review' && outcome === 'undecided-denied');
});

async function sign(host: string, repository: string, digest: string, privateKey: KeyObject): Promise<void> {
  const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
  const store = registries.repository({ registry: host, repository });
  const predicateType = 'https://sigstore.dev/cosign/sign/v1';
  const bundle = signedBundle({ predicateType, predicate: {} }, store.name, digestIn(digest), privateKey);
  await pushBundle(store, await store.resolve(digest), bundle, { predicateType, createdAt: new Date() });
  registries.close();
}

function digestIn(text: string): Digest {
  if (!isDigest(text)) {
    throw new Error(`${text} is no digest`);
  }
  return text;
}
