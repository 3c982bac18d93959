import { ElfgateError } from '../errors.ts';
import type { Patience } from './content-store.ts';
import type { Image } from './image.ts';
import type { ImageSource } from './image-source.ts';
import type { Platform } from './platform.ts';
import type { RegistryClient } from './registry/client.ts';

export interface OpenImagesOptions extends Patience {
  /** Only this one; null for every platform that there is. */
  readonly platform: Platform | null;
  /** Speaks to registries; one client for a whole run, as it keeps connections and tokens. */
  readonly registries: RegistryClient;
}

/**
 * The images of a source: one for each platform of an index, or the one of the platform that is asked for. Attestations
 * that BuildKit puts into an index (platform unknown/unknown) are no images.
 *
 * @throws ElfgateError `not-found` when there is no such image, tag, or platform; `unsupported-format` for schema 1
 * and what is no image; and whatever reading from a {@link ContentStore} throws.
 */
export async function openImages(source: ImageSource, _options: OpenImagesOptions): Promise<readonly Image[]> {
  throw new ElfgateError('unsupported-format', `${source.kind}: images are not read yet`);
}
