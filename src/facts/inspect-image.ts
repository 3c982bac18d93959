import type { Image } from '../image/image.ts';
import type { ImageSource } from '../image/image-source.ts';
import { openImages } from '../image/open-images.ts';
import { formatPlatform } from '../image/platform.ts';
import type {
  ImageAccess,
  ImageTrustReport,
  InspectedContents,
  InspectedTarget,
  InspectOptions,
  KeptRoot,
  Target,
} from './inspected-target.ts';
import type { ImageFacts } from './schema.ts';
import type { FactsStore } from './store/facts-store.ts';

/**
 * Inspects the images of a source: one result for each platform.
 *
 * @throws ElfgateError when an image or a layer cannot be read; its message names both.
 */
export async function inspectImages(
  target: Target,
  source: ImageSource,
  options: InspectOptions,
  access: ImageAccess,
): Promise<readonly InspectedTarget[]> {
  const { platform, registries, signal } = access;
  const images = await openImages(source, { platform, registries, ...(signal === undefined ? {} : { signal }) });
  const inspected: InspectedTarget[] = [];
  for (const image of images) {
    const name = images.length > 1 ? `${target.name} (${formatPlatform(image.platform)})` : target.name;
    inspected.push({ ...(await judgedContents(image, options, access)), name, role: target.role });
  }
  return inspected;
}

/** What is in an image, with what is not kept as a fact. */
export type JudgeableContents = InspectedContents & Pick<InspectedTarget, 'trust' | 'keptRoot'>;

/**
 * What is in an image, and who made it. Facts that a trusted inspector attests need no layer.
 *
 * @throws ElfgateError as {@link contentsOfImage}
 */
export async function judgedContents(
  image: Image,
  options: InspectOptions,
  access: ImageAccess,
): Promise<JudgeableContents> {
  const patience = access.signal === undefined ? {} : { signal: access.signal };
  const report = (await options.trust?.ofImage(image, patience)) ?? null;
  if (report === null) {
    return contentsOfImage(image, options, access);
  }
  const { trust, problem } = report;
  const known = options.symbols === 'listed' ? null : attestedContents(image, report);
  const contents = known ?? (await contentsOfImage(image, options, access));
  return { ...contents, trust, problems: problem === null ? contents.problems : [...contents.problems, problem] };
}

/** What is in an image by the word of a trusted inspector; null where there is none. */
export function attestedContents(image: Image, report: ImageTrustReport | null): InspectedContents | null {
  return report === null || report.attested === null ? null : { ...report.attested, image: imageFacts(image) };
}

/**
 * What is in an image: from the store, or by reading all its layers.
 *
 * @throws ElfgateError when a layer cannot be read; its message names image and layer.
 */
export async function contentsOfImage(
  image: Image,
  options: InspectOptions,
  access: Omit<ImageAccess, 'platform' | 'registries'>,
): Promise<JudgeableContents> {
  // Lists of symbols are large and seldom asked for.
  const store = options.symbols === 'counted' ? access.store : null;
  const known = (await store?.read(image)) ?? null;
  if (store !== null && known !== null) {
    // The same bytes may be known under another name.
    return { ...known, image: imageFacts(image), keptRoot: rootInStore(store, image) };
  }
  // Facts that are known need nothing of what reads layers.
  const { readImage } = await import('./read-image.ts');
  const { contents: found, root } = await readImage(image, options, access);
  const contents = { ...found, image: imageFacts(image) };
  // Those say something about this machine, and not about the image.
  const isOfImage = !contents.problems.some(({ code }) => code === 'unreadable');
  if (store !== null && isOfImage && (await store.write(image, contents, root))) {
    return { ...contents, keptRoot: rootInStore(store, image) };
  }
  return root === null ? contents : { ...contents, keptRoot: { read: async () => root, heldBytes: root.length } };
}

function rootInStore(store: FactsStore, image: Image): KeptRoot {
  return { read: () => store.readRoot(image), heldBytes: 0 };
}

function imageFacts({ reference, indexDigest, platform, config, layers }: Image): ImageFacts {
  return {
    reference,
    indexDigest,
    platform: formatPlatform(platform),
    labels: { ...config.labels },
    layers: layers.map(({ digest, diffId, size, mediaType }) => ({ digest, diffId, size, mediaType })),
  };
}
