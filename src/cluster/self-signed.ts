// @peculiar/x509 needs this to be there first.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, type webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** Everything that replicas share, as it lies in the Secret. PEM. */
export interface CertificateSet {
  /** Authorities that the API server has to trust, the newest first. */
  readonly authorities: readonly string[];
  /** Key of the newest authority. */
  readonly authorityKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** In milliseconds. */
export interface Lifetimes {
  readonly authority: number;
  readonly certificate: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

// Clocks of a cluster differ by seconds.
const clockSkew = 60_000;

/** A set of its own authority. @param names host names and addresses that clients ask for. */
export async function newCertificateSet(
  names: readonly string[],
  lifetimes: Lifetimes,
  now: Date,
): Promise<CertificateSet> {
  const { authority, authorityKey } = await newAuthority(lifetimes, now);
  return {
    authorities: [authority],
    authorityKey,
    ...(await newCertificate(names, { authority, authorityKey }, lifetimes, now)),
  };
}

/** The set with another authority in front; its certificate stays until everybody trusts that. */
export async function withNewAuthority(set: CertificateSet, lifetimes: Lifetimes, now: Date): Promise<CertificateSet> {
  const { authority, authorityKey } = await newAuthority(lifetimes, now);
  return { ...set, authorities: [authority, ...set.authorities], authorityKey };
}

/** The set with another certificate by its newest authority. */
export async function withNewCertificate(
  set: CertificateSet,
  names: readonly string[],
  lifetimes: Lifetimes,
  now: Date,
): Promise<CertificateSet> {
  const [authority = ''] = set.authorities;
  return { ...set, ...(await newCertificate(names, { ...set, authority }, lifetimes, now)) };
}

/** What has to be done with a set next; null for nothing. Two thirds of a life are used. */
export function dueRenewal(
  set: CertificateSet,
  names: readonly string[],
  now: Date,
): 'authority' | 'certificate' | null {
  const [newest = ''] = set.authorities;
  if (isWorn(newest, now)) {
    return 'authority';
  }
  const certificate = new X509Certificate(set.certificate);
  return isWorn(set.certificate, now) ||
    !certificate.checkIssued(new X509Certificate(newest)) ||
    !names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined)
    ? 'certificate'
    : null;
}

/** The set without authorities whose time is over. */
export function withoutExpired(set: CertificateSet, now: Date): CertificateSet {
  const authorities = set.authorities.filter((authority) => new X509Certificate(authority).validToDate > now);
  return authorities.length === set.authorities.length ? set : { ...set, authorities };
}

/** Whether the parts of a set are certificates and keys that belong together. */
export function isSound(set: CertificateSet): boolean {
  try {
    const [newest = ''] = set.authorities;
    return (
      new X509Certificate(set.certificate).checkPrivateKey(createPrivateKey(set.key)) &&
      new X509Certificate(newest).checkPrivateKey(createPrivateKey(set.authorityKey))
    );
  } catch {
    return false;
  }
}

function isWorn(pem: string, now: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  const life = validToDate.getTime() - validFromDate.getTime();
  return now.getTime() > validFromDate.getTime() + (life * 2) / 3;
}

async function newAuthority(
  { authority: life }: Lifetimes,
  now: Date,
): Promise<{ readonly authority: string; readonly authorityKey: string }> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // Authorities that follow each other need names that tell them apart: a chain is found by name.
    name: `CN=elfgate authority ${randomBytes(4).toString('hex')}`,
    notBefore: new Date(now.getTime() - clockSkew),
    notAfter: new Date(now.getTime() + life),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { authority: certificate.toString('pem'), authorityKey: await privatePem(keys) };
}

async function newCertificate(
  names: readonly string[],
  { authority, authorityKey }: { readonly authority: string; readonly authorityKey: string },
  { certificate: life }: Lifetimes,
  now: Date,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(authority);
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(authorityKey).export({ type: 'pkcs8', format: 'der' }),
    algorithm,
    false,
    ['sign'],
  );
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=elfgate',
    issuer: issuer.subject,
    notBefore: new Date(now.getTime() - clockSkew),
    notAfter: new Date(Math.min(now.getTime() + life, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await privatePem(keys) };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey));
  return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

/** Positive and of 16 bytes (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
