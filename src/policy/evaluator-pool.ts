import { Worker } from 'node:worker_threads';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { baseData, findingsOf, type PolicyFinding, type RulesOn } from './evaluation.ts';
import { clockBytes, type EvaluationClock, elapsed, evaluationClock, questionsBegun } from './evaluation-clock.ts';
import { encodeInput } from './evaluation-input.ts';
import type { EvaluatorAnswer, EvaluatorMessage, EvaluatorQuestion, EvaluatorSetup } from './evaluator-thread.ts';
import type { PolicyBundle } from './policy-bundle.ts';
import { type RunningRule, ruleAt, runningRule } from './running-rule.ts';
import type { ValueImage } from './value-image.ts';
import { callsOpaProgram, compileModule, loadWasmPolicy, verdictIn } from './wasm-policy.ts';

/**
 * Judges many inputs at once, each by one set of rules, on threads that can be ended.
 *
 * A rule that computes or allocates without end is stopped at its limit and costs its own input only: the others on
 * that thread are given to another one, and a new thread takes the place of the ended one.
 *
 * Own code and not `piscina`: its clock starts when a task is handed in, not when it runs, and it does not tell which
 * thread runs which task, so that a slow neighbour would be blamed and its rule could not be named.
 */
export interface EvaluatorPool<Rules extends RulesOn = RulesOn> {
  /**
   * The findings for one facts document, sorted by path, rule and message, by the rules that are in force at the
   * moment of the call.
   *
   * @param facts plain JSON data, as {@link encodeInput} takes it. It is copied before this returns.
   * @param signal gives up waiting: the promise rejects with its reason. An evaluation that has begun is not stopped
   * by it, but by the time limit.
   * @throws ElfgateError `limit` when the evaluation takes longer than the time limit, or too many wait already;
   * `evaluation` when the policy fails; both name the rule where it is known. `evaluation` when the pool is closed.
   */
  evaluate(facts: unknown, signal?: AbortSignal): Promise<PoolAnswer<Rules>>;
  /**
   * The same for inputs that whoever asks needs all together, as {@link encodeInput} has encoded them: they go to a thread
   * as one question, which wakes it once. The time limit is that of each.
   *
   * @returns the findings of each, in the order of the inputs, by the same rules.
   */
  evaluateEncoded(inputs: readonly ValueImage[], signal?: AbortSignal): Promise<PoolAnswers<Rules>>;
  /**
   * Puts other rules in force, once they are ready on a thread: until then, and when it throws, the rules before stay
   * in force. Inputs that were handed in before are judged by the rules of their time; none is dropped, none is
   * judged by both.
   *
   * @throws ElfgateError as {@link startEvaluatorPool}.
   */
  replace(bundle: PolicyBundle, rulesOn: Rules): Promise<void>;
  /** For metrics and readiness: what the pool does at this moment, and how often it had to end a thread. */
  statistics(): PoolStatistics;
  /** Answers what was handed in, then ends all threads. Later calls of `evaluate` are refused. */
  close(): Promise<void>;
}

/** Findings, and exactly the rules that they were found by. */
export interface PoolAnswer<Rules extends RulesOn = RulesOn> {
  readonly findings: readonly PolicyFinding[];
  readonly bundle: PolicyBundle;
  /** The object that was given to {@link startEvaluatorPool} or `replace`. */
  readonly rulesOn: Rules;
}

/** As {@link PoolAnswer}, of several inputs. */
export interface PoolAnswers<Rules extends RulesOn = RulesOn> extends Omit<PoolAnswer<Rules>, 'findings'> {
  readonly findings: readonly (readonly PolicyFinding[])[];
}

export interface PoolStatistics {
  readonly threads: number;
  /** Inputs that no thread has taken yet. */
  readonly waiting: number;
  /** Inputs that threads have taken and not answered yet. */
  readonly running: number;
  /** Threads that were ended because an evaluation went past its limits, since the start. */
  readonly ended: number;
}

/** Buffers that wait for the next input, and the bytes of the largest. Those of facts have about 30 KB, of an image 3 MB. */
const inputsKept = 16;
const inputBytesKept = 1_048_576;

export interface EvaluatorPoolOptions {
  /** Threads that evaluate at the same time. */
  readonly threads: number;
  /** Milliseconds that one evaluation may take, once it runs. */
  readonly timeLimit: number;
  /** As the {@link EvaluationConditions} of one evaluation have it. */
  readonly program?: () => Promise<WebAssembly.Module>;
}

/**
 * Starts a pool with its first rules.
 *
 * @throws ElfgateError `policy` when the bundle cannot be loaded, or `rulesOn` names a rule that it does not hold.
 */
export async function startEvaluatorPool<Rules extends RulesOn>(
  bundle: PolicyBundle,
  rulesOn: Rules,
  options: EvaluatorPoolOptions,
): Promise<EvaluatorPool<Rules>> {
  let current = await startCrew(bundle, rulesOn, options);
  const retired = new Set<Crew<Rules>>();
  let closed = false;
  let endedBefore = 0;

  const retire = async (crew: Crew<Rules>): Promise<void> => {
    retired.add(crew);
    await crew.finish();
    retired.delete(crew);
    endedBefore += crew.ended();
  };

  const memory = usedMemory();
  /** The rules that are in force now. */
  const crewNow = (): Crew<Rules> => {
    if (closed) {
      throw new ElfgateError('evaluation', 'the policy evaluator is closed');
    }
    return current;
  };
  const evaluateEncoded: EvaluatorPool<Rules>['evaluateEncoded'] = async (inputs, signal) => {
    // For all of them.
    const crew = crewNow();
    const findings =
      inputs.length <= limits.evaluationsTogether
        ? await crew.evaluate(inputs, signal)
        : (
            await Promise.all(chunks(inputs, limits.evaluationsTogether).map((chunk) => crew.evaluate(chunk, signal)))
          ).flat();
    return { findings, bundle: crew.bundle, rulesOn: crew.rulesOn };
  };

  return {
    async evaluate(facts, signal) {
      const crew = crewNow();
      const image = encodeInput(facts, memory.take);
      const [findings = []] = await crew.evaluate([image], signal, () => memory.giveBack(image.buffer));
      return { findings, bundle: crew.bundle, rulesOn: crew.rulesOn };
    },
    evaluateEncoded,
    async replace(nextBundle, nextRules) {
      const next = await startCrew(nextBundle, nextRules, options);
      if (closed) {
        await next.finish();
        return;
      }
      const before = current;
      current = next;
      void retire(before);
    },
    statistics() {
      const crews = [current, ...retired];
      return {
        threads: options.threads,
        waiting: sum(crews.map((crew) => crew.waiting())),
        running: sum(crews.map((crew) => crew.running())),
        ended: endedBefore + sum(crews.map((crew) => crew.ended())),
      };
    },
    async close() {
      closed = true;
      await Promise.all([current, ...retired].map((crew) => crew.finish()));
    },
  };
}

/**
 * Memory of inputs that were answered, for the next ones: to take it anew from the system each time, and to give it up,
 * takes a third as long as to write what comes into it.
 */
function usedMemory(): { take(bytes: number): SharedArrayBuffer; giveBack(memory: SharedArrayBuffer): void } {
  const used: SharedArrayBuffer[] = [];
  return {
    take(bytes) {
      const memory = used.pop();
      return memory !== undefined && memory.byteLength >= bytes ? memory : new SharedArrayBuffer(bytes);
    },
    giveBack(memory) {
      if (used.length < inputsKept && memory.byteLength <= inputBytesKept) {
        used.push(memory);
      }
    },
  };
}

/** The threads of one set of rules. */
interface Crew<Rules extends RulesOn> {
  readonly bundle: PolicyBundle;
  readonly rulesOn: Rules;
  /**
   * @param inputs as many as one question holds.
   * @param done is called once no thread reads them any more; not if a thread was ended over them.
   */
  evaluate(
    inputs: readonly ValueImage[],
    signal: AbortSignal | undefined,
    done?: () => void,
  ): Promise<readonly (readonly PolicyFinding[])[]>;
  waiting(): number;
  running(): number;
  ended(): number;
  /** Answers what waits, then ends the threads. */
  finish(): Promise<void>;
}

interface Task {
  readonly inputs: readonly ValueImage[];
  /** False when whoever asked has given up. */
  wanted: boolean;
  /** Whether whoever asked has given up or not. */
  done?(): void;
  succeed(findings: readonly (readonly PolicyFinding[])[]): void;
  fail(error: unknown): void;
}

interface Member {
  readonly worker: Worker;
  readonly running: RunningRule;
  readonly clock: EvaluationClock;
  /** What the thread has been given and not answered yet, in order. */
  readonly tasks: Task[];
  /** How many it has answered. */
  answered: number;
  /** Looks at the clock; null when the thread had nothing to do as it went off. */
  timer: NodeJS.Timeout | null;
  /** Whether it has loaded the policy. The clock of a task must not count that. */
  ready: boolean;
}

async function startCrew<Rules extends RulesOn>(
  bundle: PolicyBundle,
  rulesOn: Rules,
  { threads, timeLimit, ...options }: EvaluatorPoolOptions,
): Promise<Crew<Rules>> {
  const module = await compileModule(bundle.wasm);
  const data = baseData(bundle, rulesOn);
  // Whatever is wrong with the policy is said here, once, and not by every thread.
  await loadWasmPolicy(module, data, options);
  const program = callsOpaProgram(module) && options.program !== undefined ? await options.program() : null;
  const rules = new Map(bundle.rules.map((rule) => [rule.id, rule]));
  const members: Member[] = [];
  const queue: Task[] = [];
  let endedThreads = 0;
  let finished = false;
  let whenIdle: (() => void) | null = null;
  const firstThread = Promise.withResolvers<void>();

  const start = (): void => {
    const [memory, clockMemory] = [new SharedArrayBuffer(256), new SharedArrayBuffer(clockBytes)];
    const setup: EvaluatorSetup = {
      module,
      data,
      program,
      running: memory,
      clock: clockMemory,
    };
    const worker = new Worker(threadFile, {
      workerData: setup,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: limits.evaluatorHeapMegabytes },
    });
    const member: Member = {
      worker,
      running: runningRule(memory),
      clock: evaluationClock(clockMemory),
      tasks: [],
      answered: 0,
      timer: null,
      ready: false,
    };
    members.push(member);
    worker.on('message', (message: EvaluatorMessage) => settle(member, message));
    worker.on('error', (cause) => lose(member, outOfReach(cause, ruleAt(member.running))));
  };
  const settle = (member: Member, message: EvaluatorMessage): void => {
    if (message === 'ready') {
      member.ready = true;
      firstThread.resolve();
      hand(member);
      return;
    }
    const answered = member.tasks.splice(0, message.length);
    member.answered += answered.length;
    // The thread goes on while this one reads the answers.
    hand(member);
    for (const [index, answer] of message.entries()) {
      const task = answered[index];
      task?.done?.();
      try {
        if (answer.outcome === 'error') {
          throw errorOf(answer);
        }
        task?.succeed(answer.verdicts.map((text) => findingsOf(verdictIn(text), rules)));
      } catch (error) {
        task?.fail(error);
      }
    }
  };
  /** Goes on for as long as the thread has something to do: a timer for each question would cost more than the looks. */
  const watch = (member: Member, milliseconds: number): void => {
    // Whole milliseconds: timers fire early otherwise, and again and again.
    member.timer = setTimeout(() => look(member), Math.min(timeLimit, Math.ceil(milliseconds)));
  };
  /** A question holds several inputs, and the time limit is that of one. */
  const look = (member: Member): void => {
    member.timer = null;
    if (member.tasks.length === 0) {
      return;
    }
    const left = timeLimit - elapsed(member.clock);
    if (left <= 0) {
      lose(member, outOfTime(timeLimit, ruleAt(member.running)));
    } else {
      watch(member, left);
    }
  };
  /**
   * Gives a thread as much as it should have ahead, in messages of several questions that are answered by one: to wake
   * a thread takes as long as a third of an evaluation. In one message is at most half of what a thread gets, so that it
   * has something to do while this one reads its answers.
   */
  const hand = (member: Member): void => {
    const share = Math.max(1, Math.ceil((queue.length + running()) / threads));
    const together = Math.min(limits.questionsTogether, Math.max(1, Math.floor(share / 2)));
    let questions: EvaluatorQuestion[] = [];
    while (member.ready && member.tasks.length < Math.min(limits.evaluationsAhead, share)) {
      const task = queue.shift();
      if (task === undefined) {
        break;
      }
      if (!task.wanted) {
        continue;
      }
      member.tasks.push(task);
      questions.push(task.inputs);
      if (questions.length === together) {
        post(member, questions);
        questions = [];
      }
    }
    if (questions.length > 0) {
      post(member, questions);
    }
    tellIfIdle();
  };
  /** Shares or copies, and does not transfer: should the thread be ended, another one needs the bytes. */
  const post = (member: Member, questions: readonly EvaluatorQuestion[]): void => {
    member.worker.postMessage(questions);
    if (member.timer === null) {
      watch(member, timeLimit);
    }
  };
  let handing = false;
  /** Once all who have just been answered had their turn to ask again. */
  const handSoon = (): void => {
    if (!handing) {
      handing = true;
      queueMicrotask(() => {
        handing = false;
        // Those with the least to do first.
        for (const member of [...members].sort((a, b) => a.tasks.length - b.tasks.length)) {
          hand(member);
        }
      });
    }
  };
  const tellIfIdle = (): void => {
    if (whenIdle !== null && queue.length === 0 && members.every(({ tasks }) => tasks.length === 0)) {
      whenIdle();
    }
  };
  /** Ends a thread that cannot finish the task it is at, and starts another in its place. */
  const lose = (member: Member, error: ElfgateError): void => {
    const index = members.indexOf(member);
    if (index < 0) {
      return;
    }
    members.splice(index, 1);
    member.worker.removeAllListeners('message');
    void end(member);
    // Tasks before it may be done, but were not answered yet.
    const [guilty] = member.tasks.splice(Math.max(0, questionsBegun(member.clock) - member.answered - 1), 1);
    queue.unshift(...member.tasks);
    guilty?.fail(error);
    if (member.ready) {
      endedThreads++;
      start();
    } else if (members.length === 0) {
      // It did not even start: another try would not either. The next input asks for one.
      firstThread.reject(error);
      for (const task of queue.splice(0)) {
        task.fail(error);
      }
      tellIfIdle();
    }
  };
  const end = ({ worker, timer }: Member): Promise<number> => {
    if (timer !== null) {
      clearTimeout(timer);
    }
    return worker.terminate();
  };
  const running = (): number => sum(members.map(({ tasks }) => tasks.length));

  const fill = (): void => {
    while (members.length < threads) {
      start();
    }
  };

  fill();
  await firstThread.promise;
  return {
    bundle,
    rulesOn,
    evaluate(inputs, signal, done) {
      if (queue.length >= limits.evaluationsWaiting) {
        return Promise.reject(
          new ElfgateError('limit', `${queue.length} inputs wait for the policies already`, {
            hint: 'run more replicas, or give this one more threads',
          }),
        );
      }
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const giveUp = (): void => {
          task.wanted = false;
          reject(signal?.reason);
        };
        const task: Task = {
          inputs,
          wanted: true,
          ...(done && { done }),
          succeed(findings) {
            signal?.removeEventListener('abort', giveUp);
            resolve(findings);
          },
          fail(error) {
            signal?.removeEventListener('abort', giveUp);
            reject(error);
          },
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        queue.push(task);
        fill();
        handSoon();
      });
    },
    waiting: () => inputsOf(queue),
    running: () => sum(members.map(({ tasks }) => inputsOf(tasks))),
    ended: () => endedThreads,
    async finish() {
      if (finished) {
        return;
      }
      finished = true;
      if (queue.length > 0 || running() > 0) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      await Promise.all(members.splice(0).map(end));
    },
  };
}

const threadFile = new URL(
  import.meta.url.endsWith('.ts') ? './evaluator-thread.ts' : './evaluator-thread.js',
  import.meta.url,
);

function outOfTime(timeLimit: number, rule: string | null): ElfgateError {
  const who = rule === null ? 'the policy' : `rule ${rule}`;
  return new ElfgateError('limit', `${who} took longer than ${timeLimit} ms and was ended`, {
    hint: 'look for a rule that combines everything with everything, or raise the time limit of an evaluation',
  });
}

/** A thread that died: of its heap's limit, or of a mistake in here. */
function outOfReach(cause: unknown, rule: string | null): ElfgateError {
  const where = rule === null ? '' : ` in rule ${rule}`;
  const outOfMemory = cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return outOfMemory
    ? new ElfgateError(
        'limit',
        `the policy needs more than its ${limits.evaluatorHeapMegabytes} MB of memory${where}`,
        {
          hint: 'look for a call that builds a very large text or list',
          cause,
        },
      )
    : new ElfgateError('evaluation', `the policy failed${where}: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
}

function errorOf({ code, message, hint }: Extract<EvaluatorAnswer, { readonly outcome: 'error' }>): ElfgateError {
  return new ElfgateError(code, message, hint === null ? {} : { hint });
}

function inputsOf(tasks: readonly Task[]): number {
  return sum(tasks.map(({ inputs }) => inputs.length));
}

function chunks<Value>(values: readonly Value[], size: number): readonly (readonly Value[])[] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
