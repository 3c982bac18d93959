import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { archiveFiles } from './archive-files.ts';
import { mediaTypes } from './descriptor.ts';
import { digestOf, verifyingStream } from './digest.ts';
import { type Image, type Layer, layerName } from './image.ts';
import { type Compression, compressionOf } from './layers/decompression.ts';
import { parseImageConfig } from './manifest.ts';
import { isPlatform, type Platform } from './platform.ts';
import { formatReference, parseReference } from './reference.ts';
import { readStart, readStored, type StoredFiles, streamOf } from './stored-files.ts';
import { noSuchPlatform } from './stored-image.ts';

interface ArchivedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

/**
 * An image that `docker save` or `crane pull` has written (Docker image specification v1.2, `manifest.json`).
 *
 * It has no manifest: layers are named by the digests of their uncompressed bytes, as its configuration does.
 *
 * @param select a reference of the archive; null where it holds one image only.
 * @throws ElfgateError `not-found`, `unsupported-format`, `malformed`, `unreadable`
 */
export async function dockerArchiveImage(
  file: string,
  select: string | null,
  platform: Platform | null,
): Promise<Image> {
  const files = await archiveFiles(file);
  if (files.sizeOf('manifest.json') === null) {
    throw new ElfgateError('unsupported-format', `${file}: is no docker archive: it has no manifest.json`, {
      hint: `an archive of an OCI layout is named oci-archive:${file}`,
    });
  }
  const images = parseImages(readStored(files, 'manifest.json', limits.manifestBytes), file);
  const chosen = choose(images, select, file);
  const reference = `docker-archive:${file}${select === null ? '' : `:${select}`}`;
  const configBytes = readStored(files, chosen.config, limits.imageConfigBytes);
  const config = parseImageConfig(configBytes, `${reference}: ${chosen.config}`);
  if (config.diffIds.length !== chosen.layers.length) {
    throw new ElfgateError(
      'malformed',
      `${reference}: has ${chosen.layers.length} layers, and its configuration names ${config.diffIds.length}`,
    );
  }
  if (platform !== null && !isPlatform(config.platform, platform)) {
    throw noSuchPlatform(reference, platform, [config.platform]);
  }
  const layers: Layer[] = [];
  for (const [index, diffId] of config.diffIds.entries()) {
    const path = chosen.layers[index] ?? '';
    const size = compression(files, path) === 'none' ? files.sizeOf(path) : null;
    layers.push({ index, mediaType: mediaTypes.ociLayer, digest: diffId, size, diffId });
  }
  return {
    reference,
    digest: digestOf(configBytes),
    indexDigest: null,
    platform: config.platform,
    config,
    layers,
    store: null,
    async openLayer(layer, { signal } = {}) {
      signal?.throwIfAborted();
      const what = `${reference}: ${layerName(layer)}`;
      const path = chosen.layers[layer.index] ?? '';
      const verified = verifyingStream(layer.digest, layer.size, what);
      return expanded(streamOf(files.open(path)), compression(files, path), verified, what);
    },
  };
}

/** How a layer is compressed, which the archive does not say. crane compresses them, docker does not. */
function compression(files: StoredFiles, path: string): Compression {
  return compressionOf(readStart(files.open(path), 4));
}

function expanded(
  stored: Readable,
  how: Compression,
  verified: ReturnType<typeof verifyingStream>,
  what: string,
): Readable {
  // pipeline hands each end's failure to the other; who reads the result sees it there.
  if (how === 'none') {
    return pipeline(stored, verified, () => {});
  }
  const expander = how === 'gzip' ? createGunzip() : createZstdDecompress();
  expander.on('error', (cause) => {
    verified.destroy(new ElfgateError('malformed', `${what}: is not ${how}, or a damaged one`, { cause }));
  });
  return pipeline(stored, expander, verified, () => {});
}

function choose(images: readonly ArchivedImage[], select: string | null, file: string): ArchivedImage {
  const hint = `it holds ${images.flatMap(({ tags }) => tags).join(', ') || 'images without names'}`;
  if (select === null) {
    const [only, another] = images;
    if (only === undefined || another !== undefined) {
      throw new ElfgateError('usage', `${file}: holds ${images.length} images; name one: docker-archive:FILE:REF`, {
        hint,
      });
    }
    return only;
  }
  const wanted = formatReference(parseReference(select));
  const found = images.find(({ tags }) => tags.some((tag) => tag === select || isReference(tag, wanted)));
  if (found === undefined) {
    throw new ElfgateError('not-found', `${file}: holds no image ${select}`, { hint });
  }
  return found;
}

function isReference(tag: string, wanted: string): boolean {
  try {
    return formatReference(parseReference(tag)) === wanted;
  } catch {
    return false;
  }
}

function parseImages(bytes: Buffer, file: string): readonly ArchivedImage[] {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ElfgateError('malformed', `${file}: manifest.json: not JSON`, { cause });
  }
  if (!Array.isArray(document) || document.length > limits.manifestEntries) {
    throw new ElfgateError('malformed', `${file}: manifest.json: not a list of images`);
  }
  return document.map((item) => {
    const { Config: config, RepoTags: tags, Layers: layers } = Object(item);
    if (typeof config !== 'string' || !isTextList(layers) || layers.length > limits.manifestEntries) {
      throw new ElfgateError('malformed', `${file}: manifest.json: an image lacks its configuration or its layers`);
    }
    return { config, layers, tags: isTextList(tags) ? tags : [] };
  });
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
