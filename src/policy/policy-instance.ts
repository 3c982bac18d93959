import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Builtin, BuiltinError, type Evaluation } from './builtins/builtin.ts';
import { writePlain, writeRego } from './builtins/plain-value.ts';
import { parseExactly } from './exact-json.ts';
import { type NotedRule, noteAgain, noteRule, type RunningRule } from './running-rule.ts';
import { imageBytes, placeImage, usualAddress, type ValueImage, valueImage } from './value-image.ts';
import { type ValueMemory, valueMemory } from './value-memory.ts';

/**
 * One instance of a compiled policy: its memory, its base data, and the calling convention of OPA's Wasm ABI 1.2
 * (https://www.openpolicyagent.org/docs/wasm).
 *
 * The convention is followed here and not by `@open-policy-agent/opa-wasm`: that package takes malformed input for no
 * input, prefers its own sprintf to one that is given to it, reads every result twice and rounds its integers.
 */
export interface PolicyInstance {
  /** Names of the built-ins that the module calls on its host. */
  readonly required: readonly string[];
  /** Names of the documents that can be asked for, with their numbers. */
  readonly entrypoints: Readonly<Record<string, number>>;
  /** Bytes of memory, which never shrinks. */
  size(): number;
  /** Puts base data below everything that evaluations write. */
  setData(data: ValueImage): void;
  /**
   * Evaluates one document.
   *
   * @param input null for an undefined input; text is a Rego term, which may hold sets.
   * @param format `json` loses what is a set; `rego` writes `{1,2}` for sets.
   * @returns the text of the result set: `[{"result": …}]`, `[]` when the document is undefined.
   * @throws Error when the policy aborts; WebAssembly.RuntimeError and RangeError of the engine. The memory may then
   * hold anything.
   */
  evaluate(
    entrypoint: number,
    input: ValueImage | string | null,
    format: 'json' | 'rego',
    evaluation: Evaluation,
  ): string;
}

/** Pages of 64 KiB: up to where inputs lie, and what most of them need. It grows from there. */
const memoryPagesAtFirst = 24;
/** Bytes before each piece of memory that the policy's allocator gives. */
const blockHeaderBytes = 12;
/** Bytes. Values start at multiples of it; another start costs every one of them a split load. */
const alignment = 8;

/** What a policy module of ABI 1 exports, as far as it is used here; all addresses are offsets in its memory. */
interface PolicyExports {
  readonly opa_wasm_abi_version: WebAssembly.Global;
  readonly opa_wasm_abi_minor_version: WebAssembly.Global;
  builtins(): number;
  entrypoints(): number;
  opa_malloc(bytes: number): number;
  opa_heap_ptr_get(): number;
  opa_heap_ptr_set(address: number): void;
  opa_value_parse(address: number, bytes: number): number;
  opa_json_dump(value: number): number;
  opa_value_dump(value: number): number;
  opa_eval_ctx_new(): number;
  opa_eval_ctx_set_entrypoint(context: number, entrypoint: number): void;
  opa_eval_ctx_set_data(context: number, value: number): void;
  opa_eval_ctx_set_input(context: number, value: number): void;
  opa_eval_ctx_get_result(context: number): number;
  eval(context: number): number;
}

/**
 * Instantiates a compiled policy.
 *
 * @param offered gives the built-in of a name. It is asked when a policy calls, not before.
 * @param running where the instance notes which rule it is at.
 * @throws ElfgateError `policy` when the module is no policy of ABI 1.2 or a later 1.
 */
export function instantiatePolicy(
  module: WebAssembly.Module,
  offered: (name: string) => Builtin | undefined,
  running: RunningRule,
): PolicyInstance {
  const memory = new WebAssembly.Memory({ initial: memoryPagesAtFirst, maximum: limits.evaluationMemoryPages });
  const values = valueMemory(memory);
  const names = new Map<number, string>();
  let host: PolicyHost | null = null;
  const call = (id: number, _context: number, ...operands: readonly number[]): number => {
    if (host === null) {
      throw new Error('a built-in was called before the policy was ready');
    }
    return callBuiltin(host, names.get(id) ?? `number ${id}`, operands);
  };
  let traceId = -1;
  let sprintfId = -1;
  const note = (bytes: Uint8Array, start: number, end: number) => noteRule(running, bytes, start, end);
  /** By the addresses of the texts, of those that are the same in each evaluation. */
  const announced = new Map<number, NotedRule>();
  /** Every rule announces itself: that is by far the most frequent call. */
  const callOrTrace = (id: number, context: number, operand: number): number => {
    if (id !== traceId) {
      return call(id, context, operand);
    }
    const known = announced.get(operand);
    if (known !== undefined) {
      noteAgain(running, known);
      return operand;
    }
    const noted = values.useString(operand, note);
    if (noted !== null && values.isConstantText(operand)) {
      announced.set(operand, noted);
    }
    return operand;
  };
  const callOrPrint = (id: number, context: number, first: number, second: number): number => {
    const plain = id === sprintfId && host !== null ? values.printPlainly(first, second, host.exports.opa_malloc) : 0;
    return plain === 0 ? call(id, context, first, second) : plain;
  };
  const env = {
    memory,
    opa_abort(address: number): never {
      throw new Error(values.terminatedText(address));
    },
    // The compiler drops print(); what is left are the runtime's own notes, which no one asked for.
    opa_println() {},
    opa_builtin0: call,
    opa_builtin1: callOrTrace,
    opa_builtin2: callOrPrint,
    opa_builtin3: call,
    opa_builtin4: call,
  };
  try {
    const exports = new WebAssembly.Instance(module, { env }).exports as unknown as PolicyExports;
    const [major, minor] = [exports.opa_wasm_abi_version?.value, exports.opa_wasm_abi_minor_version?.value];
    if (major !== 1 || !(minor >= 2)) {
      throw new Error(`its ABI version is ${major}.${minor}, and 1.2 or a later 1 is needed`);
    }
    const ready: PolicyHost = { exports, values, offered, evaluation: null };
    host = ready;
    const builtinIds = readJson(ready, exports.builtins()) as Record<string, number>;
    for (const [name, id] of Object.entries(builtinIds)) {
      names.set(id, name);
      if (name === 'trace') {
        traceId = id;
      } else if (name === 'sprintf') {
        sprintfId = id;
      }
    }
    const entrypoints = readJson(ready, exports.entrypoints()) as Record<string, number>;
    const base = exports.opa_heap_ptr_get();
    let data = 0;
    let heap = base;
    /** Puts an image on the heap, of which everything behind an address is given up. */
    const place = (image: ValueImage, from: number): number => {
      exports.opa_heap_ptr_set(from);
      const room = exports.opa_malloc(imageBytes(image) + alignment);
      return placeImage(image, memory, Math.ceil(room / alignment) * alignment);
    };
    const setData = (image: ValueImage): void => {
      data = place(image, base);
      heap = Math.max(exports.opa_heap_ptr_get(), usualAddress - blockHeaderBytes);
    };
    setData(valueImage({}));
    return {
      required: [...names.values()].sort(),
      entrypoints,
      size: () => memory.buffer.byteLength,
      setData,
      evaluate(entrypoint, input, format, evaluation) {
        ready.evaluation = evaluation;
        exports.opa_heap_ptr_set(heap);
        const value = input === null ? 0 : typeof input === 'string' ? parseRego(ready, input) : place(input, heap);
        if (input !== null && value === 0) {
          // It would be taken for no input, in which no rule finds anything.
          throw new Error('the input is no Rego term');
        }
        const context = exports.opa_eval_ctx_new();
        exports.opa_eval_ctx_set_entrypoint(context, entrypoint);
        exports.opa_eval_ctx_set_data(context, data);
        exports.opa_eval_ctx_set_input(context, value);
        if (exports.eval(context) !== 0) {
          throw new Error('eval failed');
        }
        const results = exports.opa_eval_ctx_get_result(context);
        if (format === 'rego') {
          return values.terminatedText(exports.opa_value_dump(results));
        }
        return values.plainJson(results) ?? values.terminatedText(exports.opa_json_dump(results));
      },
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ElfgateError('policy', `the compiled policy cannot be loaded: ${reason}`, { cause });
  }
}

interface PolicyHost {
  readonly exports: PolicyExports;
  readonly values: ValueMemory;
  readonly offered: (name: string) => Builtin | undefined;
  evaluation: Evaluation | null;
}

/** Calls a built-in; its result, undefined included, has the meaning that it has in Rego. */
function callBuiltin(host: PolicyHost, name: string, operands: readonly number[]): number {
  const { exports, values, evaluation } = host;
  const builtin = host.offered(name);
  if (builtin === undefined || evaluation === null) {
    throw new ElfgateError('evaluation', `the policy called the built-in ${name}, which is not offered`);
  }
  let result: string;
  try {
    if (builtin.operands === 'rego') {
      const value = builtin.call.apply(evaluation, operands.map(values.readRego));
      if (value === undefined) {
        return 0;
      }
      if (value.type === 'string') {
        return values.writeString(value.value, exports.opa_malloc);
      }
      result = writeRego(value);
    } else {
      const value = builtin.call.apply(evaluation, operands.map(values.readPlain));
      if (value === undefined) {
        return 0;
      }
      if (typeof value === 'string') {
        return values.writeString(value, exports.opa_malloc);
      }
      result = writePlain(value);
    }
  } catch (cause) {
    if (cause instanceof BuiltinError) {
      return 0;
    }
    throw new ElfgateError(
      'evaluation',
      `the built-in ${name} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  const value = parseRego(host, result);
  if (value === 0) {
    throw new ElfgateError('evaluation', `the built-in ${name} gave a result that the policy cannot read`);
  }
  return value;
}

/** The address of what a Rego term says; 0 when it is none. */
function parseRego({ exports, values }: PolicyHost, term: string): number {
  const bytes = new TextEncoder().encode(term);
  const address = exports.opa_malloc(bytes.length);
  values.write(address, bytes);
  return exports.opa_value_parse(address, bytes.length);
}

function readJson({ exports, values }: PolicyHost, value: number): unknown {
  return parseExactly(values.terminatedText(exports.opa_json_dump(value)));
}
