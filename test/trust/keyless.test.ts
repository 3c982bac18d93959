import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import test from 'ava';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { type Verification, verification } from '../../src/trust/rejection.ts';
import { readBundle } from '../../src/trust/sigstore/material.ts';
import { requireSigner } from '../../src/trust/sigstore/verify.ts';
import { readStatement, requireSubject } from '../../src/trust/statement.ts';
import { type IdentitySettings, noTrust } from '../../src/trust/trust-settings.ts';
import { releaseIdentity, type SigstoreInstance, signatureStatement, sigstoreInstance } from './sigstore-instance.ts';

const digest = 'a'.repeat(64);
let instance: SigstoreInstance;
let bundle: Record<string, unknown>;

test.before(async () => {
  instance = await sigstoreInstance();
  bundle = await instance.attest(signatureStatement(digest));
});
test.after.always(() => instance?.stop());

async function judge(
  signed: unknown,
  options: { readonly root?: string; readonly identity?: IdentitySettings; readonly artifact?: Buffer } = {},
): Promise<Verification> {
  const file = join(mkdtempSync(join(tmpdir(), 'elfgate-root-')), 'trusted_root.json');
  writeFileSync(file, options.root ?? instance.trustedRoot);
  const identities = [options.identity ?? releaseIdentity];
  const anchors = await loadAnchors({ ...noTrust, trustedRoots: [file], identities });
  return verification(() => {
    const material = readBundle(Buffer.from(JSON.stringify(signed)), options.artifact ?? null);
    const signer = requireSigner(material, anchors, new Date());
    if (material.signed.kind === 'envelope') {
      requireSubject(readStatement(material.signed.envelope.payload), digest);
    }
    return signer;
  });
}

async function reasonOf(...question: Parameters<typeof judge>): Promise<string> {
  const outcome = await judge(...question);
  return outcome.verified ? 'verified' : outcome.reason;
}

const changed = (change: (copy: Record<string, unknown>) => void): Record<string, unknown> => {
  const copy = structuredClone(bundle);
  change(copy);
  return copy;
};

test('a certificate for the trusted identity, in the log, is accepted, and its signer named', async (t) => {
  const outcome = await judge(bundle);
  t.true(outcome.verified);
  if (outcome.verified) {
    t.like(outcome.signer, { kind: 'certificate', subject: releaseIdentity.subject, issuer: releaseIdentity.issuer });
    t.true(Math.abs((outcome.signedAt?.getTime() ?? 0) - Date.now()) < 60_000);
  }
});

test('a timestamp authority proves the time as well as the log does', async (t) => {
  const both = await instance.attest(signatureStatement(digest), releaseIdentity, ['timestamp', 'log']);
  t.is(await reasonOf(both), 'verified');
});

test('an identity is met exactly', async (t) => {
  const near = { subject: 'https://ci.example.com/releas', issuer: releaseIdentity.issuer };
  t.is(
    await reasonOf(bundle, { identity: near }),
    'the signer is https://ci.example.com/release of https://issuer.example.com, and trusted is https://ci.example.com/releas of https://issuer.example.com',
  );
  t.regex(
    await reasonOf(bundle, { identity: { ...releaseIdentity, issuer: 'https://issuer.example.co' } }),
    /^the signer is /,
  );
});

test('a pattern covers the whole identity, which the library alone would not ask for', async (t) => {
  const attacker = { subject: 'https://evil-example.com.attacker.net/', issuer: releaseIdentity.issuer };
  const evil = await instance.attest(signatureStatement(digest), attacker);
  const trust = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(instance.trustedRoot)));
  t.notThrows(() =>
    new Verifier(trust).verify(toSignedEntity(bundleFromJSON(evil)), { subjectAlternativeName: 'example\\.com' }),
  );
  const identity = { subjectPattern: 'example\\.com', issuer: releaseIdentity.issuer };
  t.regex(await reasonOf(evil, { identity }), /^the signer is https:\/\/evil-example\.com\.attacker\.net\//);
  t.is(
    await reasonOf(bundle, { identity: { ...identity, subjectPattern: 'https://ci\\.example\\.com/.*' } }),
    'verified',
  );
});

test('what is wrong with a bundle is a reason to refuse it', async (t) => {
  const stranger = await sigstoreInstance();
  const late = await sigstoreInstance({ logTime: new Date(Date.now() + 3_600_000) });
  const unlogged = await sigstoreInstance({ certificateLog: 'without' });
  const other = await instance.attest(signatureStatement('b'.repeat(64)));
  const file = await instance.signFile(Buffer.from('plugin'));
  const cases: readonly (readonly [string, unknown, RegExp, Parameters<typeof judge>[1]?])[] = [
    [
      'another instance',
      await stranger.attest(signatureStatement(digest)),
      /Failed to verify certificate chain|inclusion/,
    ],
    [
      'signed after its certificate expired, by a clock in the future',
      await late.attest(signatureStatement(digest)),
      /certificate is not valid or expired/,
      { root: late.trustedRoot },
    ],
    [
      'no promise of a certificate log',
      await unlogged.attest(signatureStatement(digest)),
      /expected 1 SCTs, got 0/,
      { root: unlogged.trustedRoot },
    ],
    ['a signature for another digest', other, /^the statement is about sha256:b{64}, not about sha256:a{64}$/],
    [
      'the payload of another bundle',
      changed((copy) => Object.assign(copy, { dsseEnvelope: other.dsseEnvelope })),
      /does not verify/,
    ],
    [
      'the log entry of another bundle',
      changed((copy) => {
        const { tlogEntries } = other.verificationMaterial as Record<string, unknown>;
        Object.assign(copy.verificationMaterial as object, { tlogEntries });
      }),
      /does not verify/,
    ],
    [
      'no log entry',
      changed((copy) => Object.assign(copy.verificationMaterial as object, { tlogEntries: [] })),
      /expected 1 timestamps, got 0/,
    ],
    [
      'two contents, of which one is signed',
      changed((copy) => Object.assign(copy, { messageSignature: file.messageSignature })),
      /^the bundle has dsseEnvelope and messageSignature of/,
    ],
    ['a version that nobody knows', changed((copy) => Object.assign(copy, { mediaType: 'x;version=9' })), /version/],
    ['a bundle over a file where an image is asked', file, /^the bundle signs a file by its bytes/],
    ['a bundle over other bytes', file, /does not verify/, { artifact: Buffer.from('plugim') }],
  ];
  for (const [title, signed, expected, options] of cases) {
    t.regex(await reasonOf(signed, options), expected, title);
  }
  t.is(await reasonOf(file, { artifact: Buffer.from('plugin') }), 'verified');
  for (const one of [stranger, late, unlogged]) {
    one.stop();
  }
});
