import { ElfgateError } from '../errors.ts';
import type { Patience, StoredManifest } from '../image/content-store.ts';
import { isOtherArtifact, mediaTypes } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { isPlatform, type Platform } from '../image/platform.ts';
import type { RegistryClient } from '../image/registry/client.ts';
import { inOrder } from './in-order.ts';
import type { ScanTarget } from './scan-target.ts';

/** An image of one platform, before anything but its manifest was read. Plain JSON. */
export interface FoundImage {
  /** `registry.example.com/team/app:1.2` */
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  /** Of the manifest. */
  readonly digest: Digest;
  /** As an index says; null where only the configuration does. */
  readonly platform: Platform | null;
  /** As it was read, so that it is not asked for twice: registries count that. Null for one that an index lists. */
  readonly manifest: FoundManifest | null;
}

export interface FoundManifest {
  readonly mediaType: string;
  readonly base64: string;
}

/** What a registry turned out to hold. */
export type Discovery =
  | { readonly kind: 'image'; readonly image: FoundImage }
  /** An artifact that is no image: a chart, a signature. */
  | { readonly kind: 'artifact'; readonly name: string }
  | { readonly kind: 'failure'; readonly name: string; readonly error: ElfgateError };

export interface DiscoveryOptions extends Patience {
  readonly registries: RegistryClient;
  /** Which tags are wanted. */
  readonly isWanted: (tag: string) => boolean;
  /** Null for every platform. */
  readonly platform: Platform | null;
  /** Manifests asked for ahead of the one whose turn it is. */
  readonly ahead: number;
}

interface Named {
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  readonly tagOrDigest: string;
  /** Named by the caller: then it has to be an image. */
  readonly explicit: boolean;
}

/**
 * The images of registries, repositories and single references, in the order in which they are listed. Of an index it
 * gives every platform; of each image it reads the manifest and nothing more.
 *
 * @throws ElfgateError when a catalog cannot be read; what fails for one repository or tag is a result.
 */
export async function* discover(
  targets: AsyncIterable<ScanTarget> | Iterable<ScanTarget>,
  options: DiscoveryOptions,
): AsyncGenerator<Discovery> {
  const found = inOrder(named(targets, options), options.ahead, (item) =>
    'error' in item ? Promise.resolve([{ kind: 'failure', ...item } as const]) : imagesOf(item, options),
  );
  for await (const discoveries of found) {
    yield* discoveries;
  }
}

type Failed = { readonly name: string; readonly error: ElfgateError };

async function* named(
  targets: AsyncIterable<ScanTarget> | Iterable<ScanTarget>,
  options: DiscoveryOptions,
): AsyncGenerator<Named | Failed> {
  for await (const { registry, repository, tagOrDigest } of targets) {
    if (repository !== null && tagOrDigest !== null) {
      yield { ...nameOf(registry, repository, tagOrDigest), explicit: true };
      continue;
    }
    const repositories = repository === null ? options.registries.catalog(registry, options) : [repository];
    for await (const each of repositories) {
      yield* tagsOf(registry, each, options);
    }
  }
}

async function* tagsOf(
  registry: string,
  repository: string,
  options: DiscoveryOptions,
): AsyncGenerator<Named | Failed> {
  let tags: readonly string[];
  try {
    tags = await options.registries.repository({ registry, repository }).tags(options);
  } catch (error) {
    yield { name: `${registry}/${repository}`, error: expected(error) };
    return;
  }
  for (const tag of tags) {
    if (!isAttachment(tag) && options.isWanted(tag)) {
      yield { ...nameOf(registry, repository, tag), explicit: false };
    }
  }
}

async function imagesOf(item: Named, options: DiscoveryOptions): Promise<readonly Discovery[]> {
  const { name, registry, repository, tagOrDigest, explicit } = item;
  try {
    const store = options.registries.repository({ registry, repository });
    const stored = await store.manifest(tagOrDigest, options);
    const images = entriesOf(stored, name).filter(
      ({ platform }) => options.platform === null || platform === null || isPlatform(platform, options.platform),
    );
    if (images.length === 0) {
      if (explicit) {
        throw new ElfgateError(
          'not-found',
          `${name}: holds no image${options.platform === null ? '' : ' of this platform'}`,
        );
      }
      return [{ kind: 'artifact', name }];
    }
    return images.map(({ digest, platform }) => {
      const manifest =
        digest === stored.descriptor.digest
          ? { mediaType: stored.descriptor.mediaType, base64: stored.bytes.toString('base64') }
          : null;
      return { kind: 'image', image: { name, registry, repository, digest, platform, manifest } };
    });
  } catch (error) {
    return [{ kind: 'failure', name, error: expected(error) }];
  }
}

/** The images of a manifest; none when it is another artifact. */
function entriesOf(
  { bytes, descriptor }: StoredManifest,
  name: string,
): readonly { readonly digest: Digest; readonly platform: Platform | null }[] {
  const manifest = parseManifest(bytes, descriptor.mediaType, `${name}: manifest ${descriptor.digest}`);
  if (manifest.kind === 'image') {
    const { mediaType } = manifest.config;
    const isImage = mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
    return isImage ? [{ digest: descriptor.digest, platform: null }] : [];
  }
  return manifest.manifests.filter(
    (each) =>
      !isOtherArtifact(each) &&
      each.annotations['vnd.docker.reference.type'] === undefined &&
      each.platform?.os !== 'unknown',
  );
}

/** Tags under which signatures and referrers are kept: `sha256-….sig`, and the fallback tag of OCI distribution 1.1. */
function isAttachment(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64,}(?:\.[a-z]+)?$/.test(tag);
}

function nameOf(registry: string, repository: string, tagOrDigest: string) {
  const separator = tagOrDigest.includes(':') ? '@' : ':';
  return { name: `${registry}/${repository}${separator}${tagOrDigest}`, registry, repository, tagOrDigest };
}

/** @throws what is no failure to read. */
function expected(error: unknown): ElfgateError {
  if (error instanceof ElfgateError) {
    return error;
  }
  throw error;
}
