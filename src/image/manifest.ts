import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { type Digest, isDigest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import type { Platform } from './platform.ts';

/** What a manifest turned out to be. */
export type Manifest =
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

/**
 * Reads a manifest or an index of OCI or docker.
 *
 * @param mediaType as the registry or descriptor says; the document's own, where it has one, must be the same
 * (CVE-2021-41190: one document must not be read as two kinds).
 * @param what names it in messages.
 * @throws ElfgateError `malformed`; `unsupported-format` for schema 1, artifacts, and unknown media types.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, what: string): Manifest {
  const document = recordFrom(bytes, what);
  const own = document.mediaType;
  if (document.schemaVersion === 1 || mediaType.startsWith('application/vnd.docker.distribution.manifest.v1')) {
    throw new ElfgateError('unsupported-format', `${what}: is an image of schema 1, which registries no longer take`, {
      hint: 'docker pull and docker push by a current version make one that can be read',
    });
  }
  if (own !== undefined && own !== mediaType) {
    throw new ElfgateError(
      'malformed',
      `${what}: is called ${printableType(mediaType)} and calls itself ${printableType(own)}`,
    );
  }
  switch (mediaType) {
    case mediaTypes.ociIndex:
    case mediaTypes.dockerList:
      if ('layers' in document || 'config' in document) {
        throw new ElfgateError('malformed', `${what}: is an index and an image at once`);
      }
      return { kind: 'index', manifests: descriptors(document.manifests, `${what}: its manifests`) };
    case mediaTypes.ociManifest:
    case mediaTypes.dockerManifest: {
      if ('manifests' in document) {
        throw new ElfgateError('malformed', `${what}: is an index and an image at once`);
      }
      return {
        kind: 'image',
        config: parseDescriptor(document.config, `${what}: its configuration`),
        layers: descriptors(document.layers, `${what}: its layers`),
      };
    }
    default:
      throw new ElfgateError('unsupported-format', `${what}: is ${printableType(mediaType)}, and no image or index`);
  }
}

/** The manifests of an index, as of an OCI layout's `index.json`. @throws ElfgateError `malformed` */
export function parseIndex(bytes: Uint8Array, what: string): readonly Descriptor[] {
  return descriptors(recordFrom(bytes, what).manifests, `${what}: its manifests`);
}

/** The media type of a manifest that nobody has named: its own word, or else by what it holds. @throws ElfgateError `malformed` */
export function mediaTypeOf(bytes: Uint8Array, what: string): string {
  const { mediaType, manifests } = recordFrom(bytes, what);
  return textOrNull(mediaType) ?? (manifests === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex);
}

/** The digest of what a manifest says it belongs to; null where it belongs to nothing. @throws ElfgateError `malformed` */
export function subjectOf(bytes: Uint8Array, what: string): Digest | null {
  const { subject } = recordFrom(bytes, what);
  return subject === undefined || subject === null ? null : parseDescriptor(subject, `${what}: its subject`).digest;
}

/**
 * What a manifest is by OCI distribution 1.1 when it is listed as a referrer: its `artifactType`, or else the media type
 * of its configuration; and its annotations.
 *
 * @throws ElfgateError `malformed`
 */
export function artifactOf(bytes: Uint8Array, what: string): Pick<Descriptor, 'artifactType' | 'annotations'> {
  const { artifactType, config, annotations } = recordFrom(bytes, what);
  const { mediaType } = isRecord(config) ? config : {};
  return {
    artifactType: typeof artifactType === 'string' && artifactType !== '' ? artifactType : textOrNull(mediaType),
    annotations: textRecord(annotations),
  };
}

/** Reads an image's configuration. @throws ElfgateError `malformed` */
export function parseImageConfig(bytes: Uint8Array, what: string): ImageConfig {
  const document = recordFrom(bytes, what);
  const run = isRecord(document.config) ? document.config : {};
  const rootfs = isRecord(document.rootfs) ? document.rootfs : {};
  const diffIds = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
  if (diffIds.length > limits.manifestEntries || !diffIds.every(isDigest)) {
    throw new ElfgateError('malformed', `${what}: rootfs.diff_ids are not a list of digests`);
  }
  return {
    platform: platformOf(document),
    created: textOrNull(document.created),
    user: textOrNull(run.User) ?? '',
    env: textList(run.Env),
    entrypoint: textList(run.Entrypoint),
    cmd: textList(run.Cmd),
    workingDir: textOrNull(run.WorkingDir) ?? '',
    labels: textRecord(run.Labels),
    diffIds,
  };
}

function descriptors(value: unknown, what: string): readonly Descriptor[] {
  if (!Array.isArray(value) || value.length > limits.manifestEntries) {
    throw new ElfgateError('malformed', `${what} are not a list of at most ${limits.manifestEntries} entries`);
  }
  return value.map((item, index) => parseDescriptor(item, `${what}: entry ${index + 1}`));
}

function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isRecord(value)) {
    throw new ElfgateError('malformed', `${what} is no descriptor`);
  }
  const { mediaType, digest, size, artifactType, annotations, platform } = value;
  if (typeof mediaType !== 'string' || !isDigest(digest)) {
    throw new ElfgateError('malformed', `${what} has no media type or no digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ElfgateError('malformed', `${what} (${digest}) has no size`);
  }
  return {
    mediaType,
    digest,
    size,
    artifactType: textOrNull(artifactType),
    annotations: textRecord(annotations),
    platform: isRecord(platform) ? platformOf(platform) : null,
  };
}

function platformOf(record: Readonly<Record<string, unknown>>): Platform {
  const { os, architecture, variant } = record;
  // Configurations of the first years name neither; docker took them for its own.
  return {
    os: textOrNull(os) ?? 'linux',
    architecture: textOrNull(architecture) ?? 'amd64',
    variant: textOrNull(variant),
  };
}

function recordFrom(bytes: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (cause) {
    throw new ElfgateError('malformed', `${what}: not JSON`, { cause });
  }
  if (!isRecord(document)) {
    throw new ElfgateError('malformed', `${what}: not a JSON object`);
  }
  return document;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function textList(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textRecord(value: unknown): Readonly<Record<string, string>> {
  return isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {};
}

/** A media type from elsewhere, short enough for a message. */
function printableType(type: unknown): string {
  return String(type).slice(0, 100);
}
