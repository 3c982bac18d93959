import { LRUCache } from 'lru-cache';
import { ElfgateError } from '../errors.ts';
import type { JudgeableContents } from '../facts/inspect-image.ts';
import type { Digest } from '../image/digest.ts';
import { formatReference, parseReference, type Reference } from '../image/reference.ts';
import type { CredentialSource } from '../image/registry/credentials.ts';
import { limits } from '../limits.ts';
import { type Patiently, withinDeadline, withinTime } from './within-time.ts';

/** What was found in one image, for every platform of its index. */
export interface InspectedImage {
  /** Of the index, or of the manifest where there is no index. */
  readonly digest: Digest;
  readonly platforms: readonly InspectedPlatform[];
}

export interface InspectedPlatform {
  /** As `amd64`. */
  readonly architecture: string;
  /** Named and given a role by whoever asks. Trust is absent where nobody asked, and never kept. */
  readonly contents: JudgeableContents;
}

/** Reads images; knows nothing of caches and deadlines. */
export interface ImageInspector {
  /** What a reference names now. @throws ElfgateError as {@link import('../image/content-store.ts').ContentStore} */
  resolve(reference: Reference, credentials: CredentialSource, signal: AbortSignal): Promise<Digest>;
  /** @throws ElfgateError when the image cannot be had, or is none. */
  inspect(
    reference: Reference & { readonly digest: Digest },
    credentials: CredentialSource,
    signal: AbortSignal,
  ): Promise<InspectedImage>;
  /**
   * Adds who made an image, as it is told now: signatures come and go while bytes stay what they are.
   *
   * @param patiently what has to be asked is asked within it: most reviews find it told, and need no timer.
   * @throws ElfgateError when that cannot be asked.
   */
  withTrust(
    image: InspectedImage,
    reference: Reference & { readonly digest: Digest },
    credentials: CredentialSource,
    patiently: Patiently,
  ): Promise<InspectedImage>;
}

/** Keeps facts over restarts, by digest. What it cannot give, for whatever reason, is inspected again. */
export interface KeptFacts {
  read(digest: Digest): Promise<InspectedImage | null>;
  write(image: InspectedImage): Promise<void>;
}

/** What is known about an image when the time is up. */
export type ImageOutcome =
  | { readonly outcome: 'known'; readonly image: InspectedImage }
  /** The work goes on, so that a later question finds the facts. */
  | { readonly outcome: 'pending'; readonly waited: number }
  | { readonly outcome: 'failed'; readonly error: ElfgateError };

/** What the provider did, for metrics. */
export interface ImageFactsEvents {
  readonly onLookup?: (found: 'memory' | 'disk' | 'inspected') => void;
  readonly onInspected?: (seconds: number, error: ElfgateError | null) => void;
}

export interface ImageFactsOptions {
  readonly inspector: ImageInspector;
  /** null where nothing is kept. */
  readonly kept: KeptFacts | null;
  /** Bytes of facts in memory. */
  readonly memoryBytes: number;
  /** Images that are inspected at the same time. */
  readonly inspections: number;
  /** Milliseconds after which an inspection is given up, however many wait for it. */
  readonly inspectionTime: number;
  readonly events?: ImageFactsEvents;
}

/**
 * Facts of images by digest: from memory, from what is kept, or by inspecting. However many ask for one digest at the same
 * time, it is fetched once; whoever runs out of time is told so, and the work goes on for the next who asks.
 */
export interface ImageFacts {
  /** @param image as written in a pod, which may be no reference at all. */
  factsOf(image: string, credentials: CredentialSource, deadline: AbortSignal): Promise<ImageOutcome>;
  /** The digest that a reference names now, or null when that is not known in time. @throws ElfgateError */
  digestOf(reference: Reference, credentials: CredentialSource, deadline: AbortSignal): Promise<Digest | null>;
  statistics(): {
    readonly inspecting: number;
    readonly waiting: number;
    readonly kept: number;
    readonly bytes: number;
  };
  /** Gives running work up. */
  close(): void;
}

export function imageFacts(options: ImageFactsOptions): ImageFacts {
  const { inspector, kept, events } = options;
  const memory = new LRUCache<Digest, InspectedImage>({
    maxSize: options.memoryBytes,
    sizeCalculation: sizeInMemory,
  });
  const resolving = new Map<string, Flight<Digest>>();
  const inspecting = new Map<Digest, Flight<InspectedImage>>();
  const closing = new AbortController();
  const turns = turnstile(options.inspections);

  const patiently: Patiently = (work) => withinTime(options.inspectionTime, work, closing.signal);

  const resolve = (reference: Reference, credentials: CredentialSource): Promise<Digest> =>
    reference.digest !== null
      ? Promise.resolve(reference.digest)
      : once(resolving, formatReference(reference), credentials, () =>
          patiently((signal) => inspector.resolve(reference, credentials, signal)),
        );

  const inspect = async (
    reference: Reference,
    digest: Digest,
    credentials: CredentialSource,
  ): Promise<InspectedImage> => {
    const found = await keptImage(kept, digest);
    if (found !== null) {
      events?.onLookup?.('disk');
      memory.set(digest, found);
      return found;
    }
    events?.onLookup?.('inspected');
    return turns.enter(async () => {
      const start = performance.now();
      try {
        const image = await patiently((signal) => inspector.inspect({ ...reference, digest }, credentials, signal));
        memory.set(digest, image);
        events?.onInspected?.((performance.now() - start) / 1_000, null);
        // A store that cannot be written costs the next start some time, and nobody his answer.
        await kept?.write(image).catch(() => undefined);
        return image;
      } catch (error) {
        events?.onInspected?.((performance.now() - start) / 1_000, elfgateError(error));
        throw error;
      }
    });
  };

  const known = async (reference: Reference, credentials: CredentialSource): Promise<InspectedImage> => {
    const digest = await resolve(reference, credentials);
    const remembered = memory.get(digest);
    if (remembered !== undefined) {
      events?.onLookup?.('memory');
      return remembered;
    }
    return once(inspecting, digest, credentials, () => inspect(reference, digest, credentials));
  };

  const judgeable = async (reference: Reference, credentials: CredentialSource): Promise<InspectedImage> => {
    const image = await known(reference, credentials);
    return inspector.withTrust(image, { ...reference, digest: image.digest }, credentials, patiently);
  };

  return {
    async factsOf(image, credentials, deadline) {
      const start = performance.now();
      try {
        const work = judgeable(parseReference(image), credentials);
        const result = await withinDeadline(work, deadline);
        return result === null
          ? { outcome: 'pending', waited: Math.round(performance.now() - start) }
          : { outcome: 'known', image: result };
      } catch (error) {
        return { outcome: 'failed', error: elfgateError(error) };
      }
    },
    digestOf: (reference, credentials, deadline) => withinDeadline(resolve(reference, credentials), deadline),
    statistics: () => ({
      inspecting: turns.inside(),
      waiting: turns.outside(),
      kept: memory.size,
      bytes: memory.calculatedSize,
    }),
    close: () => closing.abort(new ElfgateError('unreachable', 'elfgate is shutting down')),
  };
}

/** Work that is under way, and whose credentials it is done with. */
interface Flight<Value> {
  readonly credentials: CredentialSource;
  readonly landing: Promise<Value>;
}

/**
 * One piece of work for all who ask for the same at the same time. A failure is not remembered, and one of somebody else
 * is not taken for one's own: other credentials may be let in.
 */
async function once<Key, Value>(
  flights: Map<Key, Flight<Value>>,
  key: Key,
  credentials: CredentialSource,
  work: () => Promise<Value>,
): Promise<Value> {
  for (let flying = flights.get(key); flying !== undefined; flying = flights.get(key)) {
    try {
      return await flying.landing;
    } catch (error) {
      if (flying.credentials === credentials) {
        throw error;
      }
    }
  }
  const landing = work().finally(() => flights.delete(key));
  flights.set(key, { credentials, landing });
  return landing;
}

interface Turnstile {
  enter<Value>(work: () => Promise<Value>): Promise<Value>;
  inside(): number;
  outside(): number;
}

/** Lets so many work at the same time, in the order in which they came. */
function turnstile(places: number): Turnstile {
  const queue: (() => void)[] = [];
  let working = 0;
  return {
    async enter(work) {
      if (working >= places) {
        await new Promise<void>((resolve) => queue.push(resolve));
      } else {
        working += 1;
      }
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next === undefined) {
          working -= 1;
        } else {
          next();
        }
      }
    },
    inside: () => working,
    outside: () => queue.length,
  };
}

async function keptImage(kept: KeptFacts | null, digest: Digest): Promise<InspectedImage | null> {
  try {
    return (await kept?.read(digest)) ?? null;
  } catch {
    // What cannot be read again is inspected again.
    return null;
  }
}

/** Bytes, about: texts take as many as their JSON has characters, and objects around them as much again. */
function sizeInMemory({ platforms }: InspectedImage): number {
  return platforms.reduce(
    (sum, { contents }) =>
      sum +
      2 * JSON.stringify([contents.root, contents.problems, contents.binaries.map(({ facts }) => facts)]).length +
      (contents.keptRoot?.heldBytes ?? 0) +
      contents.binaries.reduce((hashes, { facts }) => hashes + (facts.go?.packages ?? 0) * limits.packageHashMemory, 0),
    1_024,
  );
}

function elfgateError(error: unknown): ElfgateError {
  return error instanceof ElfgateError
    ? error
    : error instanceof Error && error.name === 'TimeoutError'
      ? new ElfgateError('unreachable', 'the image could not be inspected in time', { cause: error })
      : new ElfgateError('evaluation', `inspecting failed: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
}
