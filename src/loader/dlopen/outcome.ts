import type { FormatError } from '../../errors.ts';
import type { DlopenEvidence, DlopenPrediction, DlopenReason, UnboundCalls } from './prediction.ts';

/** A prediction as far as it does not depend on how the object was named. */
export type Outcome = Omit<DlopenPrediction, 'plugin'>;

export const nothingUnbound: UnboundCalls = { count: 0, symbols: [] };

export function loads(reason: DlopenReason, unboundCalls: UnboundCalls = nothingUnbound): Outcome {
  return {
    outcome: 'loads',
    reason,
    message: null,
    recoverable: true,
    evidence: [],
    help: null,
    unboundCalls,
    initialisers: [],
  };
}

export function refused(
  reason: DlopenReason,
  message: string | null,
  evidence: readonly DlopenEvidence[],
  help: string | null = null,
): Outcome {
  return {
    outcome: 'fails',
    reason,
    message,
    recoverable: true,
    evidence,
    help,
    unboundCalls: nothingUnbound,
    initialisers: [],
  };
}

export function malformed(error: FormatError, file: string): Outcome {
  const at = `file+0x${error.offset.toString(16)}`;
  return refused('malformed', null, [{ path: error.path ?? file, at, label: 'contradiction', value: error.sentence }]);
}
