/** What cosign signs with, besides keys in files: an identity, and keys that a service keeps. Here both are in reach. */

import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openCosign } from '../../src/trust/cosign.ts';
import { runCli } from '../cli/run-cli.ts';
import { claims } from './claims.ts';
import { type SigningLab, signingLab } from './signing-lab.ts';
import { releaseIdentity, sigstoreInstance } from './sigstore-instance.ts';

const type = 'https://elfgate.dev/attestation/service-level/v1';

async function labOf(t: ExecutionContext): Promise<SigningLab | null> {
  t.timeout(600_000);
  const made = await signingLab('referrers');
  if (!made.available) {
    t.log(`not run: ${made.reason}`);
    t.pass();
    return null;
  }
  t.teardown(() => made.lab.registry.stop());
  return made.lab;
}

/** Runs elfgate with cosign, and with what cosign looks for at home, which is not where compiled policies are kept. */
async function elfgate(lab: SigningLab, args: readonly string[]) {
  const { TUF_ROOT = '', COSIGN_PASSWORD = '' } = lab.environment;
  const PATH = `${lab.directory}:${lab.cosignDirectory}:${process.env.PATH}`;
  const { stdout, stderr, exitCode } = await runCli([...args], { env: { PATH, TUF_ROOT, COSIGN_PASSWORD } });
  return { exitCode, stderr, stdout, report: stdout.startsWith('{') ? JSON.parse(stdout) : null };
}

const claimOf = (lab: SigningLab): readonly string[] => [
  '--type',
  'service-level',
  '--predicate',
  lab.file('record.json', JSON.stringify(claims.serviceLevels[0]?.predicate)),
];

test('an identity attests through cosign, elfgate believes it, and its token is seen by nobody else', async (t) => {
  const lab = await labOf(t);
  if (lab === null) {
    return;
  }
  const instance = await sigstoreInstance();
  t.teardown(() => instance.stop());
  const image = await lab.image();
  const keyless = ['--keyless', '--signing-config', lab.file('services.json', instance.signingConfig)];
  const token = instance.token(releaseIdentity);
  const attest = (tokenOrFile: string) =>
    elfgate(lab, ['attest', ...keyless, '--identity-token', tokenOrFile, ...claimOf(lab), image]);

  for (const given of [token, lab.file('token', token)]) {
    const attested = await attest(given);
    t.is(attested.exitCode, 0, attested.stderr);
    t.regex(attested.stdout, /service-level\/v1, attached by cosign\n$/);
  }
  // Cosign would have repeated this one in its error, if it had been given as an argument.
  const refused = await attest(token.replace(/\.[^.]+\./, '.e30.'));
  t.is(refused.exitCode, 2);
  t.regex(refused.stderr, /cannot decide\[denied\]: cosign could not sign/);
  t.notRegex(refused.stderr, /\be30\b|eyJ/);

  const signed = await lab.cosign(
    ...['sign', '--yes', '--signing-config', join(lab.directory, 'services.json')],
    ...['--identity-token', join(lab.directory, 'token'), image],
  );
  t.is(signed.exitCode, 0, signed.stderr);
  const root = ['--trusted-root', lab.file('trusted_root.json', instance.trustedRoot)];
  const { subject, issuer } = releaseIdentity;
  for (const engine of ['native', 'cosign', 'both']) {
    const verify = (identity: string) =>
      elfgate(lab, [
        ...['verify', '--engine', engine, ...root, '--certificate-identity', identity],
        ...['--certificate-oidc-issuer', issuer, '-o', 'json', image],
      ]);
    const right = await verify(subject);
    t.is(right.exitCode, 0, right.stderr);
    t.true(right.report.verified);
    if (engine === 'native') {
      const attestations = right.report.attestations as readonly Record<string, unknown>[];
      t.deepEqual(
        attestations.map(({ predicateType, verified, signer }) => [predicateType, verified, signer]),
        [
          [type, true, subject],
          [type, true, subject],
        ],
      );
    }
    const wrong = await verify(`${subject}r`);
    t.is(wrong.exitCode, 1, wrong.stderr);
  }
});

/** A key service as cosign starts them: a program that is named after the scheme of its keys, and answers in JSON. */
const keyService = (privateKey: string, calls: string): string => `#!${process.execPath}
const { createPrivateKey, createPublicKey, sign, verify } = require('node:crypto');
const { appendFileSync, readFileSync } = require('node:fs');
const call = JSON.parse(process.argv[3]);
appendFileSync(${JSON.stringify(calls)}, call.methodName + ' ' + call.initOptions.keyResourceID + '\\n');
const key = createPrivateKey(readFileSync(${JSON.stringify(privateKey)}));
const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const answers = {
  defaultAlgorithm: () => ({ defaultAlgorithm: 'ecdsa-p256' }),
  supportedAlgorithms: () => ({ supportedAlgorithms: ['ecdsa-p256'] }),
  publicKey: () => ({ publicKeyPEM: base64(createPublicKey(key).export({ type: 'spki', format: 'pem' })) }),
  signMessage: () => ({ signature: base64(sign('sha256', readFileSync(0), key)) }),
  verifySignature: () => {
    const signature = Buffer.from(call.verifySignature.signature, 'base64');
    if (!verify('sha256', readFileSync(0), createPublicKey(key), signature)) throw new Error('invalid signature');
    return {};
  },
};
try {
  process.stdout.write(JSON.stringify({ [call.methodName]: answers[call.methodName]() }));
} catch (error) {
  process.stdout.write(JSON.stringify({ errorMessage: error.message }));
}
`;

test('a key that a service keeps attests through cosign, and verifies by the service or by its public half', async (t) => {
  const lab = await labOf(t);
  if (lab === null) {
    return;
  }
  const pem = { type: 'spki', format: 'pem' } as const;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secret = lab.file('service.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const calls = join(lab.directory, 'calls');
  chmodSync(lab.file('sigstore-kms-lab-hsm', keyService(secret, calls)), 0o755);
  const key = 'lab-hsm://inspector';
  const image = await lab.image();
  const configuration = ['--signing-config', join(lab.directory, 'no-services.json')];
  const attested = await elfgate(lab, ['attest', '--key', key, ...configuration, ...claimOf(lab), image]);
  t.is(attested.exitCode, 0, attested.stderr);

  const ours = lab.file('inspector.pub', publicKey.export(pem));
  const strange = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const attestationsBy = async (file: string) => {
    const { report } = await elfgate(lab, ['verify', '--key', file, '-o', 'json', image]);
    return (report.attestations as readonly Record<string, unknown>[]).map(({ predicateType, verified }) => [
      predicateType,
      verified,
    ]);
  };
  t.deepEqual(await attestationsBy(ours), [[type, true]]);
  t.deepEqual(await attestationsBy(lab.file('strange.pub', strange.export(pem))), [[type, false]]);

  // Only cosign can ask the service: natively that is an error, and never "not trusted".
  const natively = await elfgate(lab, ['verify', '--key', key, image]);
  t.is(natively.exitCode, 2);
  t.is(natively.stdout, '');
  t.regex(readFileSync(calls, 'utf8'), /^signMessage inspector$/m);
  const verify = () => elfgate(lab, ['verify', '--engine', 'cosign', '--key', key, image]);
  const unsigned = await verify();
  t.is(unsigned.exitCode, 1, unsigned.stderr);
  const cosign = await openCosign({
    program: join(lab.cosignDirectory, 'cosign'),
    environment: { ...lab.environment, PATH: `${lab.directory}:${process.env.PATH}` },
  });
  const signingConfig = join(lab.directory, 'no-services.json');
  await cosign.sign(image, { key, signingConfig, identityToken: null }, { plainHttp: false });
  const signed = await verify();
  t.is(signed.exitCode, 0, signed.stderr);
  t.true(signed.stdout.includes(key));
});

test('a bill of materials under a tag is shown, and never counts', async (t) => {
  const lab = await labOf(t);
  if (lab === null) {
    return;
  }
  const image = await lab.image();
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = lab.file('release.pub', publicKey.export({ type: 'spki', format: 'pem' }));
  const document = lab.file('sbom.json', '{"spdxVersion":"SPDX-2.3"}');
  await lab.sign('attach', 'sbom', '--sbom', document, '--type', 'spdx', '--input-format', 'json', image);
  const { report, exitCode, stderr } = await elfgate(lab, ['verify', '--key', key, '-o', 'json', image]);
  t.is(exitCode, 1, stderr);
  t.deepEqual(report.attestations, [
    {
      kind: 'cosign',
      signer: null,
      issuer: null,
      verified: false,
      reason: 'under a tag, where nothing binds it to this image: attest it instead (cosign attest)',
      signedAt: null,
      at: `${image.split('@').at(-1)?.replace(':', '-')}.sbom`,
      predicateType: 'https://spdx.dev/Document',
    },
  ]);
});
