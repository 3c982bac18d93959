import { ElfgateError } from '../errors.ts';
import type { ContentStore, Patience } from './content-store.ts';
import { isOtherArtifact } from './descriptor.ts';
import type { Image } from './image.ts';
import type { ImageSource } from './image-source.ts';
import type { LayoutIndex } from './oci-layout.ts';
import type { Platform } from './platform.ts';
import { formatReference, tagOrDigest } from './reference.ts';
import type { RegistryClient } from './registry/client.ts';
import { storedImages } from './stored-image.ts';

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
export async function openImages(source: ImageSource, options: OpenImagesOptions): Promise<readonly Image[]> {
  // What reads the one kind is not loaded for the others.
  switch (source.kind) {
    case 'registry': {
      const store = options.registries.repository(source.reference);
      const stored = await store.manifest(tagOrDigest(source.reference), options);
      return storedImages(store, stored, { ...options, reference: formatReference(source.reference) });
    }
    case 'oci': {
      const { layoutStore } = await import('./oci-layout.ts');
      const { directoryFiles } = await import('./stored-files.ts');
      const name = `oci:${source.directory}`;
      const store = layoutStore(directoryFiles(source.directory), name);
      const reference = `${name}${source.select === null ? '' : `${source.select.includes(':') ? '@' : ':'}${source.select}`}`;
      return layoutImages(store, source.select, { ...options, reference });
    }
    case 'oci-archive': {
      const { archiveFiles } = await import('./archive-files.ts');
      const { layoutStore } = await import('./oci-layout.ts');
      const reference = `oci-archive:${source.file}`;
      return layoutImages(layoutStore(await archiveFiles(source.file), reference), null, {
        ...options,
        reference,
      });
    }
    case 'docker-archive': {
      const { dockerArchiveImage } = await import('./docker-archive.ts');
      return [await dockerArchiveImage(source.file, source.select, options.platform)];
    }
  }
}

async function layoutImages(
  store: ContentStore & LayoutIndex,
  select: string | null,
  options: OpenImagesOptions & { readonly reference: string },
): Promise<readonly Image[]> {
  const chosen = select ?? onlyOne(store);
  return storedImages(store, await store.manifest(chosen, options), options);
}

/** What a layout is asked for when nobody says: the only thing that it lists, artifacts aside. */
function onlyOne({ index, name }: ContentStore & LayoutIndex): string {
  const digests = [...new Set(index.filter((each) => !isOtherArtifact(each)).map(({ digest }) => digest))];
  const [only, another] = digests;
  if (only === undefined) {
    throw new ElfgateError('not-found', `${name}: the layout lists no image`);
  }
  if (another !== undefined) {
    const tags = index.flatMap(({ annotations }) => annotations['org.opencontainers.image.ref.name'] ?? []);
    throw new ElfgateError('usage', `${name}: lists ${digests.length} images; name one`, {
      hint:
        tags.length > 0
          ? `by its tag: ${tags.slice(0, 10).join(', ')}`
          : `by its digest: ${digests.slice(0, 3).join(', ')}`,
    });
  }
  return only;
}
