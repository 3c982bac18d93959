import { UnrecoverableError, Worker } from 'bullmq';
import { ElfgateError } from '../errors.ts';
import { isDigest } from '../image/digest.ts';
import { isRegistry, isRepository } from '../image/reference.ts';
import { limits } from '../limits.ts';
import type { FoundImage } from './discovery.ts';
import { connectToRedis, queueName, type ScanJobData } from './queue-connection.ts';
import type { ScanResult } from './scan-result.ts';

export interface ScanWorkerOptions {
  /** Of Redis. */
  readonly url: string;
  /** Of the policies. */
  readonly version: string;
  /** Images at the same time. */
  readonly concurrency: number;
  /** A worker that says nothing for so long is taken to be gone, and another one takes its images. */
  readonly leaseMilliseconds: number;
  readonly scanImage: (image: FoundImage) => Promise<ScanResult>;
  readonly onDone: (image: FoundImage, milliseconds: number) => void;
  /** `final` when it is not tried again. */
  readonly onFailed: (image: FoundImage, message: string, final: boolean) => void;
}

/** Takes images from the queue until it is stopped. */
export interface ScanWorker {
  /** Settles when the connection is lost for good. */
  readonly lost: Promise<void>;
  /** Images under way. */
  underWay(): number;
  /** Takes no more images, and waits for those under way. */
  stop(): Promise<void>;
}

/** @throws ElfgateError `usage`, `unreachable` */
export async function startScanWorker(options: ScanWorkerOptions): Promise<ScanWorker> {
  const { url, version, concurrency, leaseMilliseconds, scanImage, onDone, onFailed } = options;
  const connection = await connectToRedis(url);
  let underWay = 0;
  const worker = new Worker<ScanJobData, ScanResult, 'image'>(
    queueName(version),
    async ({ data }) => {
      const started = performance.now();
      underWay += 1;
      try {
        const result = await scanImage(foundImage(data));
        onDone(data, performance.now() - started);
        return result;
      } catch (error) {
        throw mayPass(error) ? error : new UnrecoverableError(error instanceof Error ? error.message : String(error));
      } finally {
        underWay -= 1;
      }
    },
    {
      connection,
      concurrency,
      lockDuration: leaseMilliseconds,
      stalledInterval: leaseMilliseconds / 2,
      // An image that ends its workers, by their memory as an example, is given up as others are.
      maxStalledCount: limits.scanAttempts - 1,
    },
  );
  worker.on('error', () => {});
  worker.on('failed', (job, error) => {
    if (job !== undefined) {
      const final = error instanceof UnrecoverableError || job.attemptsMade >= limits.scanAttempts;
      onFailed(job.data, error.message, final);
    }
  });
  await worker.waitUntilReady();
  return {
    lost: new Promise((resolve) => connection.once('end', () => resolve())),
    underWay: () => underWay,
    async stop() {
      await worker.close();
      connection.disconnect();
    },
  };
}

/** What a job says, compared with what a scan can have written: the queue may have been written to by others. */
function foundImage(data: ScanJobData): FoundImage {
  const { name, registry, repository, digest, manifest } = data;
  if (
    typeof name !== 'string' ||
    !isRegistry(String(registry)) ||
    !isRepository(String(repository)) ||
    !isDigest(digest) ||
    (manifest !== null && (typeof manifest?.mediaType !== 'string' || typeof manifest.base64 !== 'string'))
  ) {
    throw new ElfgateError('malformed', 'a job of the queue names no image');
  }
  return data;
}

/** Whether another try may succeed: registries recover, damaged images do not. */
function mayPass(error: unknown): boolean {
  return !(error instanceof ElfgateError) || error.code === 'unreachable';
}
