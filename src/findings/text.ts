import { styleText } from 'node:util';
import type { Finding, FindingEvidence, Report, Summary } from './finding.ts';

export interface TextOptions {
  readonly color: boolean;
}

type Style = Parameters<typeof styleText>[0];

/**
 * The report for people: one block a finding, the evidence drawn below it, the fix as a command; findings that could
 * not be decided are gathered at the end, because they say more about what was asked than about the file.
 */
export function renderText(report: Report, options: TextOptions): string {
  const paint = painter(options);
  const decided = report.findings.filter((finding) => !isUndecided(finding));
  const undecided = report.findings.filter(isUndecided);
  const blocks = decided.map((finding) => findingBlock(finding, paint));
  if (undecided.length > 0) {
    blocks.push(undecidedBlock(undecided, paint));
  }
  blocks.push(summaryLine(report.summary, report.problems.length, paint));
  return `${blocks.join('\n\n')}\n`;
}

type Paint = (style: Style, text: string) => string;

function painter({ color }: TextOptions): Paint {
  return color ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

const undecidedStart = 'cannot tell because ';

function isUndecided({ severity, message }: Finding): boolean {
  return severity === 'info' && message.startsWith(undecidedStart);
}

const severityStyles: Record<Finding['severity'], Style> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'cyan'],
};

function findingBlock(finding: Finding, paint: Paint): string {
  const { rule, severity, message, notes, help, exception } = finding;
  const lines = [
    `${paint(severityStyles[severity], `${severity}[${rule}]`)}${paint('bold', `: ${message}`)}`,
    ...evidenceLines(finding, paint),
  ];
  const frame = paint('dim', '  =');
  lines.push(`  ${paint('dim', '│')}`);
  lines.push(...notes.map((note) => `${frame} ${note}`));
  if (exception !== null) {
    lines.push(`${frame} excepted until ${exception.expires} by ${exception.owner}: ${exception.reason}`);
  }
  if (help !== null) {
    lines.push(`${frame} ${paint('green', 'fix')}: ${help}`);
  }
  lines.push(`${frame} ${paint('dim', `more: elfgate explain ${rule}`)}`);
  return lines.join('\n');
}

/** Evidence in groups, one for each file, the finding's own first. */
function evidenceLines(finding: Finding, paint: Paint): string[] {
  const { subject } = finding;
  const groups = new Map<string, FindingEvidence[]>([[placeOf(subject.target, subject.path, subject.layer), []]]);
  for (const piece of finding.evidence) {
    const place =
      piece.path === undefined
        ? placeOf(subject.target, subject.path, subject.layer)
        : placeOf(
            piece.target ?? subject.target,
            piece.path,
            piece.path === subject.path && piece.target === undefined ? subject.layer : null,
          );
    groups.set(place, [...(groups.get(place) ?? []), piece]);
  }
  const atWidth = width(finding.evidence.map(({ at }) => at));
  const valueWidth = width(finding.evidence.map(({ value }) => value));
  const lines: string[] = [];
  for (const [place, pieces] of groups) {
    lines.push(`  ${paint('dim', lines.length === 0 ? '┌─' : '├─')} ${paint('cyan', place)}`);
    for (const { at, label, value } of pieces) {
      lines.push(
        `  ${paint('dim', '│')}  ${paint('dim', at.padEnd(atWidth))}  ${value.padEnd(valueWidth)}  ${paint('dim', label)}`.trimEnd(),
      );
    }
  }
  return lines;
}

function placeOf(target: string, path: string, layer: number | null): string {
  const layerText = layer === null ? '' : `  layer ${layer}`;
  return path === target ? `${target}${layerText}` : `${target}${layerText}  ${path}`;
}

// Wider columns would push what stands beside them off the screen.
const widest = 48;

function width(texts: readonly string[]): number {
  return Math.min(widest, Math.max(0, ...texts.map((text) => text.length)));
}

/** `rule: reason`, with how many files it is about; each reason once. */
function undecidedBlock(findings: readonly Finding[], paint: Paint): string {
  const files = new Map<string, { readonly rule: string; readonly reason: string; paths: string[] }>();
  for (const { rule, message, subject } of findings) {
    const reason = message.slice(undecidedStart.length);
    const known = files.get(`${rule}\0${reason}`) ?? { rule, reason, paths: [] };
    known.paths.push(subject.path);
    files.set(`${rule}\0${reason}`, known);
  }
  const ruleWidth = width([...files.values()].map(({ rule }) => rule));
  const lines = [...files.values()].map(({ rule, reason, paths }) => {
    const about = paths.length === 1 ? paths[0] : `${paths.length} files`;
    return `  ${paint('dim', '·')} ${rule.padEnd(ruleWidth)}  ${reason} ${paint('dim', `(${about})`)}`;
  });
  return [
    `${paint(severityStyles.info, 'undecided')}${paint('bold', ': what these rules need is not known')}`,
    ...lines,
  ].join('\n');
}

function summaryLine(summary: Summary, problems: number, paint: Paint): string {
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const binaries = summary.binaries === 1 ? '1 binary' : `${summary.binaries} binaries`;
  const parts = [
    summary.error > 0 ? paint(severityStyles.error, counted(summary.error, 'error')) : null,
    summary.warning > 0 ? paint(severityStyles.warning, counted(summary.warning, 'warning')) : null,
    summary.info > 0 ? paint(severityStyles.info, counted(summary.info, 'note')) : null,
    summary.excepted > 0 ? `${summary.excepted} excepted` : null,
    problems > 0 ? paint(severityStyles.error, `${counted(problems, 'file')} not readable`) : null,
  ].filter((part) => part !== null);
  const verdict = parts.length === 0 ? paint(['bold', 'green'], 'nothing found') : parts.join(', ');
  return `${verdict} ${paint('dim', `in ${binaries} of ${counted(summary.targets, 'target')}`)}`;
}
