import type { PolicyFinding } from '../evaluation.ts';
import type { RuleMetadata } from '../rule-metadata.ts';
import { type Exception, matchesPattern } from './exceptions.ts';

/** The rule of findings about the configuration itself. No policy states it: what an exception is, policies do not know. */
export const expiredExceptionRule: RuleMetadata = {
  id: 'exceptions/expired',
  title: 'exceptions end on their day',
  description: `Detects exceptions of elfgate.yaml whose last day is over, for targets that they name.

Whoever accepted a finding until a day has said when to look again. Until somebody does, the findings count again, and nobody would know that they were accepted once.

Mend what was accepted and remove the exception, or let its owner give it another day.`,
  severity: 'warning',
  enforce: 'warn',
  facts: [],
  parameters: {},
  sets: ['recommended', 'strict', 'marketplace'],
  relatedResources: [],
  file: '',
};

/** A finding for each exception that names a target and has ended. */
export function expiredExceptions(
  exceptions: readonly Exception[],
  target: string,
  today: Date,
): readonly PolicyFinding[] {
  const day = today.toISOString().slice(0, 10);
  return exceptions
    .filter(({ target: targets, expires }) => day > expires && matchesPattern(targets, target))
    .map(({ rule, target: targets, path, reason, owner, expires }) => ({
      rule: expiredExceptionRule.id,
      severity: expiredExceptionRule.severity,
      path: '',
      message: `the exception from ${rule} ended on ${expires}; what it covered counts again`,
      evidence: [
        { at: 'elfgate.yaml', label: 'target', value: targets },
        ...(path === null ? [] : [{ at: 'elfgate.yaml', label: 'path', value: path }]),
        { at: 'elfgate.yaml', label: 'owner', value: owner },
        { at: 'elfgate.yaml', label: 'reason', value: reason },
      ],
      notes: [],
      help: `ask ${owner}, then remove the exception or give it another day`,
    }));
}
