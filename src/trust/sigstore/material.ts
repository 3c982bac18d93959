import { createHash } from 'node:crypto';
import { type Envelope, envelopeOf, preAuthenticationEncoding } from '../dsse.ts';
import { Rejection } from '../rejection.ts';
import { base64Of, listOf, objectOf, textOf, untrustedJson } from '../untrusted-json.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';

/**
 * One Sigstore signature, whichever way it was attached: a bundle of any version, or the annotations that cosign wrote
 * before there were bundles.
 */
export interface SignatureMaterial {
  readonly kind: 'cosign' | 'sigstore-bundle';
  readonly signed: SignedContent;
  readonly signatures: readonly Buffer[];
  /** The signer's certificate; null when a key signed. */
  readonly certificate: Certificate | null;
  /** Certificates that came along. */
  readonly supplied: readonly Certificate[];
  /** The whole as a bundle, for the library that checks logs and timestamps. */
  readonly bundle: Readonly<Record<string, unknown>>;
  /** Whether logs or timestamp authorities testify to it. */
  readonly isWitnessed: boolean;
}

/** What was signed. */
export type SignedContent =
  /** An envelope, which carries its payload. */
  | { readonly kind: 'envelope'; readonly envelope: Envelope }
  /** Bytes that lie elsewhere: a file, or the payload in cosign's first format. */
  | { readonly kind: 'message'; readonly bytes: Buffer };

/** The bytes that a signature is over. */
export function signedBytes(signed: SignedContent): Buffer {
  return signed.kind === 'message'
    ? signed.bytes
    : preAuthenticationEncoding(signed.envelope.payloadType, signed.envelope.payload);
}

const bundleTypes = [
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
];

/**
 * Reads a Sigstore bundle (https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto).
 *
 * @param artifact the bytes that were signed, where the bundle does not carry them; null for an image.
 * @throws Rejection
 */
export function readBundle(bytes: Uint8Array, artifact: Buffer | null): SignatureMaterial {
  const bundle = objectOf(untrustedJson(bytes, 'the bundle'), 'the bundle');
  const mediaType = textOf(bundle.mediaType, "the bundle's mediaType");
  if (!bundleTypes.includes(mediaType)) {
    throw new Rejection('the bundle is of a version that is not known (0.1, 0.2 and 0.3 are)');
  }
  const material = objectOf(bundle.verificationMaterial, "the bundle's verificationMaterial");
  requireOne(bundle, ['dsseEnvelope', 'messageSignature']);
  requireOne(material, ['publicKey', 'certificate', 'x509CertificateChain']);
  const [certificate = null, ...supplied] = certificatesOf(material);
  const timestamps = objectOf(material.timestampVerificationData ?? {}, 'timestampVerificationData');
  const isWitnessed =
    listOf(material.tlogEntries ?? [], 'tlogEntries').length > 0 ||
    listOf(timestamps.rfc3161Timestamps ?? [], 'rfc3161Timestamps').length > 0;
  return { kind: 'sigstore-bundle', ...contentOf(bundle, artifact), certificate, supplied, bundle, isWitnessed };
}

/** Two readers of the same bundle must not be able to choose different parts of it. */
function requireOne(object: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  const present = names.filter((name) => object[name] !== undefined);
  if (present.length !== 1) {
    throw new Rejection(
      `the bundle has ${present.join(' and ') || 'none'} of ${names.join(', ')}, and not exactly one`,
    );
  }
}

function contentOf(
  bundle: Readonly<Record<string, unknown>>,
  artifact: Buffer | null,
): Pick<SignatureMaterial, 'signed' | 'signatures'> {
  if (bundle.dsseEnvelope !== undefined) {
    const envelope = envelopeOf(bundle.dsseEnvelope);
    return { signed: { kind: 'envelope', envelope }, signatures: envelope.signatures };
  }
  const message = objectOf(bundle.messageSignature, 'messageSignature of the bundle');
  if (artifact === null) {
    throw new Rejection('the bundle signs a file by its bytes, and not an image');
  }
  return {
    signed: { kind: 'message', bytes: artifact },
    signatures: [base64Of(message.signature, 'the signature of the bundle')],
  };
}

function certificatesOf(material: Readonly<Record<string, unknown>>): readonly Certificate[] {
  if (material.certificate !== undefined) {
    return [certificateOf(material.certificate)];
  }
  if (material.x509CertificateChain !== undefined) {
    const chain = objectOf(material.x509CertificateChain, 'x509CertificateChain');
    return chainOf(listOf(chain.certificates, 'the certificates of the bundle'), certificateOf);
  }
  return [];
}

function certificateOf(value: unknown): Certificate {
  return readCertificate(base64Of(objectOf(value, 'a certificate of the bundle').rawBytes, 'a certificate'));
}

/** More certificates than any authority puts between its root and a signer. */
const mostSupplied = 16;

function chainOf<Item>(items: readonly Item[], read: (item: Item) => Certificate): readonly Certificate[] {
  if (items.length > mostSupplied) {
    throw new Rejection(`the signature brings ${items.length} certificates, above the limit of ${mostSupplied}`);
  }
  return items.map(read);
}

const annotation = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  log: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

/**
 * Reads a layer of cosign's first format: the payload is the layer, and everything else is in its annotations.
 * https://github.com/sigstore/cosign/blob/v3.1.3/specs/SIGNATURE_SPEC.md
 *
 * @param signed the payload, or the envelope that an attestation's layer holds.
 * @throws Rejection
 */
export function readAnnotations(
  annotations: Readonly<Record<string, string>>,
  signed: SignedContent,
): SignatureMaterial {
  const written = annotations[annotation.certificate];
  const certificate = written === undefined || written === '' ? null : readCertificate(written);
  const pems = annotations[annotation.chain]?.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const supplied = chainOf(pems, readCertificate);
  const signatures =
    signed.kind === 'envelope'
      ? signed.envelope.signatures
      : [base64Of(annotations[annotation.signature], 'the signature annotation')];
  const tlogEntries = logEntries(annotations[annotation.log]);
  const rfc3161Timestamps = timestamps(annotations[annotation.timestamp]);
  const raw = ({ x509 }: Certificate) => ({ rawBytes: x509.raw.toString('base64') });
  return {
    kind: 'cosign',
    signed,
    signatures,
    certificate,
    supplied,
    isWitnessed: tlogEntries.length > 0 || rfc3161Timestamps.length > 0,
    bundle: {
      mediaType: tlogEntries.length > 0 ? bundleTypes[0] : bundleTypes[3],
      verificationMaterial: {
        ...(certificate === null
          ? { publicKey: { hint: '' } }
          : tlogEntries.length > 0
            ? { x509CertificateChain: { certificates: [raw(certificate)] } }
            : { certificate: raw(certificate) }),
        tlogEntries,
        timestampVerificationData: { rfc3161Timestamps },
      },
      ...serialized(signed, signatures),
    },
  };
}

function serialized(signed: SignedContent, signatures: readonly Buffer[]): Readonly<Record<string, unknown>> {
  if (signed.kind === 'envelope') {
    const { payloadType, payload } = signed.envelope;
    return {
      dsseEnvelope: {
        payloadType,
        payload: payload.toString('base64'),
        signatures: signatures.map((sig) => ({ sig: sig.toString('base64'), keyid: '' })),
      },
    };
  }
  return {
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: sha256(signed.bytes).toString('base64') },
      signature: signatures[0]?.toString('base64'),
    },
  };
}

/** Rekor's promise as cosign stored it, in the form that bundles have it. */
function logEntries(text: string | undefined): readonly unknown[] {
  if (text === undefined || text === '') {
    return [];
  }
  const what = 'the log annotation';
  const log = objectOf(untrustedJson(Buffer.from(text), what), what);
  const payload = objectOf(log.Payload, what);
  const canonicalizedBody = textOf(payload.body, what);
  const body = objectOf(untrustedJson(base64Of(canonicalizedBody, what), "the log entry's body"), what);
  const logId = textOf(payload.logID, what);
  return [
    {
      logIndex: String(payload.logIndex),
      logId: { keyId: Buffer.from(logId, 'hex').toString('base64') },
      kindVersion: { kind: textOf(body.kind, what), version: textOf(body.apiVersion, what) },
      integratedTime: String(payload.integratedTime),
      inclusionPromise: { signedEntryTimestamp: textOf(log.SignedEntryTimestamp, what) },
      canonicalizedBody,
    },
  ];
}

function timestamps(text: string | undefined): readonly unknown[] {
  if (text === undefined || text === '') {
    return [];
  }
  const what = 'the timestamp annotation';
  const { SignedRFC3161Timestamp: signedTimestamp } = objectOf(untrustedJson(Buffer.from(text), what), what);
  return [{ signedTimestamp: textOf(signedTimestamp, what) }];
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
