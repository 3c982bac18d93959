import type { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';

/** A manifest, index or artifact manifest as it is stored; its bytes are those of its digest. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** How long to wait, and when to stop waiting. */
export interface Patience {
  /** Ends the work with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Where images and what belongs to them are kept by digest: one repository of a registry, or an OCI layout.
 *
 * Whatever comes out of it has been compared with its digest. Every method throws an ElfgateError: `not-found`,
 * `denied` (the registry wants other credentials), `unreachable` (it does not answer, or not in time), `integrity` (the
 * bytes are not those of the digest), `limit` or `malformed`; and the signal's reason once that has been given.
 */
export interface ContentStore {
  /** For messages: `registry.example.com/team/app`, `oci:DIR`. Holds no credentials. */
  readonly name: string;

  /** What a tag or digest names now. For a digest: whether it is there, and its media type and size. */
  resolve(tagOrDigest: string, patience?: Patience): Promise<Descriptor>;

  /** A manifest or index by tag or digest, with its bytes as stored. A tag costs one request, not two. */
  manifest(tagOrDigest: string, patience?: Patience): Promise<StoredManifest>;

  /**
   * A whole blob.
   *
   * @param most bytes that the caller is ready to keep in memory: a larger one is a `limit` error before it is read.
   */
  blob(descriptor: Pick<Descriptor, 'digest' | 'size'>, most: number, patience?: Patience): Promise<Buffer>;

  /**
   * A blob as a stream, verified while it streams: it fails at its end if the bytes were not those of the digest. Take
   * it to its end or destroy it. Its pieces belong to whoever takes them, memory included.
   *
   * @param what names it in messages; `NAME: blob DIGEST` unless given.
   */
  openBlob(descriptor: Pick<Descriptor, 'digest' | 'size'>, patience?: Patience, what?: string): Promise<Readable>;

  /**
   * Manifests whose `subject` is this digest: signatures, attestations, facts. From the referrers API of OCI
   * distribution 1.1, or from the fallback tag where a registry lacks it. An empty list where there are none.
   *
   * @param artifactType only those of this type; null for all.
   */
  referrers(digest: Digest, artifactType: string | null, patience?: Patience): Promise<readonly Descriptor[]>;

  /** All tags, in the order of the store. */
  tags(patience?: Patience): Promise<readonly string[]>;
}

/** A store that can be written to: a repository of a registry. */
export interface WritableContentStore extends ContentStore {
  /** Stores a blob unless it is there already. */
  pushBlob(bytes: Uint8Array, mediaType: string, patience?: Patience): Promise<Descriptor>;

  /**
   * Stores a manifest under its digest, and under a tag if one is given. When it has a `subject`, the registry lists it
   * among the referrers of that; for registries without the referrers API the fallback tag is brought up to date.
   */
  pushManifest(bytes: Uint8Array, mediaType: string, tag: string | null, patience?: Patience): Promise<Descriptor>;
}
