import { pipeline } from 'node:stream';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ContentStore, StoredManifest } from './content-store.ts';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { type Digest, isDigest, verifyBytes, verifyingStream, verifySize } from './digest.ts';
import { artifactOf, mediaTypeOf, parseIndex, subjectOf } from './manifest.ts';
import { readStored, type StoredFiles, streamOf } from './stored-files.ts';

const tagAnnotation = 'org.opencontainers.image.ref.name';

/**
 * An OCI image layout (image-layout.md): `index.json` and `blobs/ALGORITHM/HEX`, in a directory or an archive.
 *
 * @param name for messages: `oci:DIR`.
 * @throws ElfgateError `unsupported-format` when it is none.
 */
export function layoutStore(files: StoredFiles, name: string): ContentStore & LayoutIndex {
  if (files.sizeOf('index.json') === null) {
    throw new ElfgateError('unsupported-format', `${name}: is no OCI layout: it has no index.json`);
  }
  const index = parseIndex(readStored(files, 'index.json', limits.manifestBytes), `${name}: index.json`);

  const pathOf = (digest: Digest, what: string): string => {
    const path = blobPath(digest);
    if (files.sizeOf(path) === null) {
      throw new ElfgateError('not-found', `${what}: is not in the layout`);
    }
    return path;
  };

  const resolve: ContentStore['resolve'] = async (tagOrDigest) => {
    if (!isDigest(tagOrDigest)) {
      const tagged = index.find(({ annotations }) => annotations[tagAnnotation] === tagOrDigest);
      if (tagged === undefined) {
        throw new ElfgateError('not-found', `${name}: there is no tag ${tagOrDigest}`, {
          hint: `it has ${tagsOf(index).join(', ') || 'no tags; name the image by its digest'}`,
        });
      }
      return tagged;
    }
    return index.find(({ digest }) => digest === tagOrDigest) ?? (await manifest(tagOrDigest)).descriptor;
  };

  const manifest = async (tagOrDigest: string): Promise<StoredManifest> => {
    const digest: Digest = isDigest(tagOrDigest) ? tagOrDigest : (await resolve(tagOrDigest)).digest;
    if (files.sizeOf(blobPath(digest)) === null) {
      throw new ElfgateError('not-found', `${name}: there is no manifest ${digest}`);
    }
    const bytes = readStored(files, blobPath(digest), limits.manifestBytes);
    const what = `${name}: manifest ${digest}`;
    verifyBytes(bytes, digest, what);
    const listed = index.find((each) => each.digest === digest);
    const descriptor = listed ?? { ...bare, mediaType: mediaTypeOf(bytes, what), digest, size: bytes.length };
    return { descriptor, bytes };
  };

  return {
    name,
    index,
    resolve,
    manifest,
    async openBlob({ digest, size }, { signal } = {}, what = `${name}: blob ${digest}`) {
      signal?.throwIfAborted();
      // pipeline hands each end's failure to the other; who reads the result sees it there.
      return pipeline(streamOf(files.open(pathOf(digest, what))), verifyingStream(digest, size, what), () => {});
    },
    async blob({ digest, size }, most, { signal } = {}) {
      signal?.throwIfAborted();
      const what = `${name}: blob ${digest}`;
      if (size > most) {
        throw new ElfgateError('limit', `${what} has more than ${most} bytes`);
      }
      const bytes = readStored(files, pathOf(digest, what), most);
      verifySize(bytes, size, what);
      verifyBytes(bytes, digest, what);
      return bytes;
    },
    async referrers(digest, artifactType, patience = {}) {
      // Nothing but the index says what a layout holds; it is short.
      const found: Descriptor[] = [];
      for (const each of index.slice(0, limits.referrers)) {
        patience.signal?.throwIfAborted();
        if (each.mediaType !== mediaTypes.ociManifest && each.mediaType !== mediaTypes.ociIndex) {
          continue;
        }
        const { bytes } = await manifest(each.digest);
        const what = `${name}: manifest ${each.digest}`;
        const artifact = subjectOf(bytes, what) === digest ? artifactOf(bytes, what) : null;
        if (artifact !== null && (artifactType === null || artifact.artifactType === artifactType)) {
          found.push({ ...each, ...artifact });
        }
      }
      return found;
    },
    tags: async () => tagsOf(index),
  };
}

/** What a layout lists at its top. */
export interface LayoutIndex {
  readonly index: readonly Descriptor[];
}

const bare = { artifactType: null, annotations: {}, platform: null } as const;

function tagsOf(index: readonly Descriptor[]): readonly string[] {
  return index.flatMap(({ annotations }) => annotations[tagAnnotation] ?? []);
}

function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}
