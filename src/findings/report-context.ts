import type { RuleMetadata } from '../policy/rule-metadata.ts';
import type { Report } from './finding.ts';

/** What renderers know besides the report. */
export interface ReportContext {
  /** The rules that were on, in the order of their ids: formats that list what held need them. */
  readonly rules: readonly RuleMetadata[];
  /** The lowest severity that makes the run fail; formats without severities call only those failures. */
  readonly failOn: FailOn;
  /** elfgate's own. */
  readonly version: string;
  readonly color: boolean;
  /** Columns at which text is broken between words; `null` where nobody sees lines as wide as a terminal. */
  readonly columns: number | null;
}

export type FailOn = 'error' | 'warning' | 'never';

/** The whole output, its last line break included. The same report gives the same bytes. */
export type RenderReport = (report: Report, context: ReportContext) => string;
