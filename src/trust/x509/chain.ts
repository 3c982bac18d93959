import { limits } from '../../limits.ts';
import { Rejection } from '../rejection.ts';
import type { Certificate } from './certificate.ts';
import { type RevocationList, requireNotRevoked } from './revocation-list.ts';

/** An organisation's own certificate authority, as somebody decided to trust it. */
export interface CertificateAuthority {
  /** As configured, for messages. */
  readonly name: string;
  readonly roots: readonly Certificate[];
  /** Certificates that may stand between; a signature may bring further ones. */
  readonly intermediates: readonly Certificate[];
  readonly revocationLists: readonly RevocationList[];
}

export interface ChainQuestion {
  readonly leaf: Certificate;
  /** What came with the signature; trusted only as far as a chain through them ends at a root. */
  readonly supplied: readonly Certificate[];
  readonly authority: CertificateAuthority;
  /** When the signature was made, as far as that is proven; otherwise now. */
  readonly at: Date;
  readonly now: Date;
}

/** id-kp-codeSigning and anyExtendedKeyUsage (RFC 5280, 4.2.1.12). */
const codeSigning = '1.3.6.1.5.5.7.3.3';
const anyUsage = '2.5.29.37.0';

/**
 * Finds a chain from a signer's certificate to a root of the authority, and judges all of it: signatures, who may sign
 * certificates, path lengths, key usages, validity at the time of signing, and revocation.
 *
 * @returns the chain, the signer first and the root last.
 * @throws Rejection with the reason why the most promising chain fails.
 */
export function requireChain(question: ChainQuestion): readonly Certificate[] {
  const { leaf, authority } = question;
  if (leaf.isAuthority) {
    throw new Rejection(`the certificate ${leaf.name} is one of an authority, which must not sign artifacts`);
  }
  if (!leaf.mayDigitallySign) {
    throw new Rejection(`the certificate ${leaf.name} may not make digital signatures (key usage)`);
  }
  let steps = 0;
  let reason = `no chain leads from the certificate ${leaf.name} to a root of ${authority.name}`;
  const pool = [...authority.intermediates, ...question.supplied];
  const extend = (chain: readonly Certificate[]): readonly Certificate[] | null => {
    const last = chain.at(-1) ?? leaf;
    for (const root of authority.roots) {
      if (root.x509.fingerprint256 === last.x509.fingerprint256 || issued(root, last)) {
        const whole = root.x509.fingerprint256 === last.x509.fingerprint256 ? chain : [...chain, root];
        try {
          requireValid(whole, question);
          return whole;
        } catch (error) {
          if (!(error instanceof Rejection)) {
            throw error;
          }
          reason = error.message;
        }
      }
    }
    for (const candidate of pool) {
      steps += 1;
      if (steps > limits.chainSteps || chain.length >= limits.chainCertificates) {
        return null;
      }
      if (!chain.includes(candidate) && issued(candidate, last)) {
        const found = extend([...chain, candidate]);
        if (found !== null) {
          return found;
        }
      }
    }
    return null;
  };
  const chain = extend([leaf]);
  if (chain === null) {
    throw new Rejection(reason);
  }
  return chain;
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  return (
    issuer.subject.equals(certificate.issuer) &&
    // SHA-1 and MD5 can be collided: what they sign could be somebody else's certificate.
    !/sha1|md5|md2/i.test(certificate.x509.signatureAlgorithm ?? 'unknown') &&
    certificate.x509.verify(issuer.key)
  );
}

function requireValid(chain: readonly Certificate[], { at, now, authority }: ChainQuestion): void {
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1];
    if (index > 0 && !(certificate.isAuthority && certificate.maySignCertificates)) {
      throw new Rejection(`the certificate ${certificate.name} may not sign certificates`);
    }
    // Authorities below this one, the signer's own certificate not counted.
    if (certificate.pathLength !== null && index > 0 && index - 1 > certificate.pathLength) {
      throw new Rejection(`the chain below ${certificate.name} is longer than it allows`);
    }
    const usages = certificate.extendedKeyUsages;
    if (usages !== null && !usages.includes(codeSigning) && !usages.includes(anyUsage)) {
      throw new Rejection(`the certificate ${certificate.name} is not for code signing (extended key usage)`);
    }
    if (at < certificate.validFrom) {
      throw new Rejection(
        `the certificate ${certificate.name} was not valid before ${certificate.validFrom.toISOString()}; the signature counts from ${at.toISOString()}`,
      );
    }
    if (at > certificate.validTo) {
      throw new Rejection(
        `the certificate ${certificate.name} expired on ${certificate.validTo.toISOString()}, and nothing proves that the signature is older`,
      );
    }
    if (issuer !== undefined) {
      requireNotRevoked(certificate, issuer, authority.revocationLists, now);
    }
  }
}
