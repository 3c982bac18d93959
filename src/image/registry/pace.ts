import { setTimeout as sleep } from 'node:timers/promises';

/** How hard a registry may be asked. */
export interface Pace {
  /** Requests that wait for their answer at the same time. */
  readonly concurrent: number;
  /** Requests begun in a second; null for as many as it answers. */
  readonly perSecond: number | null;
}

/** Lets so many pieces of work run at once, and begin in a second, as its pace says. The others wait in their order. */
export class Gate {
  readonly #pace: Pace;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #nextStart = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Runs work when its turn comes. @throws the signal's reason when that is given first, and whatever work throws. */
  async pass<Result>(work: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    await this.#enter(signal);
    try {
      await this.#takeTurn(signal);
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    while (this.#running >= this.#pace.concurrent) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          this.#waiting.splice(this.#waiting.indexOf(wake), 1);
          reject(signal?.reason);
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        this.#waiting.push(wake);
      });
    }
    this.#running += 1;
  }

  async #takeTurn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#pace.perSecond === null) {
      return;
    }
    const now = performance.now();
    const start = Math.max(now, this.#nextStart);
    this.#nextStart = start + 1000 / this.#pace.perSecond;
    if (start > now) {
      await interruptibleSleep(start - now, signal);
    }
  }
}

/** Waits. @param milliseconds how long. @throws the signal's reason when that is given first. */
export async function interruptibleSleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
