import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { digestOf } from '../image/digest.ts';
import { limits } from '../limits.ts';
import type { TrustAnchors } from './anchors.ts';
import { isSignedBy } from './public-key.ts';
import { Rejection, type Verification, verification } from './rejection.ts';
import { readBundle } from './sigstore/material.ts';
import { requireSigner } from './sigstore/verify.ts';
import { readStatement, requireSubject, statementPayloadType } from './statement.ts';

/** What is known about who made a file, from what lies next to it. */
export interface FileTrust {
  readonly verified: boolean;
  readonly signatures: readonly FileSignature[];
  /** What a SHA256SUMS file in the same directory says; null when there is none or it does not name the file. */
  readonly listedDigest: { readonly file: string; readonly sha256: string } | null;
}

export type FileSignature = {
  readonly kind: 'cosign' | 'sigstore-bundle';
  /** The signature's own file. */
  readonly at: string;
} & Verification;

/** @param bytes of the file. */
export function verifyFile(path: string, bytes: Buffer, anchors: TrustAnchors, now: Date): FileTrust {
  const signatures: FileSignature[] = [];
  for (const at of [`${path}.sigstore.json`, `${path}.bundle`, `${path}.sigstore`].filter(existsSync)) {
    const steps = () => requireBundle(readFileSync(at), bytes, anchors, now);
    signatures.push({ kind: 'sigstore-bundle', at, ...verification(steps) });
  }
  const detached = `${path}.sig`;
  if (existsSync(detached)) {
    const steps = () => requireDetached(readFileSync(detached), bytes, anchors);
    signatures.push({ kind: 'cosign', at: detached, ...verification(steps) });
  }
  return {
    verified: signatures.some(({ verified }) => verified),
    signatures,
    listedDigest: digestListedFor(path),
  };
}

function requireBundle(bundle: Buffer, artifact: Buffer, anchors: TrustAnchors, now: Date) {
  const material = readBundle(bundle, artifact);
  const signer = requireSigner(material, anchors, now);
  if (material.signed.kind === 'envelope') {
    const { payloadType, payload } = material.signed.envelope;
    if (payloadType !== statementPayloadType) {
      throw new Rejection('the envelope holds no in-toto statement');
    }
    requireSubject(readStatement(payload), digestOf(artifact).slice('sha256:'.length));
  }
  return signer;
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

/** The digest that `SHA256SUMS` (as sha256sum writes it) in the same directory gives for a file. */
function digestListedFor(path: string): FileTrust['listedDigest'] {
  const file = join(dirname(path), 'SHA256SUMS');
  if (!existsSync(file)) {
    return null;
  }
  const text = readFileSync(file).subarray(0, limits.rootTextBytes).toString();
  for (const line of text.split('\n')) {
    const [, sha256, name] = /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(line) ?? [];
    if (sha256 !== undefined && name?.replace(/^\.\//, '') === basename(path)) {
      return { file, sha256: sha256.toLowerCase() };
    }
  }
  return null;
}
