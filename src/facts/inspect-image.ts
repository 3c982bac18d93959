import { startsLikeElf } from '../binary/elf/header.ts';
import { startsLikeWasm } from '../binary/wasm/magic.ts';
import type { Image } from '../image/image.ts';
import type { ImageSource } from '../image/image-source.ts';
import type { FileContent } from '../image/layers/file-contents.ts';
import { type ImageTree, imageTree } from '../image/layers/image-tree.ts';
import { openImages } from '../image/open-images.ts';
import { formatPlatform } from '../image/platform.ts';
import { limits } from '../limits.ts';
import { type EarlyFacts, inspectTree } from './inspect-tree.ts';
import type {
  ImageAccess,
  ImageTrustReport,
  InspectedContents,
  InspectedTarget,
  InspectOptions,
  Target,
} from './inspected-target.ts';
import { inspectionPool } from './inspection-pool.ts';
import { launchFacts } from './launch-facts.ts';
import type { ImageFacts } from './schema.ts';

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

/**
 * What is in an image, and who made it. Facts that a trusted inspector attests need no layer.
 *
 * @throws ElfgateError as {@link contentsOfImage}
 */
export async function judgedContents(
  image: Image,
  options: InspectOptions,
  access: ImageAccess,
): Promise<InspectedContents & Pick<InspectedTarget, 'trust'>> {
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
): Promise<InspectedContents> {
  // Lists of symbols are large and seldom asked for.
  const store = options.symbols === 'counted' ? access.store : null;
  const known = (await store?.read(image)) ?? null;
  if (known !== null) {
    // The same bytes may be known under another name.
    return { ...known, image: imageFacts(image) };
  }
  const contents = await inspectImage(image, options, access);
  // Those say something about this machine, and not about the image.
  if (!contents.problems.some(({ code }) => code === 'unreadable')) {
    await store?.write(image, contents);
  }
  return contents;
}

async function inspectImage(
  image: Image,
  options: InspectOptions,
  { temporaryDirectory, signal }: Pick<ImageAccess, 'temporaryDirectory' | 'signal'>,
): Promise<InspectedContents> {
  // Threads take longer to start than a small image takes to inspect.
  const pool = bytesOf(image) < limits.inspectedAtOnceBytes ? null : inspectionPool(options.symbols);
  let tree: ImageTree | null = null;
  try {
    tree = await imageTree(image, {
      kept: { isBinary: (start) => startsLikeElf(start) || startsLikeWasm(start) },
      temporaryDirectory,
      ...(signal === undefined ? {} : { signal }),
      ...(options.onFile === undefined ? {} : { onEntry: options.onFile }),
      ...(pool === null ? {} : { onBinary: pool.add }),
    });
    return contentsOfTree(image, tree, options, (await pool?.finish()) ?? new Map());
  } finally {
    pool?.close();
    tree?.close();
  }
}

function contentsOfTree(
  image: Image,
  tree: ImageTree,
  { symbols }: InspectOptions,
  early: ReadonlyMap<FileContent, EarlyFacts>,
): InspectedContents {
  const { config } = image;
  const earlyAt = (path: string): EarlyFacts | undefined => {
    const content = tree.contentOf(path);
    // What is not kept does not start like a binary.
    return content === null ? null : early.get(content);
  };
  const launch = launchFacts(
    {
      user: config.user,
      workingDirectory: config.workingDir,
      environment: config.env,
      entrypoint: config.entrypoint,
      arguments: config.cmd,
    },
    tree,
  );
  return {
    kind: 'image',
    digest: image.digest,
    meeting: { platform: formatPlatform(image.platform), container: null },
    ...inspectTree(tree, { symbols, early: earlyAt, libraryPath: launch.libraryPath }),
    // Its files are given back before images meet: what is kept of them is in the facts.
    tree: null,
    image: imageFacts(image),
    launch,
  };
}

/** Bytes of all layers as stored; those of unknown size count as large. */
function bytesOf({ layers }: Image): number {
  return layers.reduce((sum, { size }) => sum + (size ?? limits.inspectedAtOnceBytes), 0);
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
