import { documentsOf } from '../facts/inspect.ts';
import { judgedContents } from '../facts/inspect-image.ts';
import type { ImageAccess, TrustInspector } from '../facts/inspected-target.ts';
import type { StoredManifest } from '../image/content-store.ts';
import { type Digest, verifyBytes } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { storedImages } from '../image/stored-image.ts';
import type { EvaluatorPool } from '../policy/evaluator-pool.ts';
import type { FoundImage, FoundManifest } from './discovery.ts';
import type { ScanResult } from './scan-result.ts';

/** What scanning an image takes. */
export interface Scanner {
  readonly access: ImageAccess;
  readonly policy: EvaluatorPool;
  /** Null where nobody asks who made the images. */
  readonly trust: TrustInspector | null;
}

/**
 * Reads an image by its digest and evaluates the rules on it.
 *
 * Rules see the digest as the name of the image: what they say is kept by digest, for all names that it has.
 *
 * @throws ElfgateError when the image cannot be read or the policy fails.
 */
export async function scanImage(
  { registry, repository, digest, platform, manifest }: FoundImage,
  { access, policy, trust }: Scanner,
): Promise<ScanResult> {
  const store = access.registries.repository({ registry, repository });
  const reference = formatReference({ registry, repository, tag: null, digest });
  const stored = manifest === null ? await store.manifest(digest) : knownManifest(manifest, digest, reference);
  const [image] = await storedImages(store, stored, { reference, platform: null });
  if (image === undefined) {
    throw new Error('a manifest without an image was opened');
  }
  const named = { ...image, reference: digest, platform: platform ?? image.platform };
  // What is trusted is chosen by the repository, which the digest alone does not name.
  const asked =
    trust === null ? {} : { trust: { ...trust, ofImage: () => trust.ofImage({ ...named, reference }, {}) } };
  const contents = await judgedContents(named, { symbols: 'counted', ...asked }, access);
  const [document] = await documentsOf([{ ...contents, name: digest, role: null }]);
  if (document === undefined) {
    throw new Error('an image without a document was inspected');
  }
  const { findings } = await policy.evaluate(document);
  const mentioned = new Set(findings.map(({ path }) => path));
  const layers = document.binaries.filter(({ path }) => mentioned.has(path)).map(({ path, layer }) => [path, layer]);
  return {
    platform: contents.meeting.platform ?? 'unknown',
    findings,
    layers: Object.fromEntries(layers),
    binaries: document.binaries.length,
    problems: document.problems.map(({ path, code, message }) => ({ path, code, message })),
  };
}

/** @throws ElfgateError `integrity` when it is not the one of the digest. */
function knownManifest({ mediaType, base64 }: FoundManifest, digest: Digest, reference: string): StoredManifest {
  const bytes = Buffer.from(base64, 'base64');
  verifyBytes(bytes, digest, `${reference}: manifest ${digest}`);
  const descriptor = { mediaType, digest, size: bytes.length, artifactType: null, annotations: {}, platform: null };
  return { descriptor, bytes };
}
