import type { Severity } from '../policy/rule-metadata.ts';

/** What a rule found, addressed and ready to be shown. Binding for other programs: see docs/contracts.md. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly subject: {
    /** Target as the caller wrote it. */
    readonly target: string;
    /** Path of the binary in the target. */
    readonly path: string;
    /** Index of the image layer; `null` outside images. */
    readonly layer: number | null;
  };
  /** One sentence that stands alone: the subject first, the consequence second. */
  readonly message: string;
  readonly evidence: readonly FindingEvidence[];
  /** Further facts, a line each. */
  readonly notes: readonly string[];
  /** What mends it, as a command where there is one. */
  readonly help: string | null;
  /** Address of the rule's page. */
  readonly docs: string;
  /** The exception of the configuration that covers it. */
  readonly exception: FindingException | null;
}

/** A place and what stands there; in another file than the subject where `path` is given. */
export interface FindingEvidence {
  readonly at: string;
  readonly label: string;
  readonly value: string;
  readonly target?: string;
  readonly path?: string;
}

export interface FindingException {
  readonly reason: string;
  readonly owner: string;
  /** ISO 8601 date. */
  readonly expires: string;
}

/** Findings of one run and what they add up to. */
export interface Report {
  /** Everything that was judged, as the caller wrote it, also where nothing was found. */
  readonly targets: readonly string[];
  /** Sorted by target, path and rule. */
  readonly findings: readonly Finding[];
  readonly summary: Summary;
  /** Files that could not be read: the run could not decide about them. */
  readonly problems: readonly ReportProblem[];
}

export interface ReportProblem {
  readonly target: string;
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface Summary {
  readonly targets: number;
  readonly binaries: number;
  readonly error: number;
  readonly warning: number;
  readonly info: number;
  /** Of the infos, those that could not be decided because a fact is not known. */
  readonly undecided: number;
  /** Findings that an exception covers; they count nowhere else. */
  readonly excepted: number;
}

const undecidedStart = 'cannot tell because ';

/** Why a rule could not decide; `null` for a finding that did. Rules say so by `lib.unknown`. */
export function undecidedReason({ severity, message }: Finding): string | null {
  return severity === 'info' && message.startsWith(undecidedStart) ? message.slice(undecidedStart.length) : null;
}
