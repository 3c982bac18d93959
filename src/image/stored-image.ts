import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ContentStore, Patience, StoredManifest } from './content-store.ts';
import { type Descriptor, isOtherArtifact, mediaTypes } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { type Image, type Layer, layerName } from './image.ts';
import { parseImageConfig, parseManifest } from './manifest.ts';
import { formatPlatform, isPlatform, type Platform } from './platform.ts';

export interface StoredImagesOptions extends Patience {
  /** Null for all. */
  readonly platform: Platform | null;
  /** What the images are called. */
  readonly reference: string;
}

/**
 * The images that a manifest or an index of a store stands for.
 *
 * @throws ElfgateError `not-found` when it has none of the platform; as {@link parseManifest} and the store do.
 */
export async function storedImages(
  store: ContentStore,
  stored: StoredManifest,
  options: StoredImagesOptions,
): Promise<readonly Image[]> {
  const { reference, platform } = options;
  const what = `${reference}: manifest ${stored.descriptor.digest}`;
  const manifest = parseManifest(stored.bytes, stored.descriptor.mediaType, what);
  if (manifest.kind === 'image') {
    const image = await storedImage(store, stored, null, null, options);
    if (platform !== null && !isPlatform(image.platform, platform)) {
      throw noSuchPlatform(reference, platform, [image.platform]);
    }
    return [image];
  }
  const candidates = manifest.manifests.filter(isImage);
  const wanted = candidates.filter(
    (each) => platform === null || each.platform === null || isPlatform(each.platform, platform),
  );
  const images: Image[] = [];
  for (const descriptor of wanted) {
    const inner = await store.manifest(descriptor.digest, options);
    const image = await storedImage(store, inner, descriptor.platform, stored.descriptor.digest, options);
    if (platform === null || isPlatform(image.platform, platform)) {
      images.push(image);
    }
  }
  if (images.length === 0 && platform !== null) {
    throw noSuchPlatform(
      reference,
      platform,
      candidates.flatMap((each) => each.platform ?? []),
    );
  }
  if (images.length === 0) {
    throw new ElfgateError('not-found', `${reference}: the index ${stored.descriptor.digest} holds no image`);
  }
  return images;
}

/** Not the attestations that BuildKit lists next to images, nor other artifacts. */
function isImage(descriptor: Descriptor): boolean {
  const { platform, annotations } = descriptor;
  return (
    !(platform?.os === 'unknown' && platform.architecture === 'unknown') &&
    annotations['vnd.docker.reference.type'] === undefined &&
    !isOtherArtifact(descriptor)
  );
}

async function storedImage(
  store: ContentStore,
  stored: StoredManifest,
  listed: Platform | null,
  indexDigest: Digest | null,
  { reference, signal }: StoredImagesOptions,
): Promise<Image> {
  const { digest, mediaType } = stored.descriptor;
  const what = `${reference}: manifest ${digest}`;
  const manifest = parseManifest(stored.bytes, mediaType, what);
  if (manifest.kind === 'index') {
    throw new ElfgateError('unsupported-format', `${what}: is an index within an index`);
  }
  const { mediaType: configType } = manifest.config;
  if (configType !== mediaTypes.ociConfig && configType !== mediaTypes.dockerConfig) {
    throw new ElfgateError(
      'unsupported-format',
      `${what}: is an artifact of type ${configType.slice(0, 100)}, and no image`,
    );
  }
  const patience = signal === undefined ? {} : { signal };
  const configBytes = await store.blob(manifest.config, limits.imageConfigBytes, patience);
  const config = parseImageConfig(configBytes, `${reference}: configuration ${manifest.config.digest}`);
  if (config.diffIds.length !== manifest.layers.length) {
    throw new ElfgateError(
      'malformed',
      `${what}: has ${manifest.layers.length} layers, and its configuration names ${config.diffIds.length}`,
    );
  }
  const layers = manifest.layers.map((layer, index): Layer => {
    const result = {
      index,
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.size,
      diffId: config.diffIds[index] ?? null,
    };
    assertReadable(result, reference);
    return result;
  });
  return {
    reference,
    digest,
    indexDigest,
    platform: listed ?? config.platform,
    config,
    layers,
    store,
    openLayer: (layer, waiting = patience) =>
      store.openBlob({ digest: layer.digest, size: layer.size ?? 0 }, waiting, `${reference}: ${layerName(layer)}`),
  };
}

// Layers of OCI and docker; how they are compressed is told by their first bytes.
const layerType =
  /^application\/vnd\.(?:oci\.image\.layer\.v1\.tar(?:\+(?:gzip|zstd))?|docker\.image\.rootfs\.diff\.tar(?:\.gzip|\.zstd)?)$/;
const foreignType = /\.(?:layer\.nondistributable\.|image\.rootfs\.foreign\.)/;

/** @throws ElfgateError `unsupported-format` for a layer that is kept elsewhere, or is no tar. */
function assertReadable(layer: Layer, reference: string): void {
  if (foreignType.test(layer.mediaType)) {
    throw new ElfgateError(
      'unsupported-format',
      `${reference}: ${layerName(layer)} is a foreign layer, which its maker keeps elsewhere (Windows base images do)`,
    );
  }
  if (!layerType.test(layer.mediaType)) {
    throw new ElfgateError(
      'unsupported-format',
      `${reference}: ${layerName(layer)} is of type ${layer.mediaType.slice(0, 100)}, which is no layer of files`,
    );
  }
}

/** The error about a platform that an image is not made for. */
export function noSuchPlatform(reference: string, wanted: Platform, offered: readonly Platform[]): ElfgateError {
  return new ElfgateError('not-found', `${reference}: is not made for ${formatPlatform(wanted)}`, {
    hint: `it is made for ${offered.map(formatPlatform).join(', ') || 'no platform that it names'}`,
  });
}
