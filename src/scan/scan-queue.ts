import { createHash } from 'node:crypto';
import { Queue, QueueEvents } from 'bullmq';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { FoundImage } from './discovery.ts';
import { connectToRedis, queueName, type ScanJobData } from './queue-connection.ts';
import type { ScanResult } from './scan-result.ts';

/** Hands images to workers on any number of machines. */
export interface ScanQueue {
  /**
   * The result for an image. A digest is one job, whoever asks for it and how often: one that is done gives its result,
   * one that has failed for good is tried again.
   *
   * @throws ElfgateError with what the worker says, once all tries have failed; `unreachable` when Redis is lost.
   */
  scanImage(image: FoundImage): Promise<ScanResult>;
  close(): Promise<void>;
}

/**
 * @param url of Redis.
 * @param version of the policies: workers with the same one take the jobs.
 * @param onNoWorkers called once when no worker is there.
 * @throws ElfgateError `usage`, `unreachable`
 */
export async function scanQueue(url: string, version: string, onNoWorkers: () => void): Promise<ScanQueue> {
  const connection = await connectToRedis(url);
  const listening = await connectToRedis(url);
  const queue = new Queue<ScanJobData, ScanResult, 'image'>(queueName(version), {
    connection,
    defaultJobOptions: {
      attempts: limits.scanAttempts,
      backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
      // Seconds. Results are kept so that a scan that was ended finds them; failures are kept as dead letters.
      removeOnComplete: { age: 86_400 },
      removeOnFail: { age: 14 * 86_400 },
    },
  });
  const events = new QueueEvents(queueName(version), { connection: listening });
  // Each image that is waited for listens.
  queue.setMaxListeners(0);
  events.setMaxListeners(0);
  // Errors of the connection end in `lost`, or pass.
  queue.on('error', () => {});
  events.on('error', () => {});
  const lost = new Promise<never>((_, reject) => {
    const onEnd = (): void =>
      reject(new ElfgateError('unreachable', 'the connection to Redis was lost and does not come back'));
    connection.once('end', onEnd);
    listening.once('end', onEnd);
  });
  lost.catch(() => {});
  await Promise.race([events.waitUntilReady(), lost]);
  if ((await queue.getWorkersCount()) === 0) {
    onNoWorkers();
  }
  return {
    async scanImage(image) {
      try {
        const job = await Promise.race([queue.add('image', image, { jobId: jobId(image) }), lost]);
        if (await job.isFailed()) {
          // Another scan may have done so in the meantime.
          await job.retry('failed', { resetAttemptsMade: true }).catch(() => {});
        }
        const result = resultOf(await Promise.race([job.waitUntilFinished(events), lost]), image);
        if (result.problems.some(({ code }) => code === 'unreadable')) {
          // It says something about the worker's machine: the next scan tries again.
          await job.remove().catch(() => {});
        }
        return result;
      } catch (error) {
        if (error instanceof ElfgateError) {
          throw error;
        }
        const said = error instanceof Error ? error.message : String(error);
        throw said.startsWith('job stalled') ? abandoned(image) : new ElfgateError('unreachable', said);
      }
    },
    async close() {
      await Promise.allSettled([queue.close(), events.close()]);
      connection.disconnect();
      listening.disconnect();
    },
  };
}

/** One for each digest: the queue's name has the version of the policies. */
function jobId({ digest }: FoundImage): string {
  return createHash('sha256').update(digest).digest('hex');
}

/** What a worker gave, compared with what one can give: the queue may have been written to by others. */
function resultOf(given: unknown, { registry, repository, digest }: FoundImage): ScanResult {
  const result = typeof given === 'object' && given !== null ? (given as Partial<ScanResult>) : {};
  const { platform, findings, layers, problems } = result;
  if (
    typeof platform !== 'string' ||
    !Array.isArray(findings) ||
    !Array.isArray(problems) ||
    typeof layers !== 'object' ||
    layers === null
  ) {
    throw new ElfgateError(
      'malformed',
      `${registry}/${repository}@${digest}: the queue holds no result of a scan for it`,
    );
  }
  return given as ScanResult;
}

/** The error for an image whose workers ended in the middle of it, every time. */
function abandoned({ registry, repository, digest }: FoundImage): ElfgateError {
  return new ElfgateError(
    'unreachable',
    `${registry}/${repository}@${digest}: each of ${limits.scanAttempts} workers was gone before it had a result`,
  );
}
