/**
 * A thread of `evaluator-pool.ts`: loads its policy once, then answers one input after the other, in order.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ElfgateError, type ErrorCode } from '../errors.ts';
import { begin, beginQuestion, evaluationClock, rest } from './evaluation-clock.ts';
import { runningRule } from './running-rule.ts';
import type { ValueImage } from './value-image.ts';
import { loadWasmPolicy } from './wasm-policy.ts';

/** What a thread is started with. */
export interface EvaluatorSetup {
  readonly module: WebAssembly.Module;
  /** Base data: the parameters of the rules that are on. */
  readonly data: object;
  /** For policies that call built-ins which the opa program answers. */
  readonly program: WebAssembly.Module | null;
  /** Where the pool reads which rule runs. */
  readonly running: SharedArrayBuffer;
  /** Where it reads since when. */
  readonly clock: SharedArrayBuffer;
}

/** Facts as `encodeInput` encodes them: several documents that are answered together. */
export type EvaluatorQuestion = readonly ValueImage[];

export type EvaluatorAnswer =
  /** Of each document, as text: findings would take ten times as long to copy, and this thread has the most to do. */
  | { readonly outcome: 'verdicts'; readonly verdicts: readonly string[] }
  | { readonly outcome: 'error'; readonly code: ErrorCode; readonly message: string; readonly hint: string | null };

/** What a thread says: once that it has loaded the policy, then the answers to each message of questions, in order. */
export type EvaluatorMessage = 'ready' | readonly EvaluatorAnswer[];

const setup = workerData as EvaluatorSetup;
const { program } = setup;
const clock = evaluationClock(setup.clock);
const policy = await loadWasmPolicy(setup.module, setup.data, {
  running: runningRule(setup.running),
  ...(program === null ? {} : { program: async () => program }),
});

parentPort?.on('message', (questions: readonly EvaluatorQuestion[]) => {
  const answers = questions.map(answerTo);
  rest(clock);
  parentPort?.postMessage(answers satisfies EvaluatorMessage);
});
parentPort?.postMessage('ready' satisfies EvaluatorMessage);

function answerTo(question: EvaluatorQuestion): EvaluatorAnswer {
  beginQuestion(clock);
  try {
    const verdicts = question.map((facts) => {
      begin(clock);
      return policy.evaluateEncoded(facts);
    });
    return { outcome: 'verdicts', verdicts };
  } catch (error) {
    if (!(error instanceof ElfgateError)) {
      throw error;
    }
    // Errors lose their class on the way to another thread.
    return { outcome: 'error', code: error.code, message: error.message, hint: error.hint };
  }
}
