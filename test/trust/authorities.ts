/** Certificate authorities as an organisation would have them, with everything that can be wrong about one. */

// @peculiar/x509 needs this to be there first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 86_400_000;

export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

export interface Leaf {
  /** PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly key: string;
  readonly serialNumber: string;
}

interface LeafOptions {
  readonly subject?: string;
  readonly alternativeName?: x509.JsonGeneralName;
  readonly usages?: readonly string[];
  readonly keyUsage?: x509.KeyUsageFlags;
  readonly from?: Day;
  readonly to?: Day;
  readonly serialNumber?: string;
  readonly extensions?: readonly x509.Extension[];
}

export const codeSigning = x509.ExtendedKeyUsage.codeSigning;
export const serverAuth = x509.ExtendedKeyUsage.serverAuth;
export const { KeyUsageFlags } = x509;

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** Days from now, or dates. */
type Day = number | Date;

const dateOf = (value: Day): Date => (value instanceof Date ? value : new Date(Date.now() + value * day));
const dates = (from: Day, to: Day) => ({ notBefore: dateOf(from), notAfter: dateOf(to) });

const authorityExtensions = (pathLength?: number) => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];

export async function rootAuthority(
  name = 'CN=Lab root, O=Lab, ST=Berlin, C=DE',
  pathLength?: number,
  validity: { readonly from: Day; readonly to: Day } = { from: -10, to: 100 },
): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates(validity.from, validity.to),
    serialNumber: '01',
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions: authorityExtensions(pathLength),
  });
  return { certificate, keys };
}

export async function subordinateAuthority(above: Authority, name = 'CN=Lab signing, O=Lab, C=DE'): Promise<Authority> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...dates(-10, 90),
    serialNumber: '02',
    subject: name,
    issuer: above.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: above.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: authorityExtensions(),
  });
  return { certificate, keys };
}

export async function leafOf(authority: Authority, options: LeafOptions = {}): Promise<Leaf> {
  const keys = await generateKeys();
  const serialNumber = options.serialNumber ?? '1001';
  const certificate = await x509.X509CertificateGenerator.create({
    ...dates(options.from ?? -1, options.to ?? 30),
    serialNumber,
    subject: options.subject ?? 'CN=release, O=Lab, ST=Berlin, C=DE',
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(options.keyUsage ?? x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([...(options.usages ?? [codeSigning])]),
      new x509.SubjectAlternativeNameExtension([
        options.alternativeName ?? { type: 'email', value: 'release@example.com' },
      ]),
      ...(options.extensions ?? []),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    serialNumber,
  };
}

/** A revocation list of an authority, PEM. @param nextUpdate days from now. */
export async function revocationListOf(
  authority: Authority,
  serialNumbers: readonly string[],
  nextUpdate = 10,
): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: authority.certificate.subject,
    thisUpdate: new Date(Date.now() - 20 * day),
    nextUpdate: new Date(Date.now() + nextUpdate * day),
    entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date(Date.now() - day) })),
    signingAlgorithm: algorithm,
    signingKey: authority.keys.privateKey,
  });
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

export function pemOf({ certificate }: Authority): string {
  return `${certificate.toString('pem')}\n`;
}
