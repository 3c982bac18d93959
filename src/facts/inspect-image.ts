import { startsLikeElf } from '../binary/elf/header.ts';
import { startsLikeWasm } from '../binary/wasm/magic.ts';
import type { Image } from '../image/image.ts';
import type { ImageSource } from '../image/image-source.ts';
import { imageTree } from '../image/layers/image-tree.ts';
import { openImages } from '../image/open-images.ts';
import { formatPlatform } from '../image/platform.ts';
import { inspectTree } from './inspect-tree.ts';
import type { Cleanup, ImageAccess, InspectedTarget, InspectOptions, Target } from './inspected-target.ts';
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
  cleanup: Cleanup,
): Promise<readonly InspectedTarget[]> {
  const { platform, registries, signal } = access;
  const images = await openImages(source, { platform, registries, ...(signal === undefined ? {} : { signal }) });
  const inspected: InspectedTarget[] = [];
  for (const image of images) {
    const platformOf = formatPlatform(image.platform);
    const result = await inspectImage(image, options, access, cleanup);
    inspected.push({
      ...result,
      name: images.length > 1 ? `${target.name} (${platformOf})` : target.name,
      role: target.role,
    });
  }
  return inspected;
}

async function inspectImage(
  image: Image,
  options: InspectOptions,
  { temporaryDirectory, signal }: ImageAccess,
  cleanup: Cleanup,
): Promise<Omit<InspectedTarget, 'name' | 'role'>> {
  const tree = await imageTree(image, {
    kept: { isBinary: (start) => startsLikeElf(start) || startsLikeWasm(start) },
    temporaryDirectory,
    ...(signal === undefined ? {} : { signal }),
    ...(options.onFile === undefined ? {} : { onEntry: options.onFile }),
  });
  cleanup.push(() => tree.close());
  const { config } = image;
  return {
    kind: 'image',
    digest: image.digest,
    meeting: { platform: formatPlatform(image.platform), container: null },
    ...inspectTree(tree, { symbols: options.symbols }),
    image: imageFacts(image),
    launch: launchFacts(
      {
        user: config.user,
        workingDirectory: config.workingDir,
        environment: config.env,
        entrypoint: config.entrypoint,
        arguments: config.cmd,
      },
      tree,
    ),
  };
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
