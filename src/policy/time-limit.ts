import { isNativeError } from 'node:util/types';
import { createContext, Script } from 'node:vm';
import { ElfgateError } from '../errors.ts';

/**
 * Runs work on this thread and ends it when it takes too long, WebAssembly included.
 *
 * Node's `vm` keeps a watchdog for it, which costs a millisecond a run and, unlike a worker, nothing to start: right
 * for a command that judges a handful of documents. A server uses `evaluator-pool.ts`.
 *
 * @param milliseconds after which the work is ended with an ElfgateError `limit`.
 */
export function timeLimited(milliseconds: number): <Result>(work: () => Result) => Result {
  const bench: { work: () => unknown } = { work: () => undefined };
  const context = createContext(bench);
  const script = new Script('work()');
  return <Result>(work: () => Result): Result => {
    bench.work = work;
    try {
      return script.runInContext(context, { timeout: milliseconds }) as Result;
    } catch (cause) {
      // An Error of the other context is no instance of this one's.
      if (isNativeError(cause) && 'code' in cause && cause.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
        throw new ElfgateError('limit', `the policy took longer than ${milliseconds} ms and was ended`, {
          hint: 'look for a rule that combines everything with everything, or check parts of the target on their own',
        });
      }
      throw cause;
    } finally {
      bench.work = () => undefined;
    }
  };
}
