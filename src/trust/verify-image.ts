import type { ContentStore, Patience } from '../image/content-store.ts';
import type { Digest } from '../image/digest.ts';
import type { TrustAnchors } from './anchors.ts';
import { type Attached, type AttachedArtifacts, findAttached } from './attached.ts';
import { requireNotationSigner } from './notation/envelope.ts';
import { statementFor } from './notation/trust-policy.ts';
import { Rejection, type Signer, type Verification, verification } from './rejection.ts';
import { signaturePredicate } from './signature-types.ts';
import type { SignatureMaterial } from './sigstore/material.ts';
import { requireSigner } from './sigstore/verify.ts';
import { requireSimpleSigningOf } from './simple-signing.ts';
import { readStatement, requireSubject, type Statement, statementPayloadType } from './statement.ts';

/** What is known about who made an image. */
export interface ImageTrust {
  /** Whether a trusted signer signed it; null when that could not be told. */
  readonly verified: boolean | null;
  /** Why it could not be told; null when it could. */
  readonly undecided: string | null;
  readonly signatures: readonly SignatureResult[];
  readonly attestations: readonly AttestationResult[];
}

export type SignatureResult = {
  readonly kind: 'cosign' | 'sigstore-bundle' | 'notation';
  /** Digest of the index or manifest that it is attached to. */
  readonly subject: Digest;
  readonly at: string;
} & Verification;

export type AttestationResult = SignatureResult & {
  /** Null when it cannot be read. Of an attestation that is not verified, only what somebody claims. */
  readonly statement: Statement | null;
};

export interface ImageToVerify {
  readonly store: ContentStore;
  /** Registry and repository, which the Notary Project's trust policies are scoped by. */
  readonly repository: string;
  /** Digests that stand for it: its manifest, and the index that it was picked from. A signature on one is enough. */
  readonly digests: readonly Digest[];
}

/**
 * Finds and verifies all signatures and attestations of an image.
 *
 * @throws ElfgateError when the store does not answer: neither "verified" nor "unsigned" could be said then.
 */
export async function verifyImage(
  image: ImageToVerify,
  anchors: TrustAnchors,
  now: Date,
  patience: Patience = {},
): Promise<ImageTrust> {
  return judgeAttached(await attachedTo(image, patience), image.repository, anchors, now);
}

/**
 * Everything that is attached to one of the digests of an image, nothing of it believed yet.
 *
 * @throws ElfgateError when the store does not answer.
 */
export async function attachedTo({ store, digests }: ImageToVerify, patience: Patience): Promise<AttachedArtifacts> {
  const found: Attached[] = [];
  let incomplete: string | null = null;
  for (const digest of new Set(digests)) {
    const attached = await findAttached(store, digest, patience);
    incomplete ??= attached.incomplete;
    found.push(...attached.found);
  }
  return { found, incomplete };
}

/** Verifies what was found attached to an image. */
export function judgeAttached(
  { found, incomplete }: AttachedArtifacts,
  repository: string,
  anchors: TrustAnchors,
  now: Date,
): ImageTrust {
  const signatures: SignatureResult[] = [];
  const attestations: AttestationResult[] = [];
  for (const attached of found) {
    const judged = judge(attached, repository, anchors, now);
    if (judged.statement === undefined) {
      signatures.push(judged.result);
    } else {
      attestations.push({ ...judged.result, statement: judged.statement });
    }
  }
  const isVerified = signatures.some(({ verified }) => verified);
  return {
    verified: isVerified ? true : incomplete === null ? false : null,
    undecided: isVerified ? null : incomplete,
    signatures,
    attestations,
  };
}

interface Judged {
  readonly result: SignatureResult;
  /** Undefined for a signature, null for an attestation that cannot be read. */
  readonly statement?: Statement | null;
}

function judge(attached: Attached, repository: string, anchors: TrustAnchors, now: Date): Judged {
  const { subject, at } = attached;
  switch (attached.kind) {
    case 'damaged': {
      const result: SignatureResult = { kind: attached.format, subject, at, verified: false, reason: attached.reason };
      // Where attestations are expected, a damaged one is no signature that failed.
      return at.endsWith('.att') ? { result, statement: null } : { result };
    }
    case 'notation': {
      const steps = () => requireNotation(attached.envelope, subject, repository, anchors, now);
      return { result: { kind: 'notation', subject, at, ...verification(steps) } };
    }
    case 'sigstore':
      return judgeSigstore(attached.material, { subject, at }, anchors, now);
  }
}

function judgeSigstore(
  material: SignatureMaterial,
  { subject, at }: Pick<Attached, 'subject' | 'at'>,
  anchors: TrustAnchors,
  now: Date,
): Judged {
  const place = { kind: material.kind, subject, at };
  const { signed } = material;
  if (signed.kind === 'message') {
    const steps = (): { readonly signer: Signer; readonly signedAt: Date | null } => {
      const signer = requireSigner(material, anchors, now);
      requireSimpleSigningOf(signed.bytes, hexadecimal(subject));
      return signer;
    };
    return { result: { ...place, ...verification(steps) } };
  }
  let statement: Statement | null = null;
  const result = verification(() => {
    // What kind of claim it is decides under which heading it is shown, before anything about it is believed.
    if (signed.envelope.payloadType !== statementPayloadType) {
      throw new Rejection(`the envelope holds ${signed.envelope.payloadType.slice(0, 64)}, and no in-toto statement`);
    }
    statement = readStatement(signed.envelope.payload);
    const signer = requireSigner(material, anchors, now);
    requireSubject(statement, hexadecimal(subject));
    return signer;
  });
  return isSignature(statement) ? { result: { ...place, ...result } } : { result: { ...place, ...result }, statement };
}

/** Whether a statement only says that its artifact is signed. */
export function isSignature(statement: Statement | null): boolean {
  return statement?.predicateType === signaturePredicate;
}

function requireNotation(
  envelope: Buffer,
  subject: Digest,
  repository: string,
  { notation }: TrustAnchors,
  now: Date,
): { readonly signer: Signer; readonly signedAt: Date | null } {
  const statement = notation === null ? null : statementFor(notation, repository);
  if (statement === null) {
    throw new Rejection(
      notation === null
        ? 'a Notary Project signature, and no trust policy is configured'
        : `the trust policy has no statement about ${repository}`,
    );
  }
  if (statement.level === 'skip') {
    throw new Rejection(`the trust policy ${statement.name} skips the verification, which proves nothing`);
  }
  return requireNotationSigner(envelope, subject, statement, now);
}

function hexadecimal(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}
