import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { digestOf } from '../../src/image/digest.ts';
import { signedBundle } from '../../src/trust/attest.ts';
import { signedLayout } from '../trust/signed-layout.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

/** A plugin file with a key pair, in a directory of their own. */
function pluginFile() {
  const directory = emptyDirectory();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const bytes = Buffer.from('bytes of a plugin');
  const file = (name: string, text: string | Buffer): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const key = file('release.pub', publicKey.export({ type: 'spki', format: 'pem' }));
  return { directory, file, bytes, key, privateKey, plugin: file('audit.so', bytes) };
}

test('a file is verified by the signature, the bundle and the list of digests next to it', async (t) => {
  const { file, bytes, key, privateKey, plugin } = pluginFile();
  const verify = async () => {
    const { exitCode, stdout, stderr } = await runCli(['verify', '--key', key, '-o', 'json', plugin]);
    t.is(stderr, '');
    const { verified, reason, signatures, attestations } = JSON.parse(stdout);
    return { exitCode, verified, reason, signatures: signatures.length, attestations: attestations.length };
  };
  t.deepEqual(await verify(), { exitCode: 1, verified: false, reason: null, signatures: 0, attestations: 0 });
  const signature = sign('sha256', bytes, privateKey);
  file('audit.so.sig', signature.toString('base64'));
  t.deepEqual(await verify(), { exitCode: 0, verified: true, reason: null, signatures: 1, attestations: 0 });
  file('audit.so.sig', sign('sha256', Buffer.from('other bytes'), privateKey));
  t.deepEqual(await verify(), { exitCode: 1, verified: false, reason: null, signatures: 1, attestations: 0 });
  const claim = { predicateType: 'https://slsa.dev/provenance/v1', predicate: {} };
  file('audit.so.provenance.sigstore.json', signedBundle(claim, 'audit.so', digestOf(bytes), privateKey));
  t.deepEqual(await verify(), { exitCode: 1, verified: false, reason: null, signatures: 1, attestations: 1 });
  const release = { predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {} };
  file('audit.so.sigstore.json', signedBundle(release, 'audit.so', digestOf(bytes), privateKey));
  t.deepEqual(await verify(), { exitCode: 0, verified: true, reason: null, signatures: 2, attestations: 1 });
  const list = file('SHA256SUMS', `${'a'.repeat(64)}  audit.so\n`);
  t.deepEqual(await verify(), {
    exitCode: 1,
    verified: false,
    reason: `${list} gives sha256:${'a'.repeat(64)} for it`,
    signatures: 2,
    attestations: 1,
  });
});

test('an image of a layout is verified by its authority, and each way to be wrong is told', async (t) => {
  const verify = async (signer: Parameters<typeof signedLayout>[0]['signer']) => {
    const { directory, settings } = await signedLayout({ signer });
    const roots = settings.authorities[0]?.roots ?? '';
    const name = ['--certificate-identity', 'release@example.com', `oci:${directory}:1`];
    const { exitCode, stdout } = await runCli(['verify', '--ca-roots', roots, ...name]);
    return [exitCode, stdout.split('\n')[0]?.replace(/oci:\S+@sha256:\S+/, 'IMAGE'), stdout] as const;
  };
  const [code, verdict, text] = await verify('right');
  t.is(code, 0, text);
  t.is(verdict, 'verified: IMAGE');
  t.regex(text, /✔ cosign by release@example\.com/);
  for (const [signer, reason] of [
    ['unsigned', /there is no signature/],
    ['wrongly-signed', /✘ cosign no chain leads/],
    ['expired', /✘ cosign .* expired on 2024-02-01/],
    ['wrong-identity', /✘ cosign the signer is intern@example\.com, and trusted is release@example\.com/],
    ['wrong-digest', /✘ cosign the signature is for sha256:b{64}, not for /],
  ] as const) {
    const [exitCode, , output] = await verify(signer);
    t.is(exitCode, 1, signer);
    t.regex(output, /^not trusted: /);
    t.regex(output, reason, signer);
  }
});

test('--explain tells which pattern decides, which it overrules, and whom it trusts', async (t) => {
  const { directory, file } = pluginFile();
  const config = file(
    'elfgate.yaml',
    `apiVersion: elfgate.dev/v1
kind: Config
trust:
  images:
    - { pattern: "registry.example.com/**", keys: [release.pub] }
    - pattern: "registry.example.com/market/*"
      identities: [{ subject: "https://ci.example.com/release", issuer: "https://issuer.example.com" }]
      trustedRoots: [trusted_root.json]
      attestations: ["https://slsa.dev/provenance/v1"]
      inspectors: { keys: [inspector.pub] }
`,
  );
  const explain = async (image: string) => {
    const { exitCode, stdout, stderr } = await runCli(['verify', '--explain', '-c', config, image]);
    t.is(exitCode, 0, stderr);
    return stdout.replaceAll(directory, 'DIR').trim().split('\n');
  };
  t.deepEqual(await explain('registry.example.com/market/plugin:1'), [
    'registry.example.com/market/plugin: decided by registry.example.com/market/* of DIR/elfgate.yaml, the longest pattern that matches',
    '  overruled: registry.example.com/**',
    '  identity: https://ci.example.com/release of https://issuer.example.com',
    '  Sigstore root: DIR/trusted_root.json',
    '  required attestation: https://slsa.dev/provenance/v1',
    '  inspectors: DIR/inspector.pub',
  ]);
  t.deepEqual(await explain('registry.example.com/team/plugin:1'), [
    'registry.example.com/team/plugin: decided by registry.example.com/** of DIR/elfgate.yaml, the longest pattern that matches',
    '  key: DIR/release.pub',
  ]);
  t.deepEqual(await explain('other.example.com/plugin:1'), [
    'other.example.com/plugin: no pattern of DIR/elfgate.yaml matches, so nobody is trusted',
  ]);
});

test('what cannot be verified is neither verified nor unsigned', async (t) => {
  const { key, plugin, file } = pluginFile();
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[plugin], /nobody is trusted to sign it, so nothing can be verified/],
    [['--key', `${key}.nowhere`, plugin], /cannot be read \(ENOENT\)/],
    [['--key', plugin, plugin], /holds no public key in PEM form/],
    [
      ['--trusted-root', key, '--certificate-identity', 'a', '--certificate-oidc-issuer', 'b', plugin],
      /is no Sigstore trusted root/,
    ],
    [['--certificate-identity', 'a', plugin], /unless its issuer is named/],
    [['--key', 'awskms:///alias/release', plugin], /only cosign asks those/],
    [['--key', key, '127.0.0.1:1/app:1'], /127\.0\.0\.1:1/],
    [['--key', key, `oci:${file('nowhere', '')}x`], /oci:/],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stdout, stderr } = await runCli(['verify', ...args]);
    t.is(exitCode, 2, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, /^cannot decide\[/);
    t.regex(stderr, message);
  }
});
