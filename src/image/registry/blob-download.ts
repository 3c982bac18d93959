import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Answer, Slowness } from './exchange.ts';

/**
 * The bytes of a blob, fetched on where a connection broke (RFC 9110, section 14).
 *
 * @param first the answer that begins at the first byte.
 * @param what names the blob in messages.
 * @param resume asks for the rest from an offset on; the status 416 says that there is none.
 * @throws ElfgateError `unreachable`, or what `resume` throws; the signal's reason.
 */
export async function* mendedDownload(
  first: Answer,
  size: number,
  what: string,
  resume: (offset: number) => Promise<Answer>,
  { slowness, signal }: { readonly slowness: Slowness; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  let answer = first;
  let received = 0;
  // Bytes at the beginning of an answer that are here already.
  let skip = 0;
  let fruitless = 0;
  for (let breaks = 0; ; breaks++) {
    const before = received;
    let cause: unknown;
    // Where the last stretch of time began in which enough has to come.
    let stretch = { start: performance.now(), from: received };
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        received += fresh.length;
        if (fresh.length > 0) {
          const handedOver = performance.now();
          yield fresh;
          // How long its reader takes is not the registry's fault.
          stretch.start += performance.now() - handedOver;
        }
        const milliseconds = performance.now() - stretch.start;
        if (milliseconds > slowness.answer) {
          if (received - stretch.from < limits.registryLeastBytes) {
            throw new ElfgateError(
              'unreachable',
              `${what}: too slow: ${received - stretch.from} bytes in ${Math.round(milliseconds / 1000)} seconds`,
            );
          }
          stretch = { start: performance.now(), from: received };
        }
        if (received > size) {
          // Whoever verifies has said so already.
          return;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ElfgateError) {
        throw error;
      }
      cause = error;
    } finally {
      answer.body.destroy();
    }
    if (received >= size || (cause === undefined && answer.headers['content-length'] !== undefined)) {
      // All there is. Whoever verifies says what is wrong with it.
      return;
    }
    fruitless = received === before ? fruitless + 1 : 0;
    if (fruitless >= limits.registryTries || breaks >= limits.blobResumptions) {
      throw new ElfgateError('unreachable', `${what}: breaks off again and again, at byte ${received} of ${size}`, {
        ...(cause === undefined ? {} : { cause }),
      });
    }
    answer = await resume(received);
    if (answer.status === 416) {
      // There is no more of it.
      answer.body.destroy();
      return;
    }
    if (answer.status === 206 && !startsAt(answer, received)) {
      answer.body.destroy();
      throw new ElfgateError('unreachable', `${what}: the registry sends other bytes than the ones asked for`);
    }
    // A registry that knows no ranges begins anew.
    skip = answer.status === 206 ? 0 : received;
  }
}

function startsAt({ headers }: Answer, offset: number): boolean {
  return new RegExp(`^bytes ${offset}-`).test(String(headers['content-range'] ?? ''));
}
