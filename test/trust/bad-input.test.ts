import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import type { ContentStore } from '../../src/image/content-store.ts';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { signedBundle } from '../../src/trust/attest.ts';
import { preAuthenticationEncoding } from '../../src/trust/dsse.ts';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { noTrust, type TrustSettings } from '../../src/trust/trust-settings.ts';
import { type ImageTrust, verifyImage } from '../../src/trust/verify-image.ts';
import {
  codeSigning,
  KeyUsageFlags,
  leafOf,
  pemOf,
  revocationListOf,
  rootAuthority,
  serverAuth,
} from './authorities.ts';

/** What hostile registries hold: chosen bytes, by digest and tag. */
function storeOf(
  referrers: readonly { readonly artifactType: string; readonly manifest: Buffer }[],
  blobs: readonly Buffer[],
  tags: Readonly<Record<string, Buffer>> = {},
): ContentStore {
  const manifests = new Map(referrers.map(({ manifest }) => [digestOf(manifest) as string, manifest]));
  const contents = new Map(blobs.map((blob) => [digestOf(blob) as string, blob]));
  const missing = (what: string) => new ElfgateError('not-found', `there is no ${what}`);
  const descriptorOf = (bytes: Buffer, artifactType: string | null): Descriptor => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(bytes),
    size: bytes.length,
    artifactType,
    annotations: {},
    platform: null,
  });
  return {
    name: 'registry.example.com/app',
    resolve: async () => Promise.reject(missing('tag')),
    async manifest(tagOrDigest) {
      const bytes = manifests.get(tagOrDigest) ?? tags[tagOrDigest];
      if (bytes === undefined) {
        throw missing(tagOrDigest);
      }
      return { descriptor: descriptorOf(bytes, null), bytes };
    },
    async blob({ digest, size }, most) {
      const bytes = contents.get(digest);
      if (bytes === undefined || size > most) {
        throw bytes === undefined ? missing(digest) : new ElfgateError('limit', 'too large');
      }
      return bytes;
    },
    openBlob: async () => Promise.reject(missing('blob')),
    referrers: async () => referrers.map(({ manifest, artifactType }) => descriptorOf(manifest, artifactType)),
    tags: async () => [],
  };
}

const digest: Digest = `sha256:${'a'.repeat(64)}`;
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const keys = {
  curve: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};
const claim = { predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {} };

const publicKey = (key: KeyObject): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'elfgate-key-')), 'key.pub');
  writeFileSync(file, key.export({ type: 'spki', format: 'pem' }));
  return file;
};
const byCurve = { keys: [publicKey(keys.curve.publicKey)] };

function layered(blob: Buffer, mediaType = bundleType): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, layers: [{ mediaType, digest: digestOf(blob), size: blob.length }] }),
  );
}

async function judged(store: ContentStore, settings: Partial<TrustSettings> = byCurve): Promise<ImageTrust> {
  const anchors = await loadAnchors({ ...noTrust, ...settings });
  return verifyImage({ store, repository: store.name, digests: [digest] }, anchors, new Date());
}

async function ofBundle(bundle: Buffer, settings?: Partial<TrustSettings>): Promise<string> {
  const store = storeOf([{ artifactType: bundleType, manifest: layered(bundle) }], [bundle]);
  return reasonOf(await judged(store, settings));
}

function reasonOf({ verified, undecided, signatures, attestations }: ImageTrust): string {
  const [first] = [...signatures, ...attestations];
  return verified === true
    ? 'verified'
    : verified === null
      ? `undecided: ${undecided}`
      : first === undefined
        ? 'unsigned'
        : first.verified
          ? 'an attestation'
          : first.reason;
}

const good = signedBundle(claim, 'app', digest, keys.curve.privateKey);
const changed = (
  change: (bundle: { dsseEnvelope: Record<string, unknown> } & Record<string, unknown>) => void,
): Buffer => {
  const copy = JSON.parse(good.toString());
  change(copy);
  return Buffer.from(JSON.stringify(copy));
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('bundles that are tampered with, swapped, or meant to confuse are refused, each with its reason', async (t) => {
  t.is(await ofBundle(good), 'verified');
  const none = /did not make this signature$/;
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digest.slice(7) } }],
      ...claim,
    }),
  );
  const signedBy = (
    hash: string | null,
    key: KeyObject,
    signed = preAuthenticationEncoding('application/vnd.in-toto+json', payload),
  ) =>
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.payload = payload.toString('base64');
      dsseEnvelope.signatures = [{ sig: sign(hash, signed, key).toString('base64') }];
    });
  t.is(await ofBundle(signedBy('sha256', keys.curve.privateKey)), 'verified', 'made right by hand');
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    [
      'a tampered payload',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.payload = payload.toString('base64');
      }),
      none,
    ],
    [
      'another payload type',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.payloadType = 'text/plain';
      }),
      /holds text\/plain, and no in-toto statement$/,
    ],
    [
      'a signature for another digest',
      signedBundle(claim, 'app', `sha256:${'b'.repeat(64)}`, keys.curve.privateKey),
      /^the statement is about sha256:b{64}/,
    ],
    [
      'a digest of another algorithm',
      signedBundle(claim, 'app', `sha512:${'a'.repeat(128)}`, keys.curve.privateKey),
      /^the statement names no digest$/,
    ],
    ['SHA-1', signedBy('sha1', keys.curve.privateKey), none],
    ['MD5', signedBy('md5', keys.rsa.privateKey), none],
    ['the payload signed without its type', signedBy('sha256', keys.curve.privateKey, payload), none],
    ['a key of the wrong kind', signedBundle(claim, 'app', digest, keys.rsa.privateKey), none],
    [
      'no signature',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.signatures = [];
      }),
      /has 0 signatures/,
    ],
    [
      'an empty signature',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.signatures = [{ sig: '' }];
      }),
      none,
    ],
    [
      'a hundred signatures',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.signatures = Array(100).fill({ sig: 'AAAA' });
      }),
      /has 100 signatures/,
    ],
    [
      'half a base64',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.signatures = [{ sig: 'AAA' }];
      }),
      /is not base64$/,
    ],
    [
      'base64 with other characters',
      changed(({ dsseEnvelope }) => {
        dsseEnvelope.payload = `${payload.toString('base64')}\n`;
      }),
      /is not base64$/,
    ],
    [
      'an unknown version',
      changed((bundle) => {
        bundle.mediaType = 'application/vnd.dev.sigstore.bundle.v0.9+json';
      }),
      /version that is not known/,
    ],
    [
      'a key and a certificate',
      changed((bundle) => {
        bundle.verificationMaterial = { publicKey: { hint: '' }, certificate: { rawBytes: '' } };
      }),
      /publicKey and certificate of /,
    ],
    [
      'a certificate that is none',
      changed((bundle) => {
        bundle.verificationMaterial = { certificate: { rawBytes: base64('x') } };
      }),
      /certificate is damaged$/,
    ],
    ['a statement that is none', signedBy('sha256', keys.curve.privateKey).subarray(0, 100), /is not JSON$/],
    ['deep JSON', Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), /nested deeper than 128 levels$/],
    ['half a character', Buffer.from([0x22, 0xc3, 0x22]), /is not JSON$/],
    ['nothing', Buffer.alloc(0), /is not JSON$/],
  ];
  for (const [title, bundle, expected] of cases) {
    t.regex(await ofBundle(bundle), expected, title);
  }
});

test('an attestation is no signature, whoever made it', async (t) => {
  const sbom = signedBundle(
    { predicateType: 'https://spdx.dev/Document', predicate: {} },
    'app',
    digest,
    keys.curve.privateKey,
  );
  t.is(await ofBundle(sbom), 'an attestation');
});

test('HMAC with a public key as its secret, and unsigned tokens, are not accepted for a signature of the Notary Project', async (t) => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const root = await rootAuthority();
  const { certificate } = await leafOf(root);
  const raw = certificate.replace(/-----[^-]+-----|\s/g, '');
  const policy = join(mkdtempSync(join(tmpdir(), 'elfgate-policy-')), 'trustpolicy.json');
  writeFileSync(
    policy,
    JSON.stringify({
      version: '1.0',
      trustPolicies: [
        {
          name: 'lab',
          registryScopes: ['*'],
          signatureVerification: { level: 'strict' },
          trustStores: [],
          trustedIdentities: ['*'],
        },
      ],
    }),
  );
  for (const alg of ['none', 'HS256', 'RS256', 'ES384', 'PS256']) {
    const envelope = Buffer.from(
      JSON.stringify({
        payload: part({ targetArtifact: { digest } }),
        protected: part({
          alg,
          cty: 'application/vnd.cncf.notary.payload.v1+json',
          crit: ['io.cncf.notary.signingScheme'],
          'io.cncf.notary.signingScheme': 'notary.x509',
        }),
        header: { x5c: [raw] },
        signature: '',
      }),
    );
    const manifest = layered(envelope, 'application/jose+json');
    const store = storeOf([{ artifactType: 'application/vnd.cncf.notary.signature', manifest }], [envelope]);
    const reason = reasonOf(await judged(store, { notation: { policy, store: tmpdir() } }));
    t.is(reason, `the envelope claims the algorithm ${alg}, and its key is for ES256`);
  }
});

test('certificates of an own authority are judged in all that they say', async (t) => {
  const root = await rootAuthority();
  const stranger = await rootAuthority('CN=Strange, O=Elsewhere, C=DE');
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-authority-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const authority = { name: 'lab', roots: file('roots.pem', pemOf(root)), intermediates: null, revocationLists: [] };
  const byAuthority = (more: object = {}) => ({
    authorities: [{ ...authority, ...more }],
    identities: [{ subject: 'release@example.com' }],
  });
  const signedWith = async (options: Parameters<typeof leafOf>[1], from = root): Promise<Buffer> => {
    const { certificate, key } = await leafOf(from, options);
    const bundle = JSON.parse(signedBundle(claim, 'app', digest, createPrivateKey(key)).toString());
    bundle.verificationMaterial = { certificate: { rawBytes: certificate.replace(/-----[^-]+-----|\s/g, '') } };
    return Buffer.from(JSON.stringify(bundle));
  };
  t.is(await ofBundle(await signedWith({}), byAuthority()), 'verified');
  t.regex(
    await ofBundle(await signedWith({ from: -9, to: -2 }), byAuthority()),
    /expired on .*nothing proves that the signature is older$/,
  );
  t.regex(await ofBundle(await signedWith({ from: 2, to: 9 }), byAuthority()), /was not valid before/);
  t.regex(await ofBundle(await signedWith({ usages: [serverAuth] }), byAuthority()), /not for code signing/);
  t.regex(
    await ofBundle(await signedWith({ keyUsage: KeyUsageFlags.keyEncipherment, usages: [codeSigning] }), byAuthority()),
    /may not make digital signatures/,
  );
  t.regex(await ofBundle(await signedWith({}, stranger), byAuthority()), /^no chain leads/);
  t.regex(
    await ofBundle(
      await signedWith({ alternativeName: { type: 'email', value: 'release@example.com.attacker.net' } }),
      byAuthority(),
    ),
    /^the signer is release@example\.com\.attacker\.net/,
  );
  const evil = await signedWith({ alternativeName: { type: 'dns', value: 'evil-example.com.attacker.net' } });
  t.regex(
    await ofBundle(evil, { ...byAuthority(), identities: [{ subjectPattern: 'example.com' }] }),
    /^the signer is evil-example\.com\.attacker\.net/,
  );
  const revoked = file('revoked.crl', await revocationListOf(root, ['1001']));
  const others = file('others.crl', await revocationListOf(root, ['2002']));
  const stale = file('stale.crl', await revocationListOf(root, ['2002'], -1));
  t.regex(
    await ofBundle(await signedWith({}), byAuthority({ revocationLists: [revoked] })),
    /revoked|took back|taken back/,
  );
  t.is(await ofBundle(await signedWith({}), byAuthority({ revocationLists: [others] })), 'verified');
  t.not(await ofBundle(await signedWith({}), byAuthority({ revocationLists: [stale] })), 'verified');
});

test('ten thousand referrers and ten megabytes of annotations end in bounds, and never look unsigned', async (t) => {
  const sbom = Buffer.from('{}');
  const many = storeOf(
    Array.from({ length: 10_000 }, (_, index) => ({
      artifactType: bundleType,
      manifest: Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          index,
          layers: [{ mediaType: bundleType, digest: digestOf(sbom), size: 2 }],
        }),
      ),
    })),
    [sbom],
  );
  const before = process.cpuUsage();
  t.is(
    reasonOf(await judged(many)),
    'undecided: 10000 signatures and attestations are attached, above the limit of 512',
  );
  t.true(process.cpuUsage(before).user < 5_000_000);

  const annotations = { 'dev.cosignproject.cosign/signature': 'A'.repeat(10_485_760) };
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: digestOf(sbom),
    size: 2,
    annotations,
  };
  const tag = `${digest.replace(':', '-')}.sig`;
  const wide = storeOf([], [sbom], { [tag]: Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [layer] })) });
  t.regex(reasonOf(await judged(wide)), /^the manifest has 10\d+ bytes, above the limit of 4194304$/);

  const unlike = Array.from({ length: 10_000 }, (_, index) => ({
    artifactType: 'application/spdx+json',
    manifest: Buffer.from(`{"n":${index}}`),
  }));
  t.is(reasonOf(await judged(storeOf(unlike, []))), 'unsigned', 'what is no signature is not read');
});

test('a registry that does not answer leaves everything open', async (t) => {
  const silent: ContentStore = {
    ...storeOf([], []),
    referrers: () => Promise.reject(new ElfgateError('unreachable', 'registry.example.com does not answer')),
  };
  await t.throwsAsync(judged(silent), { message: 'registry.example.com does not answer' });
  const half: ContentStore = {
    ...storeOf([], []),
    manifest: () => Promise.reject(new ElfgateError('denied', 'registry.example.com wants other credentials')),
  };
  await t.throwsAsync(judged(half), { message: 'registry.example.com wants other credentials' });
});

test('keys that cannot be trusted are an error of whoever trusts them', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-keys-'));
  const load = (text: string | Buffer) => {
    writeFileSync(join(directory, 'key.pem'), text);
    return loadAnchors({ ...noTrust, keys: [join(directory, 'key.pem')] });
  };
  const pem = (key: KeyObject) =>
    key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }).toString();
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /holds no public key/],
    [pem(keys.curve.privateKey), /holds a private key where a public one belongs/],
    [pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), /rsa \(1024 bits\) is not accepted/],
    [pem(generateKeyPairSync('x25519').publicKey), /x25519 is not accepted/],
    [pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), /secp256k1\) is not accepted/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', /is damaged/],
    [pem(keys.curve.publicKey).repeat(65), /holds 65 keys, above the limit of 64/],
  ];
  for (const [text, message] of cases) {
    await t.throwsAsync(load(text), { message });
  }
  const rotated = await load(pem(keys.rsa.publicKey) + pem(keys.curve.publicKey));
  t.is(rotated.keys.length, 2);
});
