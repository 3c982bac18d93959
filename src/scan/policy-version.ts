import { createHash } from 'node:crypto';
import type { RulesOn } from '../policy/evaluation.ts';

/**
 * Names everything that a result depends on besides the image: two scans with the same version say the same about it.
 *
 * @param bundleRevision of the compiled policies.
 * @param rulesOn the rules that are on, with their parameters.
 * @param factsRevision names the code that states facts.
 */
export function policyVersion(bundleRevision: string, rulesOn: RulesOn, factsRevision: string): string {
  const rules = [...rulesOn].map(([id, { parameters }]) => [id, parameters] as const);
  rules.sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([bundleRevision, rules, factsRevision]))
    .digest('hex');
}
