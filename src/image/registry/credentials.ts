/** What a registry is told about who asks. Never printed. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** A refresh token of OAuth 2, which docker calls an identity token. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token that is sent as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** Knows credentials by registry and repository. */
export interface CredentialSource {
  /**
   * @param registry as in references: `docker.io`, `registry.example.com:5000`.
   * @returns null for an anonymous visit.
   * @throws ElfgateError when the source itself fails, as a credential helper that cannot be run.
   */
  credentialsFor(registry: string, repository: string | null): Promise<Credentials | null>;
}

/** Visits every registry anonymously. */
export const anonymous: CredentialSource = { credentialsFor: async () => null };

/** Asks several sources in turn and takes what the first one knows. */
export function firstOf(sources: readonly CredentialSource[]): CredentialSource {
  return {
    async credentialsFor(registry, repository) {
      for (const source of sources) {
        const credentials = await source.credentialsFor(registry, repository);
        if (credentials !== null) {
          return credentials;
        }
      }
      return null;
    },
  };
}
