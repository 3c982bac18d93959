/** What a user trusts for some images: files by path, nothing read yet. */
export interface TrustSettings {
  /** Files of public keys, each with one or several. */
  readonly keys: readonly string[];
  readonly identities: readonly IdentitySettings[];
  /** Sigstore's trusted root files. */
  readonly trustedRoots: readonly string[];
  readonly authorities: readonly AuthoritySettings[];
  readonly notation: NotationSettings | null;
  /** Predicate types of attestations that an image must have, signed by somebody who is trusted. */
  readonly attestations: readonly string[];
  /** Whose facts about what is in an image are taken instead of reading its layers; null for nobody's. */
  readonly inspectors: TrustSettings | null;
}

/** Of each pair one is given; a pattern covers the whole text. */
export interface IdentitySettings {
  readonly subject?: string | undefined;
  readonly subjectPattern?: string | undefined;
  readonly issuer?: string | undefined;
  readonly issuerPattern?: string | undefined;
}

export interface AuthoritySettings {
  readonly name: string;
  readonly roots: string;
  readonly intermediates: string | null;
  readonly revocationLists: readonly string[];
}

export interface NotationSettings {
  readonly policy: string;
  readonly store: string;
}

/** Who verifies: elfgate itself, the cosign program, or both, whose answers must agree. */
export type TrustEngine = 'native' | 'cosign' | 'both';

export const trustEngines = ['native', 'cosign', 'both'] as const;

export const noTrust: TrustSettings = {
  keys: [],
  identities: [],
  trustedRoots: [],
  authorities: [],
  notation: null,
  attestations: [],
  inspectors: null,
};

/** Whether a key is kept by a service that cosign knows, as `awskms://…`, and not in a file. */
export function isKeyService(key: string): boolean {
  return /^(?:[a-z0-9][a-z0-9+.-]*:\/\/|pkcs11:)/.test(key);
}
