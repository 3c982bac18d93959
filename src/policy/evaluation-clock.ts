/**
 * Which question a thread is at, and when the evaluation began, where another thread can read it. Eight bytes at a
 * multiple of eight are written at once.
 */
export interface EvaluationClock {
  readonly began: Float64Array;
  /** How many questions the thread has begun. */
  readonly questions: Float64Array;
}

/** Bytes of memory that a clock takes. */
export const clockBytes = 16;

/** @param memory {@link clockBytes} of it. */
export function evaluationClock(memory: SharedArrayBuffer): EvaluationClock {
  const began = new Float64Array(memory, 0, 1);
  began[0] = Number.POSITIVE_INFINITY;
  return { began, questions: new Float64Array(memory, 8, 1) };
}

/** The next question begins. */
export function beginQuestion({ questions }: EvaluationClock): void {
  questions[0] = (questions[0] ?? 0) + 1;
}

/** How many questions have begun. */
export function questionsBegun({ questions }: EvaluationClock): number {
  return questions[0] ?? 0;
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
