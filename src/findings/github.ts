import type { Finding, Report } from './finding.ts';
import { detailLines, filePath } from './place.ts';
import { allPrintable } from './printable.ts';
import type { ReportContext } from './report-context.ts';
import { standingOf } from './standing.ts';

/**
 * Workflow commands of GitHub Actions, one a finding, which become annotations of the run; findings that an exception
 * covers are left out, because an annotation calls for somebody.
 *
 * @see https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
 */
export function renderGithub(reported: Report, { failOn }: ReportContext): string {
  const report = allPrintable(reported);
  const open = report.findings.filter((finding) => standingOf(finding, failOn) !== 'excepted');
  const commands = [
    ...open.map((finding) =>
      command(level[finding.severity], filePath(finding.subject), finding.rule, [
        finding.message,
        ...layerLine(finding),
        ...detailLines(finding),
        `more: elfgate explain ${finding.rule}`,
      ]),
    ),
    ...report.problems.map(({ target, path, code, message }) =>
      command('error', filePath({ target, path }), `cannot decide (${code})`, [message]),
    ),
  ];
  return commands.map((line) => `${line}\n`).join('');
}

const level = { error: 'error', warning: 'warning', info: 'notice' } as const;

function command(name: string, file: string, title: string, lines: readonly string[]): string {
  return `::${name} file=${property(file)},title=${property(title)}::${data(lines.join('\n'))}`;
}

function layerLine({ subject }: Finding): readonly string[] {
  return subject.layer === null ? [] : [`layer ${subject.layer}`];
}

// The runner turns exactly these back (actions/toolkit, packages/core/src/command.ts).
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
