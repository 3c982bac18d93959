import type { Severity } from '../policy/rule-metadata.ts';
import type { ScanLine } from './scan.ts';

/** What the lines of a scan add up to. */
export interface ScanSummary {
  /** Names and platforms; several may have one digest. */
  readonly images: number;
  /** Of them, those that were not read now. */
  readonly cached: number;
  /** Those about which nothing, or not everything, could be decided. */
  readonly failed: number;
  /** Those with findings that no exception covers. */
  readonly withFindings: number;
  /** Findings that no exception covers. */
  readonly findings: Readonly<Record<Severity, number>>;
  readonly excepted: number;
}

export const emptySummary: ScanSummary = {
  images: 0,
  cached: 0,
  failed: 0,
  withFindings: 0,
  findings: { error: 0, warning: 0, info: 0 },
  excepted: 0,
};

/** The summary with one more line. */
export function withLine(summary: ScanSummary, { findings, cached, error }: ScanLine): ScanSummary {
  const open = findings.filter(({ exception }) => exception === null);
  const counted = { ...summary.findings };
  for (const { severity } of open) {
    counted[severity] += 1;
  }
  return {
    images: summary.images + 1,
    cached: summary.cached + (cached ? 1 : 0),
    failed: summary.failed + (error === null ? 0 : 1),
    withFindings: summary.withFindings + (open.length > 0 ? 1 : 0),
    findings: counted,
    excepted: summary.excepted + findings.length - open.length,
  };
}
