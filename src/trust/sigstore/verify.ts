import type { SignedEntity } from '@sigstore/verify';
import type { TrustAnchors } from '../anchors.ts';
import { type Identity, matches, writtenAs } from '../identity.ts';
import { isSignedBy } from '../public-key.ts';
import { Rejection, type Signer } from '../rejection.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type CertificateAuthority, requireChain } from '../x509/chain.ts';
import { entityOf, type SigstoreLibrary, verifyEntity } from './library.ts';
import { type SignatureMaterial, signedBytes } from './material.ts';
import type { SigstoreRoot } from './trusted-root.ts';

interface Verified {
  readonly signer: Signer;
  readonly signedAt: Date | null;
}

/**
 * Verifies who signed, not yet what about: by a trusted key, by a certificate of a Sigstore instance, or by one of an
 * own authority.
 *
 * @param now decides about certificates where nothing proves when the signature was made.
 * @throws Rejection with the reason of the last way that was tried.
 */
export function requireSigner(material: SignatureMaterial, anchors: TrustAnchors, now: Date): Verified {
  if (material.certificate === null || material.kind === 'cosign') {
    const signer = keyThatSigned(material, anchors);
    if (signer !== null) {
      return signer;
    }
  }
  if (material.certificate === null) {
    const [key, ...further] = anchors.keys;
    throw new Rejection(
      key === undefined
        ? 'a key signed it, and no public key is trusted'
        : further.length === 0
          ? `the trusted key ${key.name} did not make this signature`
          : `none of the ${anchors.keys.length} trusted keys made this signature`,
    );
  }
  return requireCertified(material, material.certificate, anchors, now);
}

function keyThatSigned(material: SignatureMaterial, { keys, sigstore }: TrustAnchors): Verified | null {
  const bytes = signedBytes(material.signed);
  const found = keys.find(({ key }) => material.signatures.some((signature) => isSignedBy(key, bytes, signature)));
  if (found === undefined) {
    return null;
  }
  if (material.isWitnessed && sigstore !== null) {
    // What a log says about a signature by a trusted key adds to it; where it contradicts, something is wrong.
    witnessedBy(material, found, sigstore);
  }
  const { name, fingerprint, algorithm } = found;
  return { signer: { kind: 'key', name, fingerprint, algorithm }, signedAt: null };
}

/** Ways to verify a certificate are tried one after the other; the last reason is told when none succeeds. */
function requireCertified(
  material: SignatureMaterial,
  certificate: Certificate,
  anchors: TrustAnchors,
  now: Date,
): Verified {
  const { authorities, sigstore, identities } = anchors;
  const ways = [
    ...(sigstore === null || identities.length === 0
      ? []
      : sigstore.roots.map((root) => () => requireKeyless(material, certificate, root, sigstore.library, identities))),
    ...authorities.map((authority) => () => requireOwnChain(material, certificate, authority, anchors, now)),
  ];
  let reason = 'a certificate signed it, and no authority is trusted';
  for (const way of ways) {
    try {
      return way();
    } catch (error) {
      if (!(error instanceof Rejection)) {
        throw error;
      }
      reason = error.message;
    }
  }
  throw new Rejection(reason);
}

/** id-kp-codeSigning (RFC 5280, 4.2.1.12). */
const codeSigning = '1.3.6.1.5.5.7.3.3';

/** A certificate that lived for minutes: the logs and timestamps prove that the signature was made in them. */
function requireKeyless(
  material: SignatureMaterial,
  certificate: Certificate,
  root: SigstoreRoot,
  library: SigstoreLibrary,
  identities: readonly Identity[],
): Verified {
  const { entity, bundle } = entityOf(library, material.bundle, artifactOf(material));
  verifyEntity(library, entity, root.material, { certificateLogs: 1, transparencyLogs: 1, timestamps: 1 });
  if (certificate.isAuthority || certificate.extendedKeyUsages?.includes(codeSigning) !== true) {
    throw new Rejection(`the certificate ${shownNames(certificate)} is not for code signing`);
  }
  const subject = requireIdentity(certificate, identities, 'issuer-required');
  const [entry] = bundle.verificationMaterial.tlogEntries.filter(({ inclusionPromise }) => inclusionPromise);
  return {
    signer: { kind: 'certificate', subject, issuer: certificate.openIdIssuer, root: root.name },
    signedAt: entry === undefined ? null : new Date(Number(entry.integratedTime) * 1000),
  };
}

function requireOwnChain(
  material: SignatureMaterial,
  leaf: Certificate,
  authority: CertificateAuthority,
  { sigstore, identities }: TrustAnchors,
  now: Date,
): Verified {
  const times =
    material.isWitnessed && sigstore !== null
      ? witnessedBy(material, leaf, sigstore)
      : requireSignature(material, leaf);
  for (const at of times.length === 0 ? [now] : times) {
    requireChain({ leaf, supplied: material.supplied, authority, at, now });
  }
  const subject =
    identities.length === 0
      ? (leaf.alternativeNames[0] ?? leaf.name)
      : requireIdentity(leaf, identities, 'issuer-optional');
  return {
    signer: { kind: 'certificate', subject, issuer: leaf.openIdIssuer, root: authority.name },
    signedAt: times[0] ?? null,
  };
}

function requireSignature(material: SignatureMaterial, leaf: Certificate): readonly Date[] {
  const bytes = signedBytes(material.signed);
  if (!material.signatures.some((signature) => isSignedBy(leaf.key, bytes, signature))) {
    throw new Rejection('the key of the certificate did not make this signature');
  }
  return [];
}

/**
 * Has the library verify the signature by one key together with its log entries and timestamps.
 *
 * @returns the times that they prove, none when there are only entries without a time.
 * @throws Rejection
 */
function witnessedBy(
  material: SignatureMaterial,
  { key }: Pick<Certificate, 'key'>,
  { roots, library }: NonNullable<TrustAnchors['sigstore']>,
): readonly Date[] {
  const { entity } = entityOf(library, material.bundle, artifactOf(material));
  // Asked for a key instead of a certificate, the library tells every time that it has verified.
  const byKey: SignedEntity = { ...entity, key: { $case: 'public-key', hint: '' } };
  let reason = new Rejection('no Sigstore root is trusted');
  for (const { material: trust } of roots) {
    const times: Date[] = [];
    const validFor = (date: Date): boolean => {
      times.push(date);
      return true;
    };
    const found = { publicKey: key, validFor };
    try {
      const least = { certificateLogs: 0, transparencyLogs: 0, timestamps: 0 };
      verifyEntity(library, byKey, { ...trust, publicKey: () => found }, least);
      return times;
    } catch (error) {
      if (!(error instanceof Rejection)) {
        throw error;
      }
      reason = error;
    }
  }
  throw reason;
}

function artifactOf({ signed }: SignatureMaterial): Buffer | null {
  return signed.kind === 'message' ? signed.bytes : null;
}

/** @returns the name that one of the identities accepts. @throws Rejection */
function requireIdentity(
  certificate: Certificate,
  identities: readonly Identity[],
  issuers: 'issuer-required' | 'issuer-optional',
): string {
  const issuerFits = ({ issuer }: Identity): boolean =>
    issuer === null ? issuers === 'issuer-optional' : matches(issuer, certificate.openIdIssuer ?? '');
  for (const identity of identities.filter(issuerFits)) {
    const name = certificate.alternativeNames.find((candidate) => matches(identity.subject, candidate));
    if (name !== undefined) {
      return name;
    }
  }
  const expected = identities
    .map(({ subject, issuer }) => writtenAs(subject) + (issuer === null ? '' : ` of ${writtenAs(issuer)}`))
    .join(', ');
  const issuer = certificate.openIdIssuer === null ? '' : ` of ${certificate.openIdIssuer}`;
  throw new Rejection(`the signer is ${shownNames(certificate)}${issuer}, and trusted is ${expected}`);
}

function shownNames({ alternativeNames, name }: Certificate): string {
  return alternativeNames.length === 0 ? name : alternativeNames.slice(0, 4).join(', ');
}
