import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type Image, type Layer, layerName } from '../image.ts';
import { compressionOf, decompressor, freeInflated } from './decompression.ts';
import { type FileContent, fileContents } from './file-contents.ts';
import type { KeptFiles } from './kept-files.ts';
import { collectChanges, type LayerChanges, type LayerReading } from './layer-changes.ts';
import { applyLayer, type DirectoryNode, emptyRoot } from './merged-tree.ts';
import { type NodeTree, nodeTree } from './node-tree.ts';
import { tarReader } from './tar-reader.ts';

/** The root file system of an image. Files that are neither binaries nor read by name have a size but no bytes. */
export interface ImageTree extends NodeTree {
  readonly root: DirectoryNode;
  /** Gives memory and the temporary file back. */
  close(): void;
}

export interface ImageTreeOptions {
  readonly kept: KeptFiles;
  readonly temporaryDirectory: string;
  readonly signal?: AbortSignal;
  /** Called for each entry that is read, for progress. */
  readonly onEntry?: (path: string) => void;
  /** Called when a binary has been read, before it is known whether a later layer hides it. */
  readonly onBinary?: (path: string, content: FileContent) => void;
}

/**
 * Reads the layers of an image, each in one pass and several at once, and lays them over each other.
 *
 * @throws ElfgateError that names image and layer: `malformed`, `limit`, `integrity`, `unsupported-format`, and what
 * opening a layer throws.
 */
export async function imageTree(image: Image, options: ImageTreeOptions): Promise<ImageTree> {
  const contents = fileContents(options.temporaryDirectory);
  try {
    let entries = 0;
    const reading: LayerReading = {
      contents,
      kept: options.kept,
      onEntry(path) {
        entries += 1;
        if (entries > limits.imageEntries) {
          throw new ElfgateError('limit', `the layers have more than ${limits.imageEntries} entries in all`);
        }
        options.onEntry?.(path);
      },
      onBinary: options.onBinary ?? (() => {}),
    };
    const root = emptyRoot();
    await readLayers(image, reading, options.signal, (layer, changes) =>
      inLayer(image, layer, () => applyLayer(root, changes, layer.index)),
    );
    return { ...nodeTree(root), root, close: () => contents.close() };
  } catch (error) {
    contents.close();
    throw error;
  }
}

/**
 * Reads as many layers at once as there are processors; one that fails stops the others. Each is applied as soon as all
 * below it are, so that what the next ones hide need not be remembered.
 */
async function readLayers(
  image: Image,
  reading: LayerReading,
  outer: AbortSignal | undefined,
  apply: (layer: Layer, changes: LayerChanges) => void,
): Promise<void> {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const waiting = [...image.layers];
  const unapplied = [...image.layers];
  const read = new Map<Layer, LayerChanges>();
  let failure: { readonly error: unknown } | null = null;
  const work = async (): Promise<void> => {
    for (let layer = waiting.shift(); layer !== undefined; layer = waiting.shift()) {
      try {
        read.set(layer, await readLayer(image, layer, reading, signal));
        for (let [lowest] = unapplied; lowest !== undefined; [lowest] = unapplied) {
          const changes = read.get(lowest);
          if (changes === undefined) {
            break;
          }
          unapplied.shift();
          read.delete(lowest);
          apply(lowest, changes);
        }
      } catch (error) {
        // The first one tells; the others were merely stopped.
        failure ??= { error: outer?.aborted === true ? outer.reason : error };
        stop.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), waiting.length) }, work));
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) {
    throw failed.error;
  }
}

async function readLayer(
  image: Image,
  layer: Layer,
  reading: LayerReading,
  signal: AbortSignal,
): Promise<LayerChanges> {
  if (!/\btar\b/.test(layer.mediaType) || layer.mediaType.includes('encrypted')) {
    throw new ElfgateError(
      'unsupported-format',
      `${image.reference}: ${layerName(layer)}: ${layer.mediaType} is no layer that can be read`,
      { hint: 'elfgate reads tar layers, plain or compressed by gzip or zstd' },
    );
  }
  const { changes, onTarEntry } = collectChanges(reading);
  const tar = tarReader(onTarEntry);
  const stored = await image.openLayer(layer, { signal });
  try {
    await inflateInto(stored, (bytes) => inLayer(image, layer, () => tar.push(bytes)), signal);
    inLayer(image, layer, () => tar.end());
    return changes;
  } catch (error) {
    const better = signal.aborted ? null : await whatIntegritySays(stored, error);
    throw better ?? named(image, layer, error);
  } finally {
    stored.destroy();
  }
}

/** Gives the inflated bytes of a layer, piece by piece, and takes the stored ones to their end. */
async function inflateInto(stored: Readable, take: (bytes: Buffer) => void, signal: AbortSignal): Promise<void> {
  const pieces: AsyncIterator<Buffer> = stored.iterator({ destroyOnReturn: false });
  // Long enough to show how it is compressed.
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 4) {
    const next = await pieces.next();
    if (next.done === true) {
      break;
    }
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
  }
  let taken = first.length;
  async function* rest(): AsyncGenerator<Buffer> {
    yield first;
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      taken += next.value.length;
      yield next.value;
    }
  }
  let inflated = 0;
  const count = (bytes: Buffer): void => {
    inflated += bytes.length;
    if (inflated > limits.layerBytes) {
      throw new ElfgateError('limit', `it inflates to more than ${limits.layerBytes} bytes`);
    }
    if (inflated > limits.layerInflationFrom && inflated > taken * limits.layerInflation) {
      throw new ElfgateError(
        'limit',
        `it inflates to more than ${limits.layerInflation} times its size, which only a zip bomb does`,
      );
    }
    take(bytes);
  };
  const compression = compressionOf(first);
  if (compression === 'none') {
    for await (const bytes of rest()) {
      count(bytes);
    }
    return;
  }
  await pipeline(
    rest(),
    decompressor(compression),
    async (inflating: AsyncIterable<Buffer>) => {
      for await (const bytes of inflating) {
        count(bytes);
        freeInflated(bytes);
      }
    },
    { signal },
  );
}

/**
 * Bytes that are not those of the digest explain every other failure: reads the rest, and gives the error that comes
 * of it; `null` when the bytes are the right ones, which are then damaged by themselves.
 */
async function whatIntegritySays(stored: Readable, error: unknown): Promise<ElfgateError | null> {
  if (error instanceof ElfgateError && error.code !== 'malformed') {
    return null;
  }
  try {
    for await (const _ of stored) {
      // Only its end tells.
    }
    return null;
  } catch (cause) {
    return cause instanceof ElfgateError && cause.code === 'integrity' ? cause : null;
  }
}

function inLayer(image: Image, layer: Layer, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw named(image, layer, error);
  }
}

const alreadyNamed = new WeakSet<Error>();

/** The same error, with image and layer in its sentence. */
function named(image: Image, layer: Layer, error: unknown): unknown {
  const place = `${image.reference}: ${layerName(layer)}`;
  if (error instanceof ElfgateError) {
    if (alreadyNamed.has(error) || error.message.includes(layer.digest)) {
      return error;
    }
    const { hint } = error;
    const withPlace = new ElfgateError(error.code, `${place}: ${error.message}`, {
      ...(hint === null ? {} : { hint }),
      cause: error,
    });
    alreadyNamed.add(withPlace);
    return withPlace;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'Z_BUF_ERROR' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new ElfgateError('malformed', `${place}: its compressed bytes end too early`, { cause: error });
  }
  if (code.startsWith('Z_') || code.startsWith('ZSTD_')) {
    return new ElfgateError('malformed', `${place}: its bytes cannot be inflated (${code})`, { cause: error });
  }
  return error;
}
