import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** What an image's configuration says about running it (OCI image specification, config.md). */
export interface ImageConfig {
  readonly platform: Platform;
  /** RFC 3339, as written; null where it does not say. */
  readonly created: string | null;
  /** `NAME`, `UID`, `NAME:GROUP`; empty for root. */
  readonly user: string;
  /** `NAME=VALUE`, in order. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Empty for `/`. */
  readonly workingDir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of the uncompressed layers, from the lowest on. */
  readonly diffIds: readonly Digest[];
}
