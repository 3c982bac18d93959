import { availableParallelism } from 'node:os';
import type { TrustInspector } from '../src/facts/inspected-target.ts';
import { limits } from '../src/limits.ts';
import type { Configuration } from '../src/policy/configuration/configuration.ts';
import { type RuleInForce, rulesInForce } from '../src/policy/enforcement.ts';
import { type EvaluatorPool, startEvaluatorPool } from '../src/policy/evaluator-pool.ts';
import { policyVersion } from '../src/scan/policy-version.ts';
import { factsRevision } from './facts-revision.ts';
import { type ImageOptions, imageAccess, type LazyImageAccess } from './images.ts';
import { configurationFor, policiesFor, programFor } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';
import { isTrustAsked, trustInspectorFor } from './trust.ts';

/** Options that a scan and its workers have in common: both must come to the same policies. */
export interface ScanSetupOptions extends SharedOptions, ImageOptions {
  readonly policy?: readonly string[];
  readonly onlyPolicy?: boolean;
  readonly concurrency: string;
  readonly rate?: string;
  readonly queue?: string;
}

/** What scanning images takes. */
export interface ScanSetup {
  /**
   * Started when it is asked for, on threads of its own: a rule that takes long holds up no other image, and no sign of
   * life of a worker. @throws ElfgateError `policy`
   */
  policy(): Promise<EvaluatorPool>;
  readonly configuration: Configuration;
  readonly inForce: ReadonlyMap<string, RuleInForce>;
  readonly images: LazyImageAccess;
  /** Null where nobody asks who made the images. */
  readonly trust: TrustInspector | null;
  /** Of policies, parameters, and the code that states facts; with trust also of who is trusted, and of the day. */
  readonly version: string;
  readonly concurrency: number;
  close(): Promise<void>;
}

/** @throws ElfgateError `usage`, `configuration`, `policy` */
export async function scanSetup(options: ScanSetupOptions, surroundings: Surroundings): Promise<ScanSetup> {
  const concurrency = numberOf(options.concurrency, '--concurrency');
  const perSecond = options.rate === undefined ? null : numberOf(options.rate, '--rate');
  const bundle = await policiesFor(options, surroundings);
  const configuration = await configurationFor(options, surroundings, bundle);
  const inForce = rulesInForce(configuration, bundle.rules);
  const images = imageAccess(options, configuration.registries, surroundings, {
    concurrent: concurrency * 2,
    perSecond,
  });
  const poolOptions = {
    threads: Math.min(concurrency, availableParallelism()),
    timeLimit: limits.evaluationMilliseconds,
    program: programFor(surroundings),
  };
  let pool: Promise<EvaluatorPool> | undefined;
  const isTrusting = isTrustAsked(configuration, bundle.rules, inForce);
  // Signatures come and go while bytes stay what they are: what was told about them is kept for a day.
  const trusted = isTrusting ? ` ${JSON.stringify(configuration.trust)} ${new Date().toISOString().slice(0, 10)}` : '';
  return {
    policy() {
      pool ??= startEvaluatorPool(bundle, inForce, poolOptions);
      return pool;
    },
    configuration,
    inForce,
    images,
    trust: isTrusting ? trustInspectorFor(configuration, bundle.rules, inForce, options, surroundings) : null,
    version: policyVersion(bundle.revision, inForce, `${factsRevision()}${trusted}`),
    concurrency,
    async close() {
      // What did not start has nothing to end.
      await pool?.then(
        (started) => started.close(),
        () => {},
      );
      images.close();
    },
  };
}

/** @throws ElfgateError `usage` */
export function numberOf(text: string, option: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1) {
    throw usageError(`${option} ${text}: not a number between 1 and 9999`, `${option} 4`);
  }
  return value;
}
