import type { RegoValue } from './rego-value.ts';

/**
 * A built-in function on this side of the policy.
 *
 * Returning undefined, or throwing a {@link BuiltinError}, makes the call undefined in Rego, which is what OPA does
 * with operands of the wrong type and calls that fail. Throwing anything else ends the evaluation: a mistake in here
 * must never look like a rule that found nothing.
 */
export type Builtin =
  /**
   * Operands and result as plain JavaScript: arrays, records, texts, `bigint` for integers that a number cannot hold,
   * and a `Set` for each set.
   */
  | { readonly operands: 'plain'; call(this: Evaluation, ...operands: readonly unknown[]): unknown }
  /** Operands and result with numbers as they are written and keys of any kind. */
  | { readonly operands: 'rego'; call(this: Evaluation, ...operands: readonly RegoValue[]): RegoValue | undefined };

/** Built-ins by their names in Rego. */
export type Builtins = Readonly<Record<string, Builtin>>;

/** What stays the same while one input is evaluated, and is new for the next. */
export interface Evaluation {
  /** Nanoseconds since 1970, in UTC: `time.now_ns` is the same wherever an evaluation asks for it. */
  readonly startNanoseconds: bigint;
  /** Random bytes of which everything random in this evaluation is made. */
  readonly seed: Uint8Array;
}

/** A call that fails as it does in OPA: it is undefined, and the evaluation goes on. */
export class BuiltinError extends Error {}

/** A built-in over plain values. */
export function plain(call: (this: Evaluation, ...operands: readonly unknown[]) => unknown): Builtin {
  return { operands: 'plain', call };
}

/** A built-in over Rego values. */
export function rego(call: (this: Evaluation, ...operands: readonly RegoValue[]) => RegoValue | undefined): Builtin {
  return { operands: 'rego', call };
}
