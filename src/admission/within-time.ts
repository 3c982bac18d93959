/** Gives work some time, and a signal that says when that is over. */
export type Patiently = <Result>(work: (signal: AbortSignal) => Promise<Result>) => Promise<Result>;

/**
 * Does work within a time. Own timers and not AbortSignal.timeout: those stay until they fire, minutes after work that took
 * milliseconds, and reviews come by the thousand.
 *
 * @param milliseconds after which the signal is aborted, with a `TimeoutError`.
 * @param closing aborts it earlier, with its own reason.
 * @throws whatever the work throws; the reason of `closing` when that is aborted already.
 */
export async function withinTime<Result>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Result>,
  closing?: AbortSignal,
): Promise<Result> {
  closing?.throwIfAborted();
  const time = new AbortController();
  const expire = (): void => time.abort(new DOMException('its time is over', 'TimeoutError'));
  const end = (): void => time.abort(closing?.reason);
  const timer = setTimeout(expire, milliseconds).unref();
  closing?.addEventListener('abort', end, { once: true });
  try {
    return await work(time.signal);
  } finally {
    clearTimeout(timer);
    closing?.removeEventListener('abort', end);
  }
}
