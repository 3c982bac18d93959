import { constants, verify } from 'node:crypto';
import { Rejection, type Signer } from '../rejection.ts';
import { listOf, objectOf, textOf, untrustedJson } from '../untrusted-json.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { requireChain } from '../x509/chain.ts';
import type { DistinguishedName, TrustStatement } from './trust-policy.ts';

const mostCertificates = 16;

/** Critical headers of the Notary Project, all of which are judged here; any other one must be refused (RFC 7515, 4.1.11). */
const understood = [
  'io.cncf.notary.signingScheme',
  'io.cncf.notary.signingTime',
  'io.cncf.notary.authenticSigningTime',
  'io.cncf.notary.expiry',
];

interface Algorithm {
  readonly hash: string;
  readonly scheme: 'pss' | 'ecdsa';
}

/** Which algorithm a key has to be used with (specifications, signature-specification.md, "Algorithm Selection"). */
function algorithmFor({ key }: Certificate): { readonly name: string; readonly algorithm: Algorithm } {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const name =
    key.asymmetricKeyType === 'rsa'
      ? { 2048: 'PS256', 3072: 'PS384', 4096: 'PS512' }[modulusLength ?? 0]
      : { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[namedCurve ?? ''];
  if (name === undefined) {
    throw new Rejection('the key of the certificate is of a kind that the Notary Project does not allow');
  }
  return { name, algorithm: { hash: `sha${name.slice(2)}`, scheme: name.startsWith('PS') ? 'pss' : 'ecdsa' } };
}

/**
 * Verifies a Notary Project signature in a JWS envelope
 * (https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-envelope-jws.md).
 *
 * Written here because no library for JavaScript knows the format; the steps are those of notation-go's verifier.
 *
 * @param digest of the manifest, with its algorithm.
 * @throws Rejection
 */
export function requireNotationSigner(
  bytes: Uint8Array,
  digest: string,
  statement: TrustStatement,
  now: Date,
): { readonly signer: Signer; readonly signedAt: Date | null } {
  const envelope = objectOf(untrustedJson(bytes, 'the envelope'), 'the envelope');
  const payload = textOf(envelope.payload, 'the payload of the envelope');
  const protectedHeader = textOf(envelope.protected, 'the protected header of the envelope');
  const [leaf, ...supplied] = certificatesOf(objectOf(envelope.header, 'the header of the envelope'));
  if (leaf === undefined) {
    throw new Rejection('the envelope holds no certificate');
  }
  const header = objectOf(untrustedJson(base64Url(protectedHeader), 'the protected header'), 'the protected header');
  requireSignature(leaf, textOf(header.alg, 'alg'), `${protectedHeader}.${payload}`, base64Url(envelope.signature));
  requireHeaders(header);
  requireTarget(base64Url(payload), digest);
  const { signingTime, at } = timesOf(header, now);
  const scheme = header['io.cncf.notary.signingScheme'];
  const type = scheme === 'notary.x509.signingAuthority' ? 'signingAuthority' : 'ca';
  const root = requireTrustedChain({ leaf, supplied, statement, type, at, now });
  if (statement.identities !== null && !statement.identities.some((identity) => hasAttributes(leaf, identity))) {
    throw new Rejection(`the signer ${leaf.name} is none of the trusted identities of ${statement.name}`);
  }
  return { signer: { kind: 'certificate', subject: leaf.name, issuer: null, root }, signedAt: signingTime };
}

function requireSignature(leaf: Certificate, claimed: string, signed: string, signature: Buffer): void {
  const { name, algorithm } = algorithmFor(leaf);
  if (claimed !== name) {
    throw new Rejection(`the envelope claims the algorithm ${claimed.slice(0, 16)}, and its key is for ${name}`);
  }
  const options =
    algorithm.scheme === 'pss'
      ? { key: leaf.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : { key: leaf.key, dsaEncoding: 'ieee-p1363' as const };
  if (!verify(algorithm.hash, Buffer.from(signed), options, signature)) {
    throw new Rejection('the key of the certificate did not make this signature');
  }
}

function requireHeaders(header: Readonly<Record<string, unknown>>): void {
  if (header.cty !== 'application/vnd.cncf.notary.payload.v1+json') {
    throw new Rejection('the payload is of another content type than that of the Notary Project');
  }
  const critical = listOf(header.crit, 'crit').map((name) => textOf(name, 'crit'));
  const strange = critical.find((name) => !understood.includes(name));
  if (strange !== undefined) {
    throw new Rejection(`the envelope has a critical header ${strange.slice(0, 64)}, which cannot be judged`);
  }
  const scheme = header['io.cncf.notary.signingScheme'];
  if (scheme !== 'notary.x509' && scheme !== 'notary.x509.signingAuthority') {
    throw new Rejection('the signing scheme of the envelope is not known');
  }
  for (const name of ['io.cncf.notary.signingScheme', 'io.cncf.notary.expiry']) {
    if (header[name] !== undefined && !critical.includes(name)) {
      throw new Rejection(`the header ${name} has to be critical`);
    }
  }
}

function requireTarget(payload: Buffer, digest: string): void {
  const target = objectOf(
    objectOf(untrustedJson(payload, 'the payload'), 'the payload').targetArtifact,
    'targetArtifact of the payload',
  );
  const signed = textOf(target.digest, 'the digest of the payload');
  if (signed !== digest) {
    throw new Rejection(
      `the signature is for ${/^sha256:[0-9a-f]{64}$/.test(signed) ? signed : '(no digest)'}, not for ${digest}`,
    );
  }
}

/** When it was signed, by its own words, and the time at which certificates must be valid. */
function timesOf(
  header: Readonly<Record<string, unknown>>,
  now: Date,
): { readonly signingTime: Date | null; readonly at: Date } {
  const expiry = timeOf(header['io.cncf.notary.expiry']);
  if (expiry !== null && expiry < now) {
    throw new Rejection(`the signature expired on ${expiry.toISOString()}`);
  }
  const authority = header['io.cncf.notary.signingScheme'] === 'notary.x509.signingAuthority';
  const signingTime = timeOf(header[authority ? 'io.cncf.notary.authenticSigningTime' : 'io.cncf.notary.signingTime']);
  if (signingTime === null) {
    throw new Rejection('the envelope does not say when it was signed');
  }
  if (signingTime > now) {
    throw new Rejection(`the signature claims to be made at ${signingTime.toISOString()}, which is in the future`);
  }
  // A signer's own word proves nothing: only a signing authority's time counts, everybody else's certificate must still
  // be valid. Countersignatures (RFC 3161) are not read, which can refuse a signature and never accept one.
  return { signingTime, at: authority ? signingTime : now };
}

function timeOf(value: unknown): Date | null {
  if (value === undefined) {
    return null;
  }
  const time = new Date(textOf(value, 'a time of the envelope'));
  if (Number.isNaN(time.getTime())) {
    throw new Rejection('a time of the envelope is damaged');
  }
  return time;
}

function requireTrustedChain(question: {
  readonly leaf: Certificate;
  readonly supplied: readonly Certificate[];
  readonly statement: TrustStatement;
  readonly type: 'ca' | 'signingAuthority';
  readonly at: Date;
  readonly now: Date;
}): string {
  const { statement, type, ...chain } = question;
  let reason = `the trust policy ${statement.name} names no store of type ${type}`;
  for (const store of statement.stores.filter((candidate) => candidate.type === type)) {
    const roots = store.certificates;
    const authority = { name: `${store.type}:${store.name}`, roots, intermediates: [], revocationLists: [] };
    try {
      requireChain({ ...chain, authority });
      return authority.name;
    } catch (error) {
      if (!(error instanceof Rejection)) {
        throw error;
      }
      reason = error.message;
    }
  }
  throw new Rejection(reason);
}

/** Whether a certificate's subject has every attribute of an identity, each of them once. */
function hasAttributes({ x509 }: Certificate, identity: DistinguishedName): boolean {
  const subject = (x509.subject ?? '').split('\n');
  return [...identity].every(([name, value]) => {
    const written = name === 'S' ? 'ST' : name;
    const found = subject.filter((line) => line.startsWith(`${written}=`));
    return found.length === 1 && found[0] === `${written}=${value}`;
  });
}

function certificatesOf(header: Readonly<Record<string, unknown>>): readonly Certificate[] {
  const chain = listOf(header.x5c, 'x5c');
  if (chain.length > mostCertificates) {
    throw new Rejection(`the envelope brings ${chain.length} certificates, above the limit of ${mostCertificates}`);
  }
  return chain.map((certificate) => readCertificate(Buffer.from(textOf(certificate, 'x5c'), 'base64')));
}

function base64Url(value: unknown): Buffer {
  const text = textOf(value, 'a part of the envelope');
  if (!/^[A-Za-z0-9_-]*$/.test(text)) {
    throw new Rejection('a part of the envelope is not base64url');
  }
  return Buffer.from(text, 'base64url');
}
