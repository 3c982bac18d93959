/**
 * Which rule a policy is at, kept where another thread can read it: a rule that never ends cannot say so itself.
 *
 * `main.rego` traces `rule/FAMILY/NAME` before it asks a rule for its findings.
 */
export interface RunningRule {
  /** A length, and as many bytes of UTF-8. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Uint32Array;
}

/** What {@link noteRule} wrote, to be written again. */
export type NotedRule = Uint32Array;

/** What a text begins with that `main.rego` traces to announce a rule, before the id of the rule. */
export const tracedPrefix = 'rule/';

const prefix = new TextEncoder().encode(tracedPrefix);
/** Bytes. Rule ids are far shorter; one byte holds the length. */
const idBytesAtMost = 255;

/** Shared, so that it can be given to a thread. */
export function runningRule(memory: SharedArrayBuffer = new SharedArrayBuffer(idBytesAtMost + 1)): RunningRule {
  return { bytes: new Uint8Array(memory), words: new Uint32Array(memory) };
}

/** Before an evaluation: no rule has begun. */
export function forgetRule({ bytes }: RunningRule): void {
  bytes[0] = 0;
}

/**
 * Takes note of a text that a policy traced, a part of some bytes, if it announces a rule. Byte by byte: this happens
 * for every rule of every evaluation, and each call of the engine would take longer than the twenty bytes.
 *
 * @returns null for a text that announces no rule.
 */
export function noteRule(
  { bytes, words }: RunningRule,
  traced: Uint8Array,
  start: number,
  end: number,
): NotedRule | null {
  const idBytes = end - start - prefix.length;
  if (idBytes < 0 || idBytes > idBytesAtMost) {
    return null;
  }
  for (let index = 0; index < prefix.length; index++) {
    if (traced[start + index] !== prefix[index]) {
      return null;
    }
  }
  const from = start + prefix.length;
  bytes[0] = 0;
  for (let index = 0; index < idBytes; index++) {
    bytes[index + 1] = traced[from + index] ?? 0;
  }
  bytes[0] = idBytes;
  return words.slice(0, Math.ceil((idBytes + 1) / 4));
}

/** A rule that was noted before begins. The length is in the first word, and makes the rest valid. */
export function noteAgain({ words }: RunningRule, noted: NotedRule): void {
  words[0] = 0;
  for (let index = 1; index < noted.length; index++) {
    words[index] = noted[index] ?? 0;
  }
  words[0] = noted[0] ?? 0;
}

/** The id of the rule, or null when none has begun. */
export function ruleAt({ bytes }: RunningRule): string | null {
  const length = bytes[0] ?? 0;
  // A copy: decoders take no shared memory.
  return length === 0 ? null : new TextDecoder().decode(bytes.slice(1, 1 + length));
}
