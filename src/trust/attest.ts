import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { ElfgateError } from '../errors.ts';
import type { Patience, WritableContentStore } from '../image/content-store.ts';
import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { preAuthenticationEncoding } from './dsse.ts';
import { algorithmOf, signingHash } from './public-key.ts';
import { statementPayloadType } from './statement.ts';

/** A claim about an image, to be signed. */
export interface Attestation {
  readonly predicateType: string;
  readonly predicate: unknown;
}

/**
 * Reads a private key, PEM; cosign's own encrypted keys are for cosign alone.
 *
 * @param passphrase of an encrypted key; null for none.
 * @throws ElfgateError `malformed` when it is none, or of a kind that is not accepted for signatures.
 */
export function readPrivateKey(pem: string, name: string, passphrase: string | null): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === null ? pem : { key: pem, passphrase });
  } catch {
    // The cause might repeat what it was given.
    throw new ElfgateError('malformed', `${name}: holds no private key in PEM form that can be read`, {
      hint: 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; the passphrase of an encrypted key is taken from ELFGATE_KEY_PASSPHRASE',
    });
  }
  if (algorithmOf(createPublicKey(key)) === null) {
    throw new ElfgateError('malformed', `${name}: a key of this kind is not accepted for signatures`, {
      hint: 'use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits',
    });
  }
  return key;
}

/** Whether a PEM text is a key that cosign has encrypted in its own way. */
export function isCosignKey(pem: string): boolean {
  return /-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----/.test(pem);
}

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/**
 * A Sigstore bundle with an in-toto statement about a digest, signed by a key. No log and no timestamp testifies to it:
 * whoever trusts the key believes it.
 *
 * @param subject names the artifact to people: `registry.example.com/team/app`.
 */
export function signedBundle(attestation: Attestation, subject: string, digest: Digest, key: KeyObject): Buffer {
  const [algorithm = '', hexadecimal = ''] = digest.split(':');
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: subject, digest: { [algorithm]: hexadecimal } }],
      ...attestation,
    }),
  );
  const publicKey = createPublicKey(key);
  const signature = sign(signingHash(publicKey), preAuthenticationEncoding(statementPayloadType, payload), key);
  const hint = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return Buffer.from(
    JSON.stringify({
      mediaType: bundleType,
      verificationMaterial: { publicKey: { hint } },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType: statementPayloadType,
        signatures: [{ sig: signature.toString('base64') }],
      },
    }),
  );
}

/**
 * Attaches a bundle to a manifest, as a referrer; the store keeps the fallback tag where the registry lists none.
 *
 * @throws ElfgateError as {@link WritableContentStore}
 */
export async function pushBundle(
  store: WritableContentStore,
  subject: Pick<Descriptor, 'digest' | 'mediaType' | 'size'>,
  bundle: Buffer,
  { predicateType, createdAt }: { readonly predicateType: string; readonly createdAt: Date },
  patience: Patience = {},
): Promise<Descriptor> {
  const config = await store.pushBlob(Buffer.from('{}'), mediaTypes.ociEmpty, patience);
  const layer = await store.pushBlob(bundle, bundleType, patience);
  const descriptor = ({ mediaType, digest, size }: Pick<Descriptor, 'digest' | 'mediaType' | 'size'>) => ({
    mediaType,
    digest,
    size,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: bundleType,
    config: descriptor(config),
    layers: [descriptor(layer)],
    subject: descriptor(subject),
    // As cosign marks them, so that it can choose among referrers without fetching each.
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
      'org.opencontainers.image.created': createdAt.toISOString(),
    },
  };
  return store.pushManifest(Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest, null, patience);
}
