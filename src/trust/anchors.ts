import type { Identity } from './identity.ts';
import type { NotationTrust } from './notation/trust-policy.ts';
import type { PublicKey } from './public-key.ts';
import type { SigstoreLibrary } from './sigstore/library.ts';
import type { SigstoreRoot } from './sigstore/trusted-root.ts';
import type { CertificateAuthority } from './x509/chain.ts';

/** Everything that somebody decided to trust for one image or file. A signature that one of them verifies is trusted. */
export interface TrustAnchors {
  readonly keys: readonly PublicKey[];
  /** Whose certificates are accepted. Without any, every certificate of an own authority is, and none of Sigstore's. */
  readonly identities: readonly Identity[];
  /** Of Sigstore instances, with the library that they were read by; null when none is trusted. */
  readonly sigstore: { readonly roots: readonly SigstoreRoot[]; readonly library: SigstoreLibrary } | null;
  readonly authorities: readonly CertificateAuthority[];
  readonly notation: NotationTrust | null;
}

/** Whether nothing is trusted, so that nothing can be verified. */
export function isEmpty({ keys, identities, sigstore, authorities, notation }: TrustAnchors): boolean {
  return (
    keys.length === 0 && authorities.length === 0 && notation === null && (sigstore === null || identities.length === 0)
  );
}
