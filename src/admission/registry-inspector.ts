import { LRUCache } from 'lru-cache';
import { ElfgateError } from '../errors.ts';
import { attestedContents, contentsOfImage } from '../facts/inspect-image.ts';
import type { ImageTrustReport, TrustInspector } from '../facts/inspected-target.ts';
import type { FactsStore } from '../facts/store/facts-store.ts';
import type { Digest } from '../image/digest.ts';
import type { Image } from '../image/image.ts';
import { openImages } from '../image/open-images.ts';
import { formatReference, type Reference, tagOrDigest } from '../image/reference.ts';
import type { RegistryClient } from '../image/registry/client.ts';
import type { CredentialSource } from '../image/registry/credentials.ts';
import { limits } from '../limits.ts';
import type { ImageInspector, InspectedImage } from './image-facts.ts';

export interface RegistryInspectorOptions {
  /** Makes the client for whoever brings these credentials; one serves all reviews that bring the same. */
  clientFor(credentials: CredentialSource): RegistryClient;
  /** Where binaries are kept while an image is inspected; nothing stays there. */
  readonly temporaryDirectory: string;
  /** Facts by digest of the manifest, asked once the registry has shown that manifest to whoever asks. */
  readonly store: FactsStore | null;
  /** Tells who made images; null where the configuration trusts nobody in particular. */
  readonly trust: TrustInspector | null;
}

/** Trust of the platforms of one image, in the order of its index. */
type Reports = readonly (ImageTrustReport | null)[];

type PinnedReference = Reference & { readonly digest: Digest };

/** Reads images from registries. */
export function registryInspector({
  clientFor,
  temporaryDirectory,
  store,
  trust,
}: RegistryInspectorOptions): ImageInspector {
  // An image that is signed now is trusted soon; one review asks for mutation and validation, and others follow.
  const told = new LRUCache<string, Reports>({ max: limits.trustReports, ttl: limits.trustReportMilliseconds });
  const asking = new Map<string, Promise<Reports>>();
  // The same object for the same reports: what is made of it need not be made again for each review.
  const trustedImages = new WeakMap<InspectedImage, { readonly reports: Reports; readonly image: InspectedImage }>();

  const imagesOf = (
    reference: PinnedReference,
    credentials: CredentialSource,
    signal: AbortSignal,
  ): Promise<readonly Image[]> =>
    openImages(
      { kind: 'registry', reference: byDigest(reference) },
      { platform: null, registries: clientFor(credentials), signal },
    );

  const reportsOn = async (
    images: readonly Image[],
    reference: PinnedReference,
    signal: AbortSignal,
  ): Promise<Reports> => {
    if (trust === null) {
      return [];
    }
    const reports = await Promise.all(images.map((image) => trust.ofImage(image, { signal })));
    // What could not be told is asked again at once.
    if (reports.every((report) => report?.problem == null)) {
      told.set(formatReference(byDigest(reference)), reports);
    }
    return reports;
  };

  return {
    async resolve(reference, credentials, signal) {
      const { digest } = await clientFor(credentials).repository(reference).resolve(tagOrDigest(reference), { signal });
      return digest;
    },
    async inspect(reference, credentials, signal) {
      const images = await imagesOf(reference, credentials, signal);
      if (images.length === 0) {
        throw new ElfgateError('not-found', `${formatReference(reference)}: holds no image for any platform`);
      }
      const reports = await reportsOn(images, reference, signal);
      const platforms: InspectedImage['platforms'][number][] = [];
      for (const [index, image] of images.entries()) {
        // What a trusted inspector attests needs no layer.
        const contents =
          attestedContents(image, reports[index] ?? null) ??
          (await contentsOfImage(image, { symbols: 'counted' }, { temporaryDirectory, store, signal }));
        platforms.push({ architecture: image.platform.architecture, contents });
      }
      return { digest: reference.digest, platforms };
    },
    async withTrust(image, reference, credentials, patiently) {
      if (trust === null) {
        return image;
      }
      const key = formatReference(byDigest(reference));
      const ask = (): Promise<Reports> =>
        patiently(async (signal) => reportsOn(await imagesOf(reference, credentials, signal), reference, signal));
      const asked = told.get(key) ?? asking.get(key) ?? ask().finally(() => asking.delete(key));
      if (asked instanceof Promise) {
        asking.set(key, asked);
      }
      const reports = await asked;
      const before = trustedImages.get(image);
      if (before?.reports === reports) {
        return before.image;
      }
      const judgeable: InspectedImage = {
        ...image,
        platforms: image.platforms.map(({ architecture, contents }, index) => ({
          architecture,
          contents: trusted(contents, reports[index] ?? null),
        })),
      };
      trustedImages.set(image, { reports, image: judgeable });
      return judgeable;
    },
  };
}

function trusted(
  contents: InspectedImage['platforms'][number]['contents'],
  report: ImageTrustReport | null,
): InspectedImage['platforms'][number]['contents'] {
  if (report === null) {
    return contents;
  }
  const { trust, problem } = report;
  return { ...contents, trust, problems: problem === null ? contents.problems : [...contents.problems, problem] };
}

/** What is judged is what the digest names, also when the tag has moved meanwhile. */
function byDigest(reference: Reference): Reference {
  return { ...reference, tag: null };
}
