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

/** null when the deadline comes first. The work is not stopped by it, and a failure after it is nobody's. */
export async function withinDeadline<Value>(work: Promise<Value>, deadline: AbortSignal): Promise<Value | null> {
  work.catch(() => undefined);
  if (deadline.aborted) {
    // What is there already is there in time.
    return Promise.race([work, new Promise<null>((resolve) => setImmediate(resolve, null))]);
  }
  const { promise, resolve } = Promise.withResolvers<null>();
  const expire = (): void => resolve(null);
  deadline.addEventListener('abort', expire, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    deadline.removeEventListener('abort', expire);
  }
}
