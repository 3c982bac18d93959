import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { pushBundle, signedBundle } from '../../src/trust/attest.ts';
import { emptyDirectory, runCli } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { startDistribution, startReferrersRegistry } from '../lab/registry-server.ts';

for (const kind of ['referrers', 'distribution'] as const) {
  test(`a signature on an index is one on its platforms, and not the reverse, at a registry of kind ${kind}`, async (t) => {
    t.timeout(600_000);
    const lab = await artifacts(['registry/referrers', 'registry/distribution', 'c/hello']);
    if (!lab.available) {
      t.log(`not run: ${lab.reason}`);
      return t.pass();
    }
    const registry = await (kind === 'referrers'
      ? startReferrersRegistry(lab.path['registry/referrers'])
      : startDistribution(lab.path['registry/distribution']));
    t.teardown(() => registry.stop());
    const client = registryClient({ registries: [], credentials: anonymous, environment: {} });
    t.teardown(() => client.close());
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const directory = emptyDirectory();
    const key = join(directory, 'release.pub');
    writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
    const config = join(directory, 'elfgate.yaml');
    writeFileSync(
      config,
      `apiVersion: elfgate.dev/v1\nkind: Config\nruleSet: none\nrules: { trust/signed: {} }\ntrust: { images: [{ pattern: "**", keys: [release.pub] }] }\n`,
    );

    /** An image in an index, one of both signed: how verify and check end. */
    const outcomes = async (signed: 'index' | 'platform') => {
      const repository = `signed-${signed}`;
      const store = client.repository({ registry: registry.host, repository });
      await pushImage(registry.host, repository, 'amd64', { hello: lab.path['c/hello'] });
      const { mediaType, digest, size } = await store.resolve('amd64');
      const manifests = [{ mediaType, digest, size, platform: { os: 'linux', architecture: 'amd64' } }];
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
      await store.pushManifest(bytes, mediaTypes.ociIndex, '1');
      const subject = await store.resolve(signed === 'index' ? '1' : 'amd64');
      const predicateType = 'https://sigstore.dev/cosign/sign/v1';
      const bundle = signedBundle({ predicateType, predicate: {} }, repository, subject.digest, privateKey);
      await pushBundle(store, subject, bundle, { predicateType, createdAt: new Date() });
      const image = `${registry.host}/${repository}:1`;
      const whole = await runCli(['verify', '--key', key, image]);
      const platform = await runCli(['verify', '--key', key, '--platform', 'linux/amd64', image]);
      const check = await runCli(['check', '-c', config, image]);
      return [whole.exitCode, platform.exitCode, check.exitCode];
    };
    t.deepEqual(await outcomes('index'), [0, 0, 0]);
    t.deepEqual(await outcomes('platform'), [1, 0, 0]);
  });
}
