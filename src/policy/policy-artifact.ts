import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../errors.ts';
import type { ContentStore, Patience, WritableContentStore } from '../image/content-store.ts';
import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { limits } from '../limits.ts';
import { elementsOf, fieldsOf } from '../workload/fields.ts';
import { noteUse } from './cache-room.ts';

/** What a bundle of policies is in a registry. */
export const policyArtifactType = 'application/vnd.elfgate.policy.bundle.v1';

// OPA and Conftest push and pull bundles as layers of this type.
const bundleLayer = `${mediaTypes.ociLayer}+gzip`;

/**
 * Pushes a packed bundle as an OCI artifact of one layer. The same bundle has the same digest.
 *
 * @param revision of the bundle, which becomes an annotation.
 * @returns the digest of its manifest, which is what gets signed.
 * @throws ElfgateError `denied` or `unreachable`
 */
export async function pushPolicyArtifact(
  store: WritableContentStore,
  packed: Uint8Array,
  { tag, revision }: { readonly tag: string; readonly revision: string },
  patience: Patience = {},
): Promise<Digest> {
  const layer = await store.pushBlob(packed, bundleLayer, patience);
  const config = await store.pushBlob(Buffer.from('{}'), mediaTypes.ociEmpty, patience);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: policyArtifactType,
    config: { mediaType: config.mediaType, digest: config.digest, size: config.size },
    layers: [
      {
        mediaType: layer.mediaType,
        digest: layer.digest,
        size: layer.size,
        annotations: { 'org.opencontainers.image.title': 'bundle.tar.gz' },
      },
    ],
    annotations: { 'dev.elfgate.policy.revision': revision },
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return (await store.pushManifest(bytes, mediaTypes.ociManifest, tag, patience)).digest;
}

/**
 * Pulls a bundle by the digest of its manifest and unpacks it into the cache; one that was unpacked before is not fetched
 * again.
 *
 * @returns the directory that holds its files.
 * @throws ElfgateError `policy` for what is no bundle of policies, and what reading the registry throws.
 */
export async function pullPolicyArtifact(
  store: ContentStore,
  digest: Digest,
  cacheDirectory: string,
  patience: Patience = {},
): Promise<string> {
  const name = `${store.name}@${digest}`;
  const { bytes } = await store.manifest(digest, patience);
  const layer = bundleLayerOf(bytes, name);
  const unpacked = join(cacheDirectory, 'bundles', layer.digest.slice('sha256:'.length));
  if (layer.digest.startsWith('sha256:') && existsSync(unpacked)) {
    noteUse(unpacked);
    return unpacked;
  }
  const { unpackBundle } = await import('./bundle-archive.ts');
  return unpackBundle(await store.blob(layer, limits.policyBundleBytes, patience), name, cacheDirectory);
}

function bundleLayerOf(manifest: Uint8Array, name: string): { readonly digest: Digest; readonly size: number } {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(manifest).toString());
  } catch (cause) {
    throw new ElfgateError('malformed', `${name}: its manifest is not JSON`, { cause });
  }
  const layers = elementsOf(fieldsOf(document).layers).map(fieldsOf);
  const [layer] = layers;
  const { mediaType, digest, size } = layer ?? {};
  if (layers.length !== 1 || mediaType !== bundleLayer || !isDigest(digest) || !Number.isSafeInteger(size)) {
    throw new ElfgateError('policy', `${name}: is no bundle of policies, which has one layer of ${bundleLayer}`, {
      hint: 'elfgate policy push DIR REFERENCE pushes one',
    });
  }
  return { digest, size: Number(size) };
}
