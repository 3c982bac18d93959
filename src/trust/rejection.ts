import type { PublicKeyAlgorithm } from './public-key.ts';

/** Who signed, as far as a verified signature proves it. */
export type Signer =
  | {
      readonly kind: 'key';
      readonly name: string;
      readonly fingerprint: string;
      readonly algorithm: PublicKeyAlgorithm;
    }
  | {
      /** A certificate that names a person or a workflow, issued for one signature or by an organisation's own authority. */
      readonly kind: 'certificate';
      /** Subject alternative name; for Notary Project signatures the distinguished name. */
      readonly subject: string;
      /** Who vouched for the subject: an OpenID Connect issuer, or null where none is named. */
      readonly issuer: string | null;
      /** Name of the root that the chain ends at, as configured. */
      readonly root: string;
    }
  /** Whom the cosign program was asked about: a key, or an identity. */
  | { readonly kind: 'cosign'; readonly name: string };

/** Name of who signed, as findings show it. */
export function signerName(signer: Signer): string {
  return signer.kind === 'certificate' ? signer.subject : signer.name;
}

/** What became of one signature. */
export type Verification =
  | { readonly verified: true; readonly signer: Signer; readonly signedAt: Date | null }
  | { readonly verified: false; readonly reason: string };

/**
 * Why a signature is not accepted: one sentence without a final stop. Thrown by the steps of a verification and caught
 * by {@link verification} alone, so that no step can be left out by a forgotten return value.
 */
export class Rejection extends Error {}

/** Runs the steps of one verification. Only a {@link Rejection} becomes a value; a mistake of this program stays one. */
export function verification(steps: () => { readonly signer: Signer; readonly signedAt: Date | null }): Verification {
  try {
    return { verified: true, ...steps() };
  } catch (error) {
    if (error instanceof Rejection) {
      return { verified: false, reason: error.message };
    }
    throw error;
  }
}
