import { UnrecoverableError, Worker } from 'bullmq';
import { ElfgateError } from '../errors.ts';
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
  readonly scanImage: (image: FoundImage) => Promise<ScanResult>;
  readonly onDone: (image: FoundImage, milliseconds: number) => void;
  /** `final` when it is not tried again. */
  readonly onFailed: (image: FoundImage, message: string, final: boolean) => void;
}

/** Takes images from the queue until it is stopped. */
export interface ScanWorker {
  /** Settles when the connection is lost for good. */
  readonly lost: Promise<void>;
  /** Takes no more images, and waits for those under way. */
  stop(): Promise<void>;
}

/** @throws ElfgateError `usage`, `unreachable` */
export async function startScanWorker(options: ScanWorkerOptions): Promise<ScanWorker> {
  const { url, version, concurrency, scanImage, onDone, onFailed } = options;
  const connection = await connectToRedis(url);
  const worker = new Worker<ScanJobData, ScanResult, 'image'>(
    queueName(version),
    async ({ data }) => {
      const started = performance.now();
      try {
        const result = await scanImage(data);
        onDone(data, performance.now() - started);
        return result;
      } catch (error) {
        throw mayPass(error) ? error : new UnrecoverableError(error instanceof Error ? error.message : String(error));
      }
    },
    {
      connection,
      concurrency,
      // A worker that says nothing for so long is gone, and another one takes its images.
      lockDuration: limits.scanLockMilliseconds,
      maxStalledCount: limits.scanAttempts,
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
    async stop() {
      await worker.close();
      connection.disconnect();
    },
  };
}

/** Whether another try may succeed: registries recover, damaged images do not. */
function mayPass(error: unknown): boolean {
  return !(error instanceof ElfgateError) || error.code === 'unreachable';
}
