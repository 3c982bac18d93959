import { startsLikeElf } from '../binary/elf/header.ts';
import { startsLikeWasm } from '../binary/wasm/magic.ts';
import type { Image } from '../image/image.ts';
import type { KeptContent } from '../image/layers/file-contents.ts';
import { type ImageTree, imageTree } from '../image/layers/image-tree.ts';
import { formatPlatform } from '../image/platform.ts';
import { limits } from '../limits.ts';
import { inspectTree } from './inspect-tree.ts';
import type { ImageAccess, InspectedContents, InspectOptions } from './inspected-target.ts';
import type { InspectedContent } from './inspection-thread.ts';
import { launchFacts } from './launch-facts.ts';

/** What is in an image, and what is kept of its root. */
export interface ReadImage {
  readonly contents: InspectedContents;
  /** As {@link import('./kept-roots.ts').keepRoot} gives it. */
  readonly root: Buffer | null;
}

/**
 * What is in an image, by reading all its layers; how it is named and where it comes from is left out.
 *
 * @throws ElfgateError when a layer cannot be read; its message names image and layer.
 */
export async function readImage(
  image: Image,
  options: InspectOptions,
  { temporaryDirectory, signal }: Pick<ImageAccess, 'temporaryDirectory' | 'signal'>,
): Promise<ReadImage> {
  // Threads take longer to start than a small image takes to inspect.
  const bytes = bytesOf(image);
  const pool =
    bytes < limits.inspectedAtOnceBytes
      ? null
      : (await import('./inspection-pool.ts')).inspectionPool(options.symbols, {
          bindsEarly: bytes <= limits.boundEarlyBytes,
        });
  let tree: ImageTree | null = null;
  try {
    tree = await imageTree(image, {
      kept: { isBinary: (start) => startsLikeElf(start) || startsLikeWasm(start) },
      temporaryDirectory,
      ...(signal === undefined ? {} : { signal }),
      ...(options.onFile === undefined ? {} : { onEntry: options.onFile }),
      ...(pool === null ? {} : { onBinary: pool.add }),
    });
    const contents = contentsOfTree(image, tree, options, (await pool?.finish()) ?? new Map());
    // Its files are given back before images meet.
    return {
      contents: { ...contents, tree: null, openings: await openingsOf(contents) },
      root: await rootOf(contents, tree),
    };
  } finally {
    pool?.close();
    tree?.close();
  }
}

function contentsOfTree(
  image: Image,
  tree: ImageTree,
  { symbols }: InspectOptions,
  found: ReadonlyMap<KeptContent, Omit<InspectedContent, 'index'>>,
): InspectedContents {
  const { config } = image;
  const foundAt = (path: string): Partial<InspectedContent> => {
    const content = tree.contentOf(path);
    // What is not kept does not start like a binary.
    return content === null ? { facts: null, linkage: null } : (found.get(content) ?? {});
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
    ...inspectTree(tree, {
      symbols,
      early: (path) => foundAt(path).facts,
      earlyLinkage: (path) => foundAt(path).linkage ?? null,
      libraryPath: launch.libraryPath,
    }),
    image: null,
    launch,
    openings: null,
  };
}

async function openingsOf(contents: InspectedContents): Promise<InspectedContents['openings']> {
  const roles = new Set(contents.binaries.map(({ facts }) => facts.role));
  if (!roles.has('host') || !roles.has('plugin')) {
    return null;
  }
  const { openingsInside } = await import('./plugin-sequences.ts');
  return openingsInside(contents);
}

async function rootOf({ binaries }: InspectedContents, tree: ImageTree): Promise<ReadImage['root']> {
  // Most images have neither, and load nothing of this.
  if (!binaries.some(({ facts }) => facts.role !== null)) {
    return null;
  }
  const { keepRoot } = await import('./kept-roots.ts');
  return keepRoot(tree, binaries);
}

/** Bytes of all layers as stored; those of unknown size count as large. */
function bytesOf({ layers }: Image): number {
  return layers.reduce((sum, { size }) => sum + (size ?? limits.inspectedAtOnceBytes), 0);
}
