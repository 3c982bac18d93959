import { type KeyObject, X509Certificate } from 'node:crypto';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { algorithmOf } from '../public-key.ts';
import { Rejection } from '../rejection.ts';
import { childrenOf, type DerElement, derTag, objectIdentifierOf, readDer } from './der.ts';

/** A certificate with what verification asks of it (RFC 5280). */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly key: KeyObject;
  /** As people read it: `CN=…, O=…`. */
  readonly name: string;
  /** DER of subject and issuer, which revocation lists are found by. */
  readonly subject: Buffer;
  readonly issuer: Buffer;
  /** Content of the serial number. */
  readonly serialNumber: Buffer;
  readonly isAuthority: boolean;
  /** How many authorities may follow below this one; null without a bound. */
  readonly pathLength: number | null;
  /** Whether it may sign data; true when it does not say. */
  readonly mayDigitallySign: boolean;
  /** Whether it may sign certificates; true when it does not say. */
  readonly maySignCertificates: boolean;
  /** Object identifiers of extended key usages; null when it does not say. */
  readonly extendedKeyUsages: readonly string[] | null;
  /** Mail addresses, URIs and DNS names that it is for. */
  readonly alternativeNames: readonly string[];
  /** The OpenID Connect issuer that Fulcio wrote into it; null in other certificates. */
  readonly openIdIssuer: string | null;
  readonly validFrom: Date;
  readonly validTo: Date;
}

const extensionIds = {
  keyUsage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  // https://github.com/sigstore/fulcio/blob/v1.8.0/docs/oid-info.md
  fulcioIssuer: '1.3.6.1.4.1.57264.1.1',
  fulcioIssuerUtf8: '1.3.6.1.4.1.57264.1.8',
} as const;

/** Critical extensions that verification here takes into account; any other one has to be refused (RFC 5280, 4.2). */
const understood: readonly string[] = [
  extensionIds.keyUsage,
  extensionIds.alternativeName,
  extensionIds.basicConstraints,
  extensionIds.extendedKeyUsage,
  // Identifiers of keys, and policies, which nobody here asks for.
  '2.5.29.14',
  '2.5.29.35',
  '2.5.29.32',
];

/** @throws Rejection when it is damaged, or its key is of a kind that is not accepted. */
export function readCertificate(bytes: Buffer | string): Certificate {
  let x509: X509Certificate;
  let key: KeyObject;
  try {
    x509 = new X509Certificate(bytes);
    key = x509.publicKey;
  } catch {
    throw new Rejection('the certificate is damaged');
  }
  const fields = childrenOf(first(childrenOf(readDer(x509.raw))));
  const versioned = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  const [serialNumber, , issuer, , subject] = versioned;
  if (serialNumber === undefined || issuer === undefined || subject === undefined) {
    throw new Rejection('the certificate is damaged');
  }
  // Certificates that name their subject only in an extension have no subject, whatever the type says.
  const name = (x509.subject ?? '(no subject)').split('\n').join(', ');
  const extensions = extensionsOf(
    versioned.find(({ tag }) => tag === 0xa3),
    name,
  );
  const usage = extensions.get(extensionIds.keyUsage);
  const usageBits = usage === undefined ? null : (readDer(usage).content[1] ?? 0);
  if (algorithmOf(key) === null) {
    throw new Rejection(`the key of the certificate ${name} is of a kind that is not accepted`);
  }
  return {
    x509,
    key,
    name,
    subject: subject.raw,
    issuer: issuer.raw,
    serialNumber: serialNumber.content,
    ...basicConstraints(extensions.get(extensionIds.basicConstraints)),
    // Bits are counted from the highest one: digitalSignature is 0, keyCertSign 5 (RFC 5280, 4.2.1.3).
    mayDigitallySign: usageBits === null || (usageBits & 0x80) !== 0,
    maySignCertificates: usageBits === null || (usageBits & 0x04) !== 0,
    extendedKeyUsages: extendedKeyUsages(extensions.get(extensionIds.extendedKeyUsage)),
    alternativeNames: alternativeNames(extensions.get(extensionIds.alternativeName)),
    openIdIssuer: openIdIssuer(extensions),
    validFrom: x509.validFromDate,
    validTo: x509.validToDate,
  };
}

/**
 * Every certificate of a PEM text that the user trusts.
 *
 * @throws ElfgateError `malformed` when there is none or one is damaged.
 */
export function readTrustedCertificates(pem: string, file: string): readonly Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw new ElfgateError('malformed', `${file}: holds no certificate in PEM form`, {
      hint: 'openssl x509 -inform der -in FILE -out FILE.pem turns a binary one into text',
    });
  }
  if (blocks.length > limits.trustedCertificates) {
    throw new ElfgateError(
      'limit',
      `${file}: holds ${blocks.length} certificates, above the limit of ${limits.trustedCertificates}`,
    );
  }
  try {
    return blocks.map((block) => readCertificate(block));
  } catch (cause) {
    if (cause instanceof Rejection) {
      throw new ElfgateError('malformed', `${file}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

function first(elements: readonly DerElement[]): DerElement {
  const [element] = elements;
  if (element === undefined) {
    throw new Rejection('the certificate is damaged');
  }
  return element;
}

function extensionsOf(wrapper: DerElement | undefined, name: string): ReadonlyMap<string, Buffer> {
  const extensions = new Map<string, Buffer>();
  if (wrapper === undefined) {
    return extensions;
  }
  for (const extension of childrenOf(first(childrenOf(wrapper)))) {
    const parts = childrenOf(extension);
    const id = objectIdentifierOf(first(parts));
    const critical = parts[1]?.tag === derTag.boolean && parts[1].content[0] !== 0;
    const value = parts.at(-1);
    if (value?.tag !== derTag.octetString || extensions.has(id)) {
      throw new Rejection('the certificate is damaged');
    }
    if (critical && !understood.includes(id)) {
      throw new Rejection(`the certificate ${name} has a critical extension ${id}, which cannot be judged`);
    }
    extensions.set(id, value.content);
  }
  return extensions;
}

function basicConstraints(value: Buffer | undefined): Pick<Certificate, 'isAuthority' | 'pathLength'> {
  const parts = value === undefined ? [] : childrenOf(readDer(value));
  const authority = parts.find(({ tag }) => tag === derTag.boolean);
  const length = parts.find(({ tag }) => tag === derTag.integer);
  return {
    isAuthority: authority !== undefined && authority.content[0] !== 0,
    pathLength: length === undefined ? null : length.content.length === 1 ? (length.content[0] ?? 0) : 0,
  };
}

function extendedKeyUsages(value: Buffer | undefined): readonly string[] | null {
  return value === undefined ? null : childrenOf(readDer(value)).map(objectIdentifierOf);
}

// GeneralName: [1] rfc822Name, [2] dNSName, [6] uniformResourceIdentifier (RFC 5280, 4.2.1.6).
const textNames: readonly number[] = [0x81, 0x82, 0x86];

function alternativeNames(value: Buffer | undefined): readonly string[] {
  return value === undefined
    ? []
    : childrenOf(readDer(value))
        .filter(({ tag }) => textNames.includes(tag))
        .map(({ content }) => content.toString('latin1'));
}

function openIdIssuer(extensions: ReadonlyMap<string, Buffer>): string | null {
  const utf8 = extensions.get(extensionIds.fulcioIssuerUtf8);
  return (
    (utf8 === undefined ? null : readDer(utf8).content.toString()) ??
    extensions.get(extensionIds.fulcioIssuer)?.toString() ??
    null
  );
}
