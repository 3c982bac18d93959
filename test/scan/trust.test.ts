import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Digest, isDigest } from '../../src/image/digest.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { pushBundle, signedBundle } from '../../src/trust/attest.ts';
import { emptyDirectory, runCli } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { startReferrersRegistry } from '../lab/registry-server.ts';

test('a scan says which images nobody signed who is trusted', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['registry/referrers', 'c/hello', 'c/hello-static']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(() => registry.stop());
  const unsigned = await pushImage(registry.host, 'unsigned', '1', { hello: lab.path['c/hello'] });
  const signed = await pushImage(registry.host, 'signed', '1', { hello: lab.path['c/hello-static'] });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await signImage(registry.host, signed, privateKey);
  const directory = emptyDirectory();
  writeFileSync(join(directory, 'release.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const config = join(directory, 'elfgate.yaml');
  writeFileSync(
    config,
    `apiVersion: elfgate.dev/v1\nkind: Config\nruleSet: none\nrules: { trust/signed: {} }\ntrust: { images: [{ pattern: "**", keys: [release.pub] }] }\n`,
  );
  const scan = () =>
    runCli([
      'scan',
      '-o',
      'jsonl',
      '-c',
      config,
      '--state',
      join(directory, 'state'),
      `${registry.host}/unsigned`,
      `${registry.host}/signed`,
    ]);
  const first = await scan();
  t.is(first.exitCode, 1, first.stderr);
  const found = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ digest, findings }) => [digest, findings.map(({ message }: { message: string }) => message)])
      .sort();
  t.deepEqual(
    found(first.stdout),
    [
      [signed, []],
      [unsigned, ['image is not signed by anybody who is trusted: there is no signature']],
    ].sort(),
  );
  // Who is trusted is a part of what a result depends on.
  writeFileSync(
    join(directory, 'release.pub'),
    generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }),
  );
  writeFileSync(
    config,
    `apiVersion: elfgate.dev/v1\nkind: Config\nruleSet: none\nrules: { trust/signed: {} }\ntrust: { images: [{ pattern: "*/*", keys: [release.pub] }] }\n`,
  );
  const again = await scan();
  t.is(found(again.stdout).filter(([, messages]) => messages.length === 1).length, 2, again.stderr);
});

async function signImage(host: string, digest: string, key: Parameters<typeof signedBundle>[3]): Promise<void> {
  const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
  const store = registries.repository({ registry: host, repository: 'signed' });
  const predicateType = 'https://sigstore.dev/cosign/sign/v1';
  const subject = await store.resolve(digest);
  const bundle = signedBundle({ predicateType, predicate: {} }, store.name, digestIn(digest), key);
  await pushBundle(store, subject, bundle, { predicateType, createdAt: new Date() });
  registries.close();
}

function digestIn(text: string): Digest {
  if (!isDigest(text)) {
    throw new Error(`${text} is no digest`);
  }
  return text;
}
