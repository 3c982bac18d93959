import type { InspectedBinary } from './binary-facts.ts';
import type { FactsDocument, ProblemFacts } from './schema.ts';

/** Something to inspect, and what the caller says it is. */
export interface Target {
  /** Path of a file or directory. */
  readonly name: string;
  readonly role: 'host' | 'plugin' | null;
}

/** A target while its binaries are still open. */
export interface InspectedTarget {
  readonly target: Target;
  readonly kind: 'file' | 'directory';
  readonly binaries: readonly InspectedBinary[];
  readonly problems: readonly ProblemFacts[];
  readonly root: FactsDocument['root'];
}

export interface InspectOptions {
  /** Whether symbols are listed and not only counted. */
  readonly symbols: 'listed' | 'counted';
  /** Called before each file, for progress. */
  readonly onFile?: (path: string) => void;
}
