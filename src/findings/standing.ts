import { type Finding, undecidedReason } from './finding.ts';
import type { FailOn } from './report-context.ts';

/** What a finding means for the run that found it. */
export type Standing =
  /** At or above the failing level. */
  | 'failing'
  /** Below it. */
  | 'noted'
  /** The rule could not decide, because a fact is not known. */
  | 'undecided'
  /** An exception of the configuration covers it. */
  | 'excepted';

/** @param failOn the lowest severity that makes a run fail. */
export function standingOf(finding: Finding, failOn: FailOn): Standing {
  if (finding.exception !== null) {
    return 'excepted';
  }
  if (undecidedReason(finding) !== null) {
    return 'undecided';
  }
  const fails =
    (finding.severity === 'error' && failOn !== 'never') || (finding.severity === 'warning' && failOn === 'warning');
  return fails ? 'failing' : 'noted';
}
