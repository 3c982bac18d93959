import type { Report } from './finding.ts';

/** The report as one JSON document. The same report gives the same bytes. */
export function renderJson(report: Report): string {
  return `${JSON.stringify({ findings: report.findings, summary: report.summary, problems: report.problems }, null, 2)}\n`;
}
