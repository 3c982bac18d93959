/** What a user says about one registry: an item of `registries` in `elfgate.yaml`. */
export interface RegistrySettings {
  /** As in references: `registry.example.com:5000`, `docker.io`. */
  readonly host: string;
  /** HTTP without TLS. */
  readonly plainHttp: boolean;
  /** Certificates in PEM that are trusted instead of the public ones; null for those. */
  readonly ca: string | null;
  /** Other hosts that hold the same repositories, asked in this order before the registry itself; never written to. */
  readonly mirrors: readonly string[];
}
