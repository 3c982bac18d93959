import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';

export type PublicKeyAlgorithm = 'ecdsa-p256' | 'ecdsa-p384' | 'ecdsa-p521' | 'ed25519' | 'rsa';

/** A public key that somebody decided to trust. */
export interface PublicKey {
  /** Where it comes from, as its user wrote it. */
  readonly name: string;
  readonly algorithm: PublicKeyAlgorithm;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly fingerprint: string;
  readonly key: KeyObject;
}

const curves: Readonly<Record<string, PublicKeyAlgorithm>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

/** Shortest RSA modulus, in bits: NIST SP 800-131A, and what Go's crypto/rsa and cosign accept. */
const leastRsaBits = 2048;

/**
 * Every public key of a PEM text; several at once while keys are rotated.
 *
 * @param name names the file in messages.
 * @throws ElfgateError `malformed` when there is none, one is damaged or private, or of a kind that is not accepted.
 */
export function readPublicKeys(pem: string, name: string): readonly PublicKey[] {
  const blocks = pem.match(/-----BEGIN [^-\n]+-----[^-]*-----END [^-\n]+-----/g) ?? [];
  if (blocks.length === 0) {
    throw new ElfgateError('malformed', `${name}: holds no public key in PEM form`, {
      hint: 'give the file that cosign generate-key-pair wrote as cosign.pub, or the output of openssl pkey -pubout',
    });
  }
  if (blocks.length > limits.publicKeys) {
    throw new ElfgateError('limit', `${name}: holds ${blocks.length} keys, above the limit of ${limits.publicKeys}`);
  }
  return blocks.map((block) => readPublicKey(block, name));
}

function readPublicKey(block: string, name: string): PublicKey {
  const label = /-----BEGIN ([^-]+)-----/.exec(block)?.[1] ?? '';
  if (label.includes('PRIVATE')) {
    throw new ElfgateError('malformed', `${name}: holds a private key where a public one belongs`, {
      hint: 'verification needs the public key only; keep the private one where it is',
    });
  }
  if (label !== 'PUBLIC KEY' && label !== 'RSA PUBLIC KEY') {
    throw new ElfgateError('malformed', `${name}: holds ${label.toLowerCase()}, which is no public key`, {
      hint: 'certificates of an own authority are given with --ca-roots',
    });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(block);
  } catch (cause) {
    throw new ElfgateError('malformed', `${name}: the public key is damaged`, { cause });
  }
  const algorithm = algorithmOf(key);
  if (algorithm === null) {
    throw new ElfgateError('malformed', `${name}: ${kindOf(key)} is not accepted for signatures`, {
      hint: 'use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of at least 2048 bits',
    });
  }
  return { name, algorithm, fingerprint: fingerprintOf(key), key };
}

/** Which algorithm a key is for; null when it is not accepted for signatures. */
export function algorithmOf(key: KeyObject): PublicKeyAlgorithm | null {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? null;
    case 'ed25519':
      return 'ed25519';
    case 'rsa':
      return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= leastRsaBits ? 'rsa' : null;
    default:
      return null;
  }
}

function kindOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const detail = namedCurve ?? (modulusLength === undefined ? null : `${modulusLength} bits`);
  return `a key of kind ${key.asymmetricKeyType ?? 'unknown'}${detail === null ? '' : ` (${detail})`}`;
}

/** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
export function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The hash that belongs to a curve's size (FIPS 186-5). */
const hashes: Readonly<Record<PublicKeyAlgorithm, readonly (string | null)[]>> = {
  'ecdsa-p256': ['sha256'],
  // cosign signs with the hash of the curve since version 3, and signed with SHA-256 whatever the curve before.
  'ecdsa-p384': ['sha384', 'sha256'],
  'ecdsa-p521': ['sha512', 'sha256'],
  rsa: ['sha256'],
  // Ed25519 signs the message and not a hash of it.
  ed25519: [null],
};

/** The hash to sign with; null for keys that sign the message itself. */
export function signingHash(key: KeyObject): string | null {
  const algorithm = algorithmOf(key);
  return algorithm === null ? null : (hashes[algorithm][0] ?? null);
}

/**
 * Whether a signature over bytes was made by this key. The algorithm is the key's own: nothing that travels with the
 * signature chooses it. RSA is PKCS #1 v1.5 with SHA-256, as cosign makes it.
 */
export function isSignedBy(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = algorithmOf(key);
  return algorithm !== null && hashes[algorithm].some((hash) => verify(hash, data, key, signature));
}
