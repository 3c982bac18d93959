import { ElfgateError } from '../errors.ts';
import type { Finding } from '../findings/finding.ts';
import { type Addressing, addressedFindings } from '../findings/report.ts';
import type { Digest } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import { Gate } from '../image/registry/pace.ts';
import { type Discovery, type DiscoveryOptions, discover, type FoundImage } from './discovery.ts';
import { inOrder } from './in-order.ts';
import type { ScanResult } from './scan-result.ts';
import type { ScanState } from './scan-state.ts';
import type { ScanTarget } from './scan-target.ts';

/** What a scan says about one image: a line of `-o jsonl`. Binding for other programs: see docs/contracts.md. */
export interface ScanLine {
  readonly image: string;
  /** Null where the image could not be found. */
  readonly digest: Digest | null;
  /** Null where it is not known. */
  readonly platform: string | null;
  readonly findings: readonly Finding[];
  /** Whether the image was not read now, because a result for its digest and these policies was there. */
  readonly cached: boolean;
  /** Why nothing, or not everything, could be decided about it. */
  readonly error: string | null;
}

export interface ScanOptions extends Omit<DiscoveryOptions, 'ahead'> {
  readonly state: ScanState;
  /** Finds out about an image; called once for each digest that has no result. @throws ElfgateError */
  readonly scanImage: (image: FoundImage) => Promise<ScanResult>;
  /** Images that are scanned at the same time. */
  readonly concurrency: number;
  readonly judge: Addressing;
  /** Called for each artifact that is no image. */
  readonly onArtifact?: (name: string) => void;
}

/**
 * Scans registries: a line for each name and platform of an image, in the order in which registries list them. Each
 * digest is read once, however many names it has, and not at all when the state has its result.
 *
 * A scan that was killed is gone on with by the same call: what is in the state is not read again.
 *
 * @throws ElfgateError when a catalog cannot be read, or the state cannot be kept; what fails for one image is its line.
 */
export async function* scan(
  targets: AsyncIterable<ScanTarget> | Iterable<ScanTarget>,
  options: ScanOptions,
): AsyncGenerator<ScanLine> {
  const { state, concurrency } = options;
  const underWay = new Map<Digest, Promise<ScanResult>>();
  const gate = new Gate({ concurrent: concurrency, perSecond: null });

  const resultOf = async (image: FoundImage): Promise<{ result: ScanResult; cached: boolean }> => {
    const known = state.read(image.digest);
    if (known !== null) {
      return { result: known, cached: true };
    }
    const pending = underWay.get(image.digest);
    if (pending !== undefined) {
      return { result: await pending, cached: true };
    }
    const work = async (): Promise<ScanResult> => {
      const result = await options.scanImage(image);
      // What says something about this machine, and not about the image, is tried again next time.
      if (!result.problems.some(({ code }) => code === 'unreadable')) {
        state.write(image.digest, result);
      }
      return result;
    };
    const scanning = gate.pass(work, options.signal).finally(() => underWay.delete(image.digest));
    underWay.set(image.digest, scanning);
    return { result: await scanning, cached: false };
  };

  // Several times as many as are read at once: a large image holds up none of the small ones behind it.
  const ahead = concurrency * 8;
  const lines = inOrder(discover(targets, { ...options, ahead }), ahead, async (found) => {
    if (found.kind !== 'image') {
      return lineWithoutImage(found, options);
    }
    const { image } = found;
    try {
      const { result, cached } = await resultOf(image);
      return lineOf(image, result, cached, options.judge);
    } catch (error) {
      return failedLine(image, error);
    }
  });
  for await (const line of lines) {
    if (line !== null) {
      yield line;
    }
  }
}

function lineWithoutImage(found: Exclude<Discovery, { kind: 'image' }>, options: ScanOptions): ScanLine | null {
  if (found.kind === 'artifact') {
    options.onArtifact?.(found.name);
    return null;
  }
  return { image: found.name, digest: null, platform: null, findings: [], cached: false, error: found.error.message };
}

function lineOf(
  { name, digest, platform }: FoundImage,
  result: ScanResult,
  cached: boolean,
  judge: Addressing,
): ScanLine {
  const [first, ...others] = result.problems;
  const more = others.length === 0 ? '' : `, and ${others.length} more files`;
  return {
    image: name,
    digest,
    platform: platform === null ? result.platform : formatPlatform(platform),
    findings: addressedFindings(result.findings, name, new Map(Object.entries(result.layers)), judge),
    cached,
    error: first === undefined ? null : `${first.path}: ${first.message}${more}`,
  };
}

function failedLine({ name, digest, platform }: FoundImage, error: unknown): ScanLine {
  if (!(error instanceof ElfgateError)) {
    throw error;
  }
  return {
    image: name,
    digest,
    platform: platform === null ? null : formatPlatform(platform),
    findings: [],
    cached: false,
    error: error.message,
  };
}
