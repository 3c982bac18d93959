import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { BuiltinError } from './builtin.ts';
import { recordOf } from './operands.ts';

/** A key that signatures are checked with. */
export interface VerificationKey {
  /** The algorithm that it is for; empty for any. */
  readonly alg: string;
  readonly kid: string;
  readonly key: KeyObject | null;
  /** Of a symmetric key. */
  readonly secret: Buffer | null;
}

/** The keys of a certificate or public key in PEM, or of a JWK or JWK set. */
export function verificationKeys(text: string): readonly VerificationKey[] {
  try {
    return text.includes('-----BEGIN ') ? [keyOfPem(text)] : keysOfJwks(text);
  } catch (cause) {
    throw new BuiltinError('failed to parse a key', { cause });
  }
}

function keyOfPem(text: string): VerificationKey {
  const match = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----\n?([\s\S]*)$/.exec(text);
  if (match === null || match[2] !== '') {
    throw new BuiltinError('extra data after a PEM certificate block');
  }
  switch (match[1]) {
    case 'CERTIFICATE':
      return { alg: '', kid: '', key: new X509Certificate(text).publicKey, secret: null };
    case 'PUBLIC KEY':
      return { alg: '', kid: '', key: createPublicKey(text), secret: null };
    default:
      throw new BuiltinError('failed to extract a Key from the PEM certificate');
  }
}

const algorithms = /^(?:[RPEH]S(?:256|384|512)|EdDSA)$/;

function keysOfJwks(text: string): readonly VerificationKey[] {
  const parsed = recordOf(JSON.parse(text));
  const list = Array.isArray(parsed.keys) ? parsed.keys : [parsed];
  return list.map(recordOf).flatMap((jwk): readonly VerificationKey[] => {
    const alg = typeof jwk.alg === 'string' ? jwk.alg : '';
    const kid = typeof jwk.kid === 'string' ? jwk.kid : '';
    if (alg !== '' && !algorithms.test(alg)) {
      return [];
    }
    return jwk.kty === 'oct'
      ? [{ alg, kid, key: null, secret: Buffer.from(String(jwk.k), 'base64url') }]
      : [{ alg, kid, key: createPublicKey({ key: jwk, format: 'jwk' }), secret: null }];
  });
}
