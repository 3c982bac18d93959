import type { AdmissionFinding } from '../src/admission/judge.ts';
import type { ReviewAnswer } from './admission-review.ts';

/** How a review ended. */
export type Outcome =
  | 'admitted'
  | 'warned'
  | 'denied'
  | 'exempt'
  | 'undecided-denied'
  | 'undecided-admitted'
  | 'refused';

/** An image of a review and how its facts were had. */
export interface ReviewedImage {
  readonly image: string;
  /** null when it could not be resolved in time. */
  readonly digest: string | null;
  /** Why it could not be judged; null when it was. */
  readonly undecided: string | null;
}

/** Everything that is worth recording about one review. */
export interface Decision {
  readonly outcome: Outcome;
  readonly answer: ReviewAnswer;
  readonly images: readonly ReviewedImage[];
  readonly findings: readonly AdmissionFinding[];
  /** An error that is a mistake of this program: the log shows it, and nobody else. */
  readonly mistake?: unknown;
}
