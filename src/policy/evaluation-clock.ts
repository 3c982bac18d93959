/**
 * When the evaluation began that a thread is at, where another thread can read it. Eight bytes at a multiple of eight are
 * written at once.
 */
export interface EvaluationClock {
  readonly began: Float64Array;
}

/** @param memory eight bytes. */
export function evaluationClock(memory: SharedArrayBuffer): EvaluationClock {
  const began = new Float64Array(memory);
  began[0] = Number.POSITIVE_INFINITY;
  return { began };
}

/** An evaluation begins. */
export function begin({ began }: EvaluationClock): void {
  began[0] = now();
}

/** Nothing is evaluated. */
export function rest({ began }: EvaluationClock): void {
  began[0] = Number.POSITIVE_INFINITY;
}

/** Milliseconds since the evaluation began; minus infinity where none has. */
export function elapsed({ began }: EvaluationClock): number {
  return now() - (began[0] ?? Number.POSITIVE_INFINITY);
}

/** Milliseconds of the machine's clock, which all threads share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
