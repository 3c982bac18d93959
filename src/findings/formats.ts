import type { RenderReport } from './report-context.ts';

/** Every way to show a report, the default first. A renderer is loaded when it is asked for. */
export const reportFormats = {
  text: async () => (await import('./text.ts')).renderText,
  json: async () => (await import('./json.ts')).renderJson,
  sarif: async () => (await import('./sarif.ts')).renderSarif,
  junit: async () => (await import('./junit.ts')).renderJunit,
  github: async () => (await import('./github.ts')).renderGithub,
  html: async () => (await import('./html.ts')).renderHtml,
  policyreport: async () => (await import('./policy-report.ts')).renderPolicyReport,
} satisfies Record<string, () => Promise<RenderReport>>;

export type ReportFormat = keyof typeof reportFormats;

export const reportFormatNames = Object.keys(reportFormats) as [ReportFormat, ...ReportFormat[]];
