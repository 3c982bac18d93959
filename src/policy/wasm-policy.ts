import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Builtin, Evaluation } from './builtins/builtin.ts';
import { isOffered, needsOpaProgram, offeredBuiltins } from './builtins/offered.ts';
import { encodeInput } from './evaluation-input.ts';
import { parseExactly } from './exact-json.ts';
import { instantiatePolicy, type PolicyInstance } from './policy-instance.ts';
import { forgetRule, type RunningRule, ruleAt, runningRule } from './running-rule.ts';
import type { ValueImage } from './value-image.ts';

/** The document that every policy bundle is compiled for. */
export const entrypoint = 'elfgate/verdict';

/** How OPA names the one query of a module: here, for the value of {@link entrypoint}. */
const compiledQuery = 'eval';

/** A compiled policy with its base data, ready to judge one input after the other. */
export interface WasmPolicy {
  /**
   * The value of the entrypoint for one input. Evaluation blocks the thread until it is done: what may run without
   * end belongs into a worker that can be ended, or gets a time limit.
   *
   * @throws ElfgateError `evaluation` when the policy has no value for this input, or fails; the message names the
   * rule where it is known.
   */
  evaluate(input: unknown): unknown;
  /** The same for an input that {@link encodeInput} has encoded, as text that {@link verdictIn} reads. */
  evaluateEncoded(input: ValueImage): string;
}

/** What an evaluation needs from its surroundings. */
export interface EvaluationConditions {
  /** Milliseconds since 1970: what `time.now_ns` gives. */
  readonly now?: () => number;
  /** Where the policy notes which rule it is at: shared memory, if another thread is to read it. */
  readonly running?: RunningRule;
  /** The opa program, for policies that call built-ins which it answers. They are refused without it. */
  readonly program?: () => Promise<WebAssembly.Module>;
  /** Runs an evaluation, and ends it by throwing when it takes too long. */
  readonly limited?: <Result>(evaluation: () => Result) => Result;
}

/**
 * Prepares a compiled policy.
 *
 * @param wasm the bytes, or the module that {@link compileModule} made of them, which loads far quicker.
 * @throws ElfgateError `policy` when the bytes are no policy of ABI 1, or need a built-in that is not offered.
 */
export async function loadWasmPolicy(
  wasm: Uint8Array<ArrayBuffer> | WebAssembly.Module,
  data: object,
  conditions: EvaluationConditions = {},
): Promise<WasmPolicy> {
  const module = wasm instanceof WebAssembly.Module ? wasm : await compileModule(wasm);
  const { now = Date.now, running = runningRule(), program = noProgram } = conditions;
  const { limited = (evaluation) => evaluation() } = conditions;
  const encodedData = encodeInput(data);
  let builtins: ReadonlyMap<string, Builtin> = new Map();
  const instantiate = (): PolicyInstance => instantiatePolicy(module, (name) => builtins.get(name), running);
  let instance: PolicyInstance | null = instantiate();
  const { required } = instance;
  const missing = required.filter((name) => !isOffered(name));
  if (missing.length > 0) {
    throw new ElfgateError(
      'policy',
      `the policy needs ${missing.length === 1 ? 'a built-in that is' : 'built-ins that are'} not offered: ${missing.join(', ')}`,
      {
        hint: 'built-ins that reach the network or the environment are refused by design; state what they would give as a fact',
      },
    );
  }
  builtins = await offeredBuiltins(required, program);
  instance.setData(encodedData);

  const evaluateEncoded = (input: ValueImage): string => {
    if (instance === null) {
      instance = instantiate();
      instance.setData(encodedData);
    }
    const current = instance;
    // Kept only after an evaluation that ended well: after a trap the memory may hold anything.
    instance = null;
    forgetRule(running);
    const answers = answersOf(current, input, { running, limited, evaluation: evaluationAt(now()) });
    if (current.size() <= limits.evaluationBytesKept) {
      instance = current;
    }
    return answers;
  };
  return { evaluate: (input) => verdictIn(evaluateEncoded(encodeInput(input))), evaluateEncoded };
}

/** Compiles the bytes of a policy. @throws ElfgateError `policy` when they are no WebAssembly. */
export async function compileModule(wasm: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(wasm);
  } catch (cause) {
    throw new ElfgateError('policy', 'the compiled policy is not a WebAssembly module', { cause });
  }
}

/** Whether a policy calls a built-in that the opa program answers. */
export function callsOpaProgram(module: WebAssembly.Module): boolean {
  return instantiatePolicy(module, () => undefined, runningRule()).required.some(needsOpaProgram);
}

async function noProgram(): Promise<WebAssembly.Module> {
  throw new ElfgateError('policy', 'the policy needs a built-in that OPA itself answers, which is not at hand here');
}

/** Names of the built-ins that a compiled policy needs and that are not offered, in order. */
export async function missingBuiltins(wasm: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
  const { required } = instantiatePolicy(await compileModule(wasm), () => undefined, runningRule());
  return required.filter((name) => !isOffered(name));
}

/** What one evaluation knows of its surroundings. */
export function evaluationAt(milliseconds: number): Evaluation {
  return new Moment(milliseconds);
}

/** Both are made when something asks for them. An object with getters instead would take a microsecond to make. */
class Moment implements Evaluation {
  readonly #milliseconds: number;
  #seed: Uint8Array | null = null;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get startNanoseconds(): bigint {
    return BigInt(Math.trunc(this.#milliseconds)) * 1_000_000n;
  }

  get seed(): Uint8Array {
    this.#seed ??= crypto.getRandomValues(new Uint8Array(32));
    return this.#seed;
  }
}

interface Circumstances {
  readonly running: RunningRule;
  readonly limited: NonNullable<EvaluationConditions['limited']>;
  readonly evaluation: Evaluation;
}

function answersOf(policy: PolicyInstance, input: ValueImage, { running, limited, evaluation }: Circumstances): string {
  const number = policy.entrypoints[compiledQuery];
  if (number === undefined) {
    throw new ElfgateError('evaluation', 'the policy failed: it was not compiled by elfgate');
  }
  try {
    return limited(() => policy.evaluate(number, input, 'json', evaluation));
  } catch (cause) {
    throw failureOf(cause, ruleAt(running));
  }
}

/**
 * The value in the text that an evaluation gave.
 *
 * @throws ElfgateError `evaluation` when it holds none.
 */
export function verdictIn(text: string): unknown {
  const answers = parseExactly(text);
  if (!Array.isArray(answers) || answers.length !== 1 || answers[0]?.result === undefined) {
    throw new ElfgateError('evaluation', `the policy gave no verdict: ${entrypoint} is undefined for this input`, {
      hint: 'the input must be a facts document',
    });
  }
  return answers[0].result;
}

function failureOf(cause: unknown, rule: string | null): ElfgateError {
  const where = rule === null ? '' : ` in rule ${rule}`;
  if (cause instanceof ElfgateError) {
    return rule === null
      ? cause
      : new ElfgateError(cause.code, `${cause.message}${where}`, {
          ...(cause.hint === null ? {} : { hint: cause.hint }),
          cause,
        });
  }
  if (isOutOfMemory(cause)) {
    return new ElfgateError(
      'evaluation',
      `the policy needs more than its ${limits.evaluationMemoryPages / 16_384} GiB of memory${where}`,
      {
        hint: 'check parts of the target on their own, or look for a rule that combines everything with everything',
        cause,
      },
    );
  }
  return new ElfgateError('evaluation', `the policy failed${where}: ${reasonOf(cause)}`, { cause });
}

/** Growing the memory for the input is a RangeError; the module grows it while it computes, and aborts. */
function isOutOfMemory(cause: unknown): boolean {
  return (
    (cause instanceof RangeError && !/call stack/.test(cause.message)) ||
    (cause instanceof Error && cause.message === 'opa_malloc: failed')
  );
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
