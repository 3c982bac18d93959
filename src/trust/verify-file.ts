import { existsSync, readFileSync } from 'node:fs';
import { digestOf } from '../image/digest.ts';
import type { TrustAnchors } from './anchors.ts';
import { bundlesOf, digestListedFor, type ListedDigest } from './next-to-file.ts';
import { isSignedBy } from './public-key.ts';
import { Rejection, type Verification, verification } from './rejection.ts';
import { readBundle } from './sigstore/material.ts';
import { requireSigner } from './sigstore/verify.ts';
import { readStatement, requireSubject, type Statement, statementPayloadType } from './statement.ts';
import { isSignature } from './verify-image.ts';

/** What is known about who made a file, from what lies next to it. */
export interface FileTrust {
  readonly verified: boolean;
  readonly signatures: readonly FileSignature[];
  readonly attestations: readonly FileAttestation[];
  /** What a SHA256SUMS file in the same directory says; null when there is none or it does not name the file. */
  readonly listedDigest: ListedDigest | null;
}

export type FileSignature = {
  readonly kind: 'cosign' | 'sigstore-bundle';
  /** The signature's own file. */
  readonly at: string;
} & Verification;

export type FileAttestation = FileSignature & { readonly statement: Statement | null };

/** @param bytes of the file. */
export function verifyFile(path: string, bytes: Buffer, anchors: TrustAnchors, now: Date): FileTrust {
  const signatures: FileSignature[] = [];
  const attestations: FileAttestation[] = [];
  for (const at of bundlesOf(path)) {
    let statement: Statement | null = null;
    const result = verification(() => {
      const material = readBundle(readFileSync(at), bytes);
      if (material.signed.kind === 'envelope') {
        const { payloadType, payload } = material.signed.envelope;
        if (payloadType !== statementPayloadType) {
          throw new Rejection('the envelope holds no in-toto statement');
        }
        statement = readStatement(payload);
        requireSubject(statement, digestOf(bytes).slice('sha256:'.length));
      }
      return requireSigner(material, anchors, now);
    });
    const signature: FileSignature = { kind: 'sigstore-bundle', at, ...result };
    if (statement === null || isSignature(statement)) {
      signatures.push(signature);
    } else {
      attestations.push({ ...signature, statement });
    }
  }
  const detached = `${path}.sig`;
  if (existsSync(detached)) {
    const steps = () => requireDetached(readFileSync(detached), bytes, anchors);
    signatures.push({ kind: 'cosign', at: detached, ...verification(steps) });
  }
  return {
    verified: signatures.some(({ verified }) => verified),
    signatures,
    attestations,
    listedDigest: digestListedFor(path),
  };
}

/** A signature alone, as `cosign sign-blob --output-signature` and openssl write it: base64, or the bytes themselves. */
function requireDetached(file: Buffer, artifact: Buffer, { keys }: TrustAnchors) {
  const text = file.toString('latin1').trim();
  const signature = /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : file;
  const found = keys.find(({ key }) => isSignedBy(key, artifact, signature));
  if (found === undefined) {
    throw new Rejection(keys.length === 0 ? 'no public key is trusted' : 'no trusted key made this signature');
  }
  const { name, fingerprint, algorithm } = found;
  return { signer: { kind: 'key' as const, name, fingerprint, algorithm }, signedAt: null };
}
