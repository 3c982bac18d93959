import { verify } from 'node:crypto';
import { ElfgateError } from '../../errors.ts';
import { Rejection } from '../rejection.ts';
import type { Certificate } from './certificate.ts';
import { childrenOf, type DerElement, derTag, objectIdentifierOf, readDer, timeOf } from './der.ts';

/** A list of certificates that their authority took back (RFC 5280, 5). Its signature is checked when it is asked. */
export interface RevocationList {
  readonly file: string;
  readonly issuer: Buffer;
  /** After this it says nothing any more; null when it does not say. */
  readonly nextUpdate: Date | null;
  /** Serial numbers, hexadecimal. */
  readonly serialNumbers: ReadonlySet<string>;
  readonly signed: Buffer;
  readonly signature: Buffer;
  readonly hash: string | null;
}

// RFC 4055, RFC 5758, RFC 8410; SHA-1 is not among them.
const signatureHashes: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

/** Reads a list in PEM or DER. @throws ElfgateError `malformed` */
export function readRevocationList(bytes: Buffer, file: string): RevocationList {
  try {
    const [, base64] = /-----BEGIN X509 CRL-----([^-]*)-----END X509 CRL-----/.exec(bytes.toString('latin1')) ?? [];
    return listOf(base64 === undefined ? bytes : Buffer.from(base64, 'base64'), file);
  } catch (cause) {
    if (cause instanceof Rejection) {
      throw new ElfgateError('malformed', `${file}: is no revocation list (${cause.message})`, {
        hint: 'openssl crl -in FILE -text shows what another reader makes of it',
        cause,
      });
    }
    throw cause;
  }
}

function listOf(der: Buffer, file: string): RevocationList {
  const [signed, algorithm, signature] = childrenOf(readDer(der));
  if (signed === undefined || algorithm === undefined || signature?.tag !== derTag.bitString) {
    throw new Rejection('it is damaged');
  }
  const id = objectIdentifierOf(childrenOf(algorithm)[0] ?? algorithm);
  const hash = signatureHashes[id];
  if (hash === undefined) {
    throw new Rejection(`it is signed with ${id}, which is not accepted`);
  }
  const fields = childrenOf(signed);
  const [, issuer, , ...rest] = fields[0]?.tag === derTag.integer ? fields.slice(1) : fields;
  if (issuer === undefined) {
    throw new Rejection('it is damaged');
  }
  const isTime = ({ tag }: DerElement): boolean => tag === derTag.utcTime || tag === derTag.generalizedTime;
  const nextUpdate = rest[0] !== undefined && isTime(rest[0]) ? timeOf(rest[0]) : null;
  const entries = rest.find(({ tag }) => tag === derTag.sequence);
  return {
    file,
    issuer: issuer.raw,
    nextUpdate,
    serialNumbers: new Set(
      (entries === undefined ? [] : childrenOf(entries)).map(
        (entry) => childrenOf(entry)[0]?.content.toString('hex') ?? '',
      ),
    ),
    signed: signed.raw,
    signature: signature.content.subarray(1),
    hash,
  };
}

/**
 * Rejects a certificate that a list names, whenever it was taken back: who holds a stolen key can choose the date. A list
 * that has run out, or that its authority did not sign, decides nothing and is a reason to refuse as well.
 *
 * @param issuer the authority of the certificate, already verified to be it.
 * @throws Rejection
 */
export function requireNotRevoked(
  certificate: Certificate,
  issuer: Certificate,
  lists: readonly RevocationList[],
  now: Date,
): void {
  for (const list of lists.filter((candidate) => candidate.issuer.equals(certificate.issuer))) {
    if (!verify(list.hash, list.signed, issuer.key, list.signature)) {
      throw new Rejection(`the revocation list ${list.file} was not signed by ${issuer.name}`);
    }
    if (list.nextUpdate !== null && list.nextUpdate < now) {
      throw new Rejection(`the revocation list ${list.file} ran out on ${list.nextUpdate.toISOString()}`);
    }
    if (list.serialNumbers.has(certificate.serialNumber.toString('hex'))) {
      throw new Rejection(`the certificate ${certificate.name} was revoked`);
    }
  }
}
