import * as sdk from '@open-policy-agent/opa-wasm';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { builtins } from './builtins/offered.ts';
import { parseRegoValue } from './builtins/rego-value.ts';
import { encodeInput } from './evaluation-input.ts';
import { parseExactly, stringifyExactly } from './exact-json.ts';

/** The types of the SDK describe its CommonJS face; as a module it has this only on its default export. */
const { LoadedPolicy } = (sdk as unknown as { readonly default: typeof sdk }).default;

/** The document that every policy bundle is compiled for. */
export const entrypoint = 'elfgate/verdict';

/** Pages of 64 KiB. What a compiled policy without input needs; it grows from there. */
const memoryPagesAtFirst = 5;

/** A compiled policy with its base data, ready to judge one input after the other. */
export interface WasmPolicy {
  /**
   * The value of the entrypoint for one input. Evaluation blocks the thread until it is done: what may run without
   * end belongs into a worker that can be ended.
   *
   * @throws ElfgateError `evaluation` when the policy has no value for this input, or fails.
   */
  evaluate(input: unknown): unknown;
}

/**
 * Prepares a compiled policy.
 *
 * The SDK keeps the calling convention: memory, base data, input, result. Instantiating is done here, because the
 * SDK prefers its own `sprintf` to any that is given to it, finds missing built-ins only when they are reached, and
 * prints to the console.
 *
 * @throws ElfgateError `policy` when the bytes are no policy of ABI 1, or need a built-in that is not offered.
 */
export async function loadWasmPolicy(wasm: Uint8Array<ArrayBuffer>, data: object): Promise<WasmPolicy> {
  const module = await compileModule(wasm);
  const encodedData = encodeInput(data);
  let instance: PolicyInstance | null = instantiate(module);
  const missing = missingOf(instance);
  if (missing.length > 0) {
    throw new ElfgateError(
      'policy',
      `the policy needs ${missing.length === 1 ? 'a built-in that is' : 'built-ins that are'} not offered: ${missing.join(', ')}`,
      {
        hint: 'built-ins that reach the network or the environment are refused by design; state what they would give as a fact',
      },
    );
  }
  instance.sdk.setData(encodedData);

  return {
    evaluate(input) {
      const encoded = encodeInput(input);
      let current = instance;
      if (current === null) {
        current = instantiate(module);
        current.sdk.setData(encodedData);
      }
      // Given back only by an evaluation that ended well: after a trap the memory may hold anything.
      instance = null;
      const value = verdictOf(current, encoded);
      if (current.memory.buffer.byteLength <= limits.evaluationBytesKept) {
        instance = current;
      }
      return value;
    },
  };
}

/** Names of the built-ins that a compiled policy needs and that are not offered, in order. */
export async function missingBuiltins(wasm: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
  return missingOf(instantiate(await compileModule(wasm)));
}

interface PolicyInstance {
  readonly sdk: sdk.LoadedPolicy;
  readonly memory: WebAssembly.Memory;
  /** Names of the built-ins that the module calls, by the number it calls them with. */
  readonly required: ReadonlyMap<number, string>;
  /** The text of the last result. The SDK parses it too, and rounds integers above 2^53. */
  resultText(): string;
}

/** What a policy module of ABI 1 exports, as far as it is used here; all addresses are offsets in its memory. */
interface PolicyExports {
  readonly opa_wasm_abi_version: WebAssembly.Global;
  readonly opa_wasm_abi_minor_version: WebAssembly.Global;
  builtins(): number;
  opa_malloc(bytes: number): number;
  opa_json_parse(address: number, bytes: number): number;
  opa_json_dump(value: number): number;
  opa_value_dump(value: number): number;
  opa_eval(...operands: readonly number[]): number;
}

async function compileModule(wasm: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(wasm);
  } catch (cause) {
    throw new ElfgateError('policy', 'the compiled policy is not a WebAssembly module', { cause });
  }
}

function instantiate(module: WebAssembly.Module): PolicyInstance {
  const memory = new WebAssembly.Memory({ initial: memoryPagesAtFirst, maximum: limits.evaluationMemoryPages });
  const required = new Map<number, string>();
  let host: PolicyHost | null = null;
  const call = (id: number, _context: number, ...operands: readonly number[]): number => {
    if (host === null) {
      throw new Error('a built-in was called before the policy was ready');
    }
    return callBuiltin(host, required.get(id) ?? `number ${id}`, operands);
  };
  const env = {
    memory,
    opa_abort(address: number): never {
      throw new Error(textAt(memory, address));
    },
    // The compiler drops print(); what is left are the runtime's own notes, which no one asked for.
    opa_println() {},
    opa_builtin0: call,
    opa_builtin1: call,
    opa_builtin2: call,
    opa_builtin3: call,
    opa_builtin4: call,
  };
  try {
    const instance = new WebAssembly.Instance(module, { env });
    const exports = instance.exports as unknown as PolicyExports;
    const [major, minor] = [exports.opa_wasm_abi_version?.value, exports.opa_wasm_abi_minor_version?.value];
    if (major !== 1 || minor < 2) {
      throw new Error(`its ABI version is ${major}.${minor}, and 1.2 or a later 1 is needed`);
    }
    host = { exports, memory };
    const names = parseExactly(textAt(memory, exports.opa_json_dump(exports.builtins()))) as Record<string, number>;
    for (const [name, id] of Object.entries(names)) {
      required.set(id, name);
    }
    let resultAddress = 0;
    const watched = {
      exports: {
        ...instance.exports,
        opa_eval: (...operands: readonly number[]) => {
          resultAddress = exports.opa_eval(...operands);
          return resultAddress;
        },
      },
    };
    return {
      sdk: new LoadedPolicy(watched, memory, minor),
      memory,
      required,
      resultText: () => textAt(memory, resultAddress),
    };
  } catch (cause) {
    throw new ElfgateError('policy', `the compiled policy cannot be loaded: ${reasonOf(cause)}`, { cause });
  }
}

function missingOf({ required }: PolicyInstance): readonly string[] {
  return [...required.values()].filter((name) => !builtins.has(name)).sort();
}

function verdictOf({ sdk, resultText }: PolicyInstance, input: ArrayBuffer): unknown {
  let answers: unknown;
  try {
    sdk.evaluate(input, entrypoint);
    answers = parseExactly(resultText());
  } catch (cause) {
    if (cause instanceof ElfgateError) {
      throw cause;
    }
    throw isOutOfMemory(cause)
      ? new ElfgateError(
          'evaluation',
          `the policy needs more than its ${limits.evaluationMemoryPages / 16_384} GiB of memory`,
          {
            hint: 'check parts of the target on their own, or look for a rule that combines everything with everything',
            cause,
          },
        )
      : new ElfgateError('evaluation', `the policy failed: ${reasonOf(cause)}`, { cause });
  }
  if (!Array.isArray(answers) || answers.length !== 1 || answers[0]?.result === undefined) {
    throw new ElfgateError('evaluation', `the policy gave no verdict: ${entrypoint} is undefined for this input`, {
      hint: 'the input must be a facts document',
    });
  }
  return answers[0].result;
}

/** The SDK grows the memory for the input and gets a RangeError; the module grows it while it computes and aborts. */
function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof RangeError || (cause instanceof Error && cause.message === 'opa_malloc: failed');
}

interface PolicyHost {
  readonly exports: PolicyExports;
  readonly memory: WebAssembly.Memory;
}

/** Calls a built-in; its result, undefined included, has the meaning that it has in Rego. */
function callBuiltin({ exports, memory }: PolicyHost, name: string, operands: readonly number[]): number {
  const builtin = builtins.get(name);
  if (builtin === undefined) {
    throw new ElfgateError('evaluation', `the policy called the built-in ${name}, which is not offered`);
  }
  let result: string | undefined;
  try {
    const value =
      builtin.operands === 'rego'
        ? builtin.call(...operands.map((operand) => parseRegoValue(textAt(memory, exports.opa_value_dump(operand)))))
        : builtin.call(...operands.map((operand) => parseExactly(textAt(memory, exports.opa_json_dump(operand)))));
    result = stringifyExactly(value);
  } catch (cause) {
    throw new ElfgateError('evaluation', `the built-in ${name} failed: ${reasonOf(cause)}`, { cause });
  }
  if (result === undefined) {
    return 0;
  }
  const bytes = new TextEncoder().encode(result);
  const address = exports.opa_malloc(bytes.length);
  new Uint8Array(memory.buffer).set(bytes, address);
  const value = exports.opa_json_parse(address, bytes.length);
  if (value === 0) {
    throw new ElfgateError('evaluation', `the built-in ${name} gave a result that the policy cannot read`);
  }
  return value;
}

/** The text at an address, up to its terminating zero byte. */
function textAt(memory: WebAssembly.Memory, address: number): string {
  const bytes = new Uint8Array(memory.buffer);
  return new TextDecoder().decode(bytes.subarray(address, bytes.indexOf(0, address)));
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
