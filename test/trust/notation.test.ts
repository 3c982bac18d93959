import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { isDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { noTrust } from '../../src/trust/trust-settings.ts';
import { verifyImage } from '../../src/trust/verify-image.ts';
import { leafOf, pemOf, rootAuthority, serverAuth } from './authorities.ts';
import { signingLab } from './signing-lab.ts';

const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
test.after.always(() => registries.close());

/** A trust policy with a store of these roots, as notation keeps both. */
function configuration(roots: string, policy: Readonly<Record<string, unknown>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-notation-'));
  const store = join(directory, 'truststore', 'x509', 'ca', 'lab');
  mkdirSync(store, { recursive: true });
  writeFileSync(join(store, 'root.crt'), roots);
  writeFileSync(
    join(directory, 'trustpolicy.json'),
    JSON.stringify({
      version: '1.0',
      trustPolicies: [
        {
          name: 'lab',
          registryScopes: ['*'],
          signatureVerification: { level: 'strict' },
          trustStores: ['ca:lab'],
          trustedIdentities: ['*'],
          ...policy,
        },
      ],
    }),
  );
  return directory;
}

async function verifyNatively(image: string, directory: string): Promise<string> {
  const reference = parseReference(image);
  const notation = { policy: join(directory, 'trustpolicy.json'), store: join(directory, 'truststore') };
  const anchors = await loadAnchors({ ...noTrust, notation });
  if (!isDigest(reference.digest)) {
    throw new Error(`${image} has no digest`);
  }
  const repository = `${reference.registry}/${reference.repository}`;
  const store = registries.repository(reference);
  const trust = await verifyImage({ store, repository, digests: [reference.digest] }, anchors, new Date());
  const [signature] = trust.signatures;
  return trust.verified === true
    ? 'verified'
    : signature === undefined
      ? 'unsigned'
      : signature.verified
        ? 'undecided'
        : signature.reason;
}

test("the Notary Project's library and elfgate accept and reject the same signatures", async (t) => {
  t.timeout(600_000);
  const made = await signingLab('referrers');
  if (!made.available) {
    t.log(`not run: ${made.reason}`);
    return t.pass();
  }
  const { lab } = made;
  t.teardown(() => lab.registry.stop());
  const root = await rootAuthority();
  const stranger = await rootAuthority('CN=Strange root, O=Elsewhere, ST=Berlin, C=DE');
  const sign = async (options: Parameters<typeof leafOf>[1] = {}, expiry = '0', authority = root): Promise<string> => {
    const { certificate, key } = await leafOf(authority, options);
    const image = await lab.image();
    const chain = lab.file('chain.pem', `${certificate}${pemOf(authority)}`);
    const { exitCode, stderr } = await lab.notation('sign', image, lab.file('leaf.key', key), chain, expiry);
    t.is(exitCode, 0, stderr);
    return image;
  };
  const right = configuration(pemOf(root));
  const mine = 'x509.subject: C=DE, ST=Berlin, O=Lab, CN=release';
  const other = 'x509.subject: C=DE, ST=Berlin, O=Lab, CN=intern';
  const signed = await sign();
  const soonExpired = await sign({}, '1s');
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const moved = await lab.image();
  await move(signed, moved);
  const repository = signed.split('@')[0] ?? '';
  const cases: readonly (readonly [title: string, image: string, directory: string, expected: RegExp])[] = [
    ['right', signed, right, /^verified$/],
    ['the identity of the signer', signed, configuration(pemOf(root), { trustedIdentities: [mine] }), /^verified$/],
    [
      'another identity',
      signed,
      configuration(pemOf(root), { trustedIdentities: [other] }),
      /none of the trusted identities/,
    ],
    ['its own repository', signed, configuration(pemOf(root), { registryScopes: [repository] }), /^verified$/],
    [
      'another repository',
      signed,
      configuration(pemOf(root), { registryScopes: [`${repository}2`] }),
      /no statement about/,
    ],
    ['another root', signed, configuration(pemOf(stranger)), /no chain leads/],
    ['a signature that expired', soonExpired, right, /^the signature expired on /],
    ['nothing signed', await lab.image(), right, /^unsigned$/],
    ['a signature for another image', moved, right, /^the signature is for sha256:/],
  ];
  for (const [title, image, directory, expected] of cases) {
    const { exitCode, stderr } = await lab.notation('verify', image, directory);
    const outcome = await verifyNatively(image, directory);
    t.regex(outcome, expected, title);
    t.is(exitCode === 0, outcome === 'verified', `${title}: ${stderr}`);
  }
  // What its library does not sign with, somebody else may.
  const skipping = configuration(pemOf(root), {
    signatureVerification: { level: 'skip' },
    trustStores: [],
    trustedIdentities: [],
  });
  t.regex(await verifyNatively(signed, skipping), /skips the verification, which proves nothing$/);
  await t.throwsAsync(
    leafOf(root, { usages: [serverAuth] }).then(({ certificate, key }) => signAs(certificate, key)),
    {
      message: /./,
    },
  );

  async function signAs(certificate: string, key: string): Promise<void> {
    const chain = lab.file('server-chain.pem', `${certificate}${pemOf(root)}`);
    const { exitCode, stderr } = await lab.notation('sign', await lab.image(), lab.file('server.key', key), chain, '0');
    if (exitCode !== 0) {
      throw new Error(stderr);
    }
  }

  async function move(from: string, to: string): Promise<void> {
    const source = parseReference(from);
    const target = parseReference(to);
    if (source.digest === null || target.digest === null) {
      throw new Error('both images need a digest');
    }
    const store = registries.repository(source);
    const [signature] = await store.referrers(source.digest, null);
    const manifest = JSON.parse((await store.manifest(signature?.digest ?? '')).bytes.toString());
    const { size, mediaType } = await store.resolve(target.digest);
    manifest.subject = { digest: target.digest, size, mediaType };
    await store.pushManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, null);
  }
});
