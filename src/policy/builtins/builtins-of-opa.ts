import { isMainThread } from 'node:worker_threads';
import { limits } from '../../limits.ts';
import { type Builtin, BuiltinError, type Evaluation, rego } from './builtin.ts';
import { emptyWorld } from './empty-world.ts';
import { writeRego } from './plain-value.ts';
import { parseRegoValue, type RegoValue } from './rego-value.ts';

/**
 * The built-ins of these names.
 *
 * @param program `opa.wasm`.
 */
export function builtinsOfOpa(names: readonly string[], program: WebAssembly.Module): ReadonlyMap<string, Builtin> {
  // A thread of the pool starts it before its first input, whose clock must not count that.
  let started = isMainThread ? null : startProgram(program);
  const call = (name: string, evaluation: Evaluation, operands: readonly RegoValue[]): RegoValue => {
    const running = started ?? startProgram(program);
    // Kept only after a call that ended well.
    started = null;
    const text = running.answer(
      JSON.stringify({
        name,
        operands: operands.map(writeRego),
        now: evaluation.startNanoseconds.toString(),
      }),
      evaluation,
    );
    if (running.size() <= limits.opaBuiltinBytesKept) {
      started = running;
    }
    const { value, error } = JSON.parse(text) as { readonly value?: string; readonly error?: string };
    if (value === undefined) {
      throw new BuiltinError(error);
    }
    return parseRegoValue(value);
  };
  return new Map(
    names.map((name) => [
      name,
      rego(function (...operands) {
        return call(name, this, operands);
      }),
    ]),
  );
}

interface Program {
  answer(question: string, evaluation: Evaluation): string;
  /** Bytes of memory, which never shrinks. */
  size(): number;
}

/** What `opa/builtin.go` exports. */
interface ProgramExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  builtin_room(bytes: number): number;
  builtin_call(): number;
  builtin_answer(): number;
}

function startProgram(program: WebAssembly.Module): Program {
  let now = 0n;
  const world = emptyWorld(
    () => exports.memory,
    () => now,
  );
  const exports = new WebAssembly.Instance(program, world).exports as unknown as ProgramExports;
  exports._initialize();
  return {
    answer(question, evaluation) {
      now = evaluation.startNanoseconds;
      const bytes = Buffer.from(question);
      const room = exports.builtin_room(bytes.length);
      new Uint8Array(exports.memory.buffer).set(bytes, room);
      const length = exports.builtin_call();
      return Buffer.from(exports.memory.buffer, exports.builtin_answer(), length).toString();
    },
    size: () => exports.memory.buffer.byteLength,
  };
}
