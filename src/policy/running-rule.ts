/**
 * Which rule a policy is at, kept where another thread can read it: a rule that never ends cannot say so itself.
 *
 * `main.rego` traces `rule/FAMILY/NAME` before it asks a rule for its findings.
 */
export interface RunningRule {
  /** A length, and as many bytes of UTF-8. */
  readonly bytes: Uint8Array;
}

const prefix = new TextEncoder().encode('rule/');
/** Bytes. Rule ids are far shorter; one byte holds the length. */
const idBytesAtMost = 255;

/** Shared, so that it can be given to a thread. */
export function runningRule(memory: SharedArrayBuffer = new SharedArrayBuffer(idBytesAtMost + 1)): RunningRule {
  return { bytes: new Uint8Array(memory) };
}

/** Before an evaluation: no rule has begun. */
export function forgetRule({ bytes }: RunningRule): void {
  bytes[0] = 0;
}

/** Takes note of a text that a policy traced, if it announces a rule. */
export function noteRule({ bytes }: RunningRule, traced: Uint8Array | null): void {
  if (
    traced === null ||
    traced.length > prefix.length + idBytesAtMost ||
    !prefix.every((byte, index) => traced[index] === byte)
  ) {
    return;
  }
  const id = traced.subarray(prefix.length);
  bytes[0] = 0;
  bytes.set(id, 1);
  bytes[0] = id.length;
}

/** The id of the rule, or null when none has begun. */
export function ruleAt({ bytes }: RunningRule): string | null {
  const length = bytes[0] ?? 0;
  // A copy: decoders take no shared memory.
  return length === 0 ? null : new TextDecoder().decode(bytes.slice(1, 1 + length));
}
