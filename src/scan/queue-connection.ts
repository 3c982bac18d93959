import { Redis } from 'ioredis';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { FoundImage } from './discovery.ts';

/** What a worker is told about an image; plain JSON. */
export type ScanJobData = FoundImage;

/** The name of the queue of one version of the policies: a worker with other ones never takes its jobs. */
export function queueName(version: string): string {
  return `elfgate-scan-${version.slice(0, 32)}`;
}

/**
 * Connects to Redis, and connects again when it is lost.
 *
 * @param url `redis://` or `rediss://`, with credentials where they are needed; they are never shown.
 * @throws ElfgateError `usage` for what is no such address, `denied`, `unreachable` when nothing answers there.
 */
export async function connectToRedis(url: string): Promise<Redis> {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address === null || !/^rediss?:$/.test(address.protocol)) {
    throw new ElfgateError('usage', '--queue: not the address of a Redis server', {
      hint: '--queue redis://localhost:6379',
    });
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    // What waits for jobs must not be given up by single commands; the connection as a whole is.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (times > limits.redisReconnections ? null : Math.min(times * 200, 2000)),
  });
  let reason = '';
  redis.on('error', (error) => {
    reason = error.message;
  });
  try {
    await redis.connect();
  } catch {
    redis.disconnect();
    // No cause: errors of this client hold the commands that failed, with the password in them.
    throw connectionError(address.host, reason);
  }
  return redis;
}

function connectionError(host: string, reason: string): ElfgateError {
  const refused = reason.startsWith('WRONGPASS') ? 'refuses the password' : 'wants a password';
  if (/^(?:WRONGPASS|NOAUTH)/.test(reason)) {
    return new ElfgateError('denied', `${host}: Redis ${refused}`, {
      hint: 'redis://:PASSWORD@HOST:PORT, or redis://USER:PASSWORD@HOST:PORT',
    });
  }
  return new ElfgateError('unreachable', `${host}: Redis does not answer`, { hint: 'check the address after --queue' });
}
