import { readFileSync } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import type { ImageAccess } from '../src/facts/inspected-target.ts';
import { digestOf } from '../src/image/digest.ts';
import type { ImageSource } from '../src/image/image-source.ts';
import { openImages } from '../src/image/open-images.ts';
import { tagOrDigest } from '../src/image/reference.ts';
import type { TrustAnchors } from '../src/trust/anchors.ts';
import { findTaggedDocuments, type TaggedDocument } from '../src/trust/attached.ts';
import { signerName, type Verification } from '../src/trust/rejection.ts';
import { type SecondVerifier, withSecondOpinion } from '../src/trust/second-opinion.ts';
import type { TrustSettings } from '../src/trust/trust-settings.ts';
import { type FileAttestation, type FileTrust, verifyFile } from '../src/trust/verify-file.ts';
import { type AttestationResult, type ImageToVerify, verifyImage } from '../src/trust/verify-image.ts';
import type { VerifiedAttestation, VerifiedSignature, VerifyReport } from './verify-text.ts';

interface ImageQuestion {
  readonly anchors: TrustAnchors;
  readonly settings: TrustSettings;
  /** Asked besides or instead of elfgate itself; null for the engine `native`. */
  readonly secondVerifier: ((repository: string) => Promise<SecondVerifier>) | null;
  readonly access: ImageAccess;
}

/**
 * @throws ElfgateError when the image or its signatures cannot be had, or not all of them could be judged: neither
 * "verified" nor "not trusted" may be said then.
 */
export async function verifyImageTarget(source: ImageSource, question: ImageQuestion): Promise<VerifyReport> {
  const image = await imageToVerify(source, question.access);
  const [digest] = image.digests;
  const name = `${image.repository}@${digest}`;
  const native = await verifyImage(image, question.anchors, new Date());
  const trust =
    question.secondVerifier === null
      ? native
      : await withSecondOpinion(native, image, question.settings, await question.secondVerifier(image.repository));
  if (trust.verified === null) {
    throw new ElfgateError('limit', `${name}: ${trust.undecided}`, {
      hint: 'remove signatures and attestations that nobody needs any more',
    });
  }
  const documents = await Promise.all(image.digests.map((subject) => findTaggedDocuments(image.store, subject)));
  const missing = question.settings.attestations.filter(
    (type) => !trust.attestations.some(({ verified, statement }) => verified && statement?.predicateType === type),
  );
  return {
    image: name,
    verified: trust.verified && missing.length === 0,
    reason: missing.length === 0 ? null : `no trusted attestation of type ${missing.join(', ')}`,
    signatures: trust.signatures.map(describedSignature),
    attestations: [...trust.attestations.map(describedAttestation), ...documents.flat().map(describedDocument)],
  };
}

async function imageToVerify(source: ImageSource, access: ImageAccess): Promise<ImageToVerify> {
  if (source.kind === 'registry' && access.platform === null) {
    const { registry, repository } = source.reference;
    const store = access.registries.repository(source.reference);
    const { digest } = await store.resolve(tagOrDigest(source.reference));
    return { store, repository: `${registry}/${repository}`, digests: [digest] };
  }
  const [image] = await openImages(source, { platform: access.platform, registries: access.registries });
  if (image === undefined || image.store === null) {
    throw new ElfgateError('unsupported-format', 'an archive of docker cannot hold signatures', {
      hint: 'verify the image at its registry, or as oci:DIR',
    });
  }
  const { digest, indexDigest } = image;
  // Who signs an index signs every platform in it; who signs one platform says nothing about the others.
  const digests = indexDigest === null ? [digest] : access.platform === null ? [indexDigest] : [digest, indexDigest];
  return { store: image.store, repository: image.store.name, digests };
}

function describedAttestation(attestation: AttestationResult | FileAttestation): VerifiedAttestation {
  return { ...describedSignature(attestation), predicateType: attestation.statement?.predicateType ?? null };
}

function describedDocument({ at, predicateType }: TaggedDocument): VerifiedAttestation {
  const reason = 'under a tag, where nothing binds it to this image: attest it instead (cosign attest)';
  return { kind: 'cosign', signer: null, issuer: null, verified: false, reason, signedAt: null, at, predicateType };
}

function describedSignature(
  signature: { readonly kind: VerifiedSignature['kind']; readonly at: string } & Verification,
): VerifiedSignature {
  const { kind, at } = signature;
  return signature.verified
    ? {
        kind,
        signer: signerName(signature.signer),
        issuer: signature.signer.kind === 'certificate' ? signature.signer.issuer : null,
        verified: true,
        reason: null,
        signedAt: signature.signedAt?.toISOString() ?? null,
        at,
      }
    : { kind, signer: null, issuer: null, verified: false, reason: signature.reason, signedAt: null, at };
}

/** A file, by what lies next to it. @throws ElfgateError `unreadable` */
export async function verifyFileTarget(path: string, anchors: TrustAnchors): Promise<VerifyReport> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new ElfgateError('unreadable', `${path}: cannot be read`, { cause });
  }
  const trust = verifyFile(path, bytes, anchors, new Date());
  const differs = differsFromList(trust, digestOf(bytes));
  return {
    image: `${path}@${digestOf(bytes)}`,
    verified: trust.verified && differs === null,
    reason: differs,
    signatures: trust.signatures.map(describedSignature),
    attestations: trust.attestations.map(describedAttestation),
  };
}

function differsFromList({ listedDigest }: FileTrust, digest: string): string | null {
  return listedDigest === null || `sha256:${listedDigest.sha256}` === digest
    ? null
    : `${listedDigest.file} gives sha256:${listedDigest.sha256} for it`;
}
