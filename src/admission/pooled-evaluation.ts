import { limits } from '../limits.ts';
import { type EvaluatorPoolOptions, startEvaluatorPool } from '../policy/evaluator-pool.ts';
import type { PrepareRules } from './judge.ts';

/** Policies run on threads that can be ended: one that never stops costs its own review only. */
export function pooledEvaluation({
  threads,
  program,
}: Pick<EvaluatorPoolOptions, 'threads' | 'program'>): PrepareRules {
  return async (bundle, rulesOn) => {
    const pool = await startEvaluatorPool(bundle, rulesOn, {
      threads,
      timeLimit: limits.reviewEvaluationMilliseconds,
      ...(program === undefined ? {} : { program }),
    });
    return {
      evaluate: async (inputs) => (await pool.evaluateEncoded(inputs)).findings,
      close: () => pool.close(),
    };
  };
}
