import type { Readable } from 'node:stream';
import type { ContentStore, Patience } from './content-store.ts';
import type { Digest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import type { Platform } from './platform.ts';

/** One image for one platform, wherever it is kept. Nothing but its manifest and configuration has been read yet. */
export interface Image {
  /** As a person would name it: `registry.example.com/app:1.2`, `oci:DIR`, `docker-archive:FILE:app:1`. */
  readonly reference: string;
  /**
   * Digest of the manifest, which names everything the image holds. Of a docker-archive, which has no manifest, that of
   * the configuration: it names the uncompressed layers.
   */
  readonly digest: Digest;
  /** Digest of the index that it was picked from; null when the reference names this manifest alone. */
  readonly indexDigest: Digest | null;
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** From the lowest to the topmost. */
  readonly layers: readonly Layer[];
  /** Where its signatures and attestations are looked for; null for a docker-archive, which can have none. */
  readonly store: ContentStore | null;
  /**
   * The bytes of a layer as stored (`mediaType` and their first bytes say how compressed). They are compared with
   * `digest` and `size` while they stream: the stream fails at its end with an ElfgateError `integrity` that names image
   * and layer. Take it to its end or destroy it.
   *
   * @throws ElfgateError `not-found`, `unreachable`, `denied`
   */
  openLayer(layer: Layer, patience?: Patience): Promise<Readable>;
}

export interface Layer {
  /** 0 is the lowest one. */
  readonly index: number;
  readonly mediaType: string;
  /** Of the bytes that {@link Image.openLayer} gives. */
  readonly digest: Digest;
  /** Bytes as stored; null where only reading tells (a compressed layer of a docker-archive, given uncompressed). */
  readonly size: number | null;
  /** Of the uncompressed tar; null where the configuration does not say. */
  readonly diffId: Digest | null;
}

/** `layer 3 (sha256:…)`, for messages; people count from one. */
export function layerName({ index, digest }: Layer): string {
  return `layer ${index + 1} (${digest})`;
}
