import { type Finding, type FindingEvidence, type Report, type Summary, undecidedReason } from './finding.ts';
import { type Paint, painter, type Style } from './paint.ts';
import { allPrintable } from './printable.ts';

export interface TextOptions {
  readonly color: boolean;
  /** Columns at which headlines are broken between words; `null` where nobody sees lines as wide as a terminal. */
  readonly columns: number | null;
}

/**
 * The report for people: one block a finding, the evidence drawn below it, the fix as a command; findings that could
 * not be decided are gathered at the end, because they say more about what was asked than about the file.
 */
export function renderText(reported: Report, options: TextOptions): string {
  const report = allPrintable(reported);
  const paint = painter(options.color);
  const decided = report.findings.filter((finding) => undecidedReason(finding) === null).sort(byGravity);
  const blocks = decided.map((finding) => findingBlock(finding, options.columns, paint));
  const undecided = report.findings.filter((finding) => undecidedReason(finding) !== null);
  if (undecided.length > 0) {
    blocks.push(undecidedBlock(undecided, paint));
  }
  blocks.push(summaryLine(report.summary, report.problems.length, paint));
  return `${blocks.join('\n\n')}\n`;
}

const gravity: Record<Finding['severity'], number> = { error: 0, warning: 1, info: 2 };

/** What breaks comes first; what an exception covers comes last. Within that, the report's own order stays. */
function byGravity(left: Finding, right: Finding): number {
  return (
    Number(left.exception !== null) - Number(right.exception !== null) ||
    gravity[left.severity] - gravity[right.severity]
  );
}

const severityStyles: Record<Finding['severity'], Style> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: ['bold', 'cyan'],
};

function findingBlock(finding: Finding, columns: number | null, paint: Paint): string {
  const { rule, severity, message, notes, help, exception } = finding;
  const word = exception === null ? severity : 'excepted';
  const style = exception === null ? severityStyles[severity] : 'dim';
  const [first = '', ...rest] = wrapped(`${word}[${rule}]: ${message}`, columns);
  const head = `${word}[${rule}]`;
  const lines = [
    `${paint(style, head)}${paint('bold', first.slice(head.length))}`,
    ...rest.map((line) => paint('bold', `  ${line}`)),
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

/** Text in lines that are not broken inside words, the first one column wide, the others two columns narrower. */
function wrapped(text: string, columns: number | null): readonly string[] {
  if (columns === null) {
    return [text];
  }
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const width = lines.length === 0 ? columns : columns - 2;
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
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

/** Each reason once, with the rules and files that it keeps from a decision. */
function undecidedBlock(findings: readonly Finding[], paint: Paint): string {
  const byReason = new Map<string, { readonly rules: Set<string>; readonly paths: Set<string> }>();
  for (const finding of findings) {
    const reason = undecidedReason(finding) ?? '';
    const known = byReason.get(reason) ?? { rules: new Set(), paths: new Set() };
    known.rules.add(finding.rule);
    known.paths.add(finding.subject.path);
    byReason.set(reason, known);
  }
  const lines = [...byReason].map(([reason, { rules, paths }]) => {
    const [path] = paths;
    const about = paths.size === 1 ? path : `${paths.size} files`;
    return `  ${paint('dim', '·')} ${reason} ${paint('dim', `(${[...rules].join(', ')}; ${about})`)}`;
  });
  return [
    `${paint(severityStyles.info, 'undecided')}${paint('bold', ': what these rules need is not known')}`,
    ...lines,
  ].join('\n');
}

function summaryLine(summary: Summary, problems: number, paint: Paint): string {
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  const binaries = summary.binaries === 1 ? '1 binary' : `${summary.binaries} binaries`;
  const notes = summary.info - summary.undecided;
  const parts = [
    summary.error > 0 ? paint(severityStyles.error, counted(summary.error, 'error')) : null,
    summary.warning > 0 ? paint(severityStyles.warning, counted(summary.warning, 'warning')) : null,
    notes > 0 ? paint(severityStyles.info, counted(notes, 'note')) : null,
    summary.excepted > 0 ? `${summary.excepted} excepted` : null,
    problems > 0 ? paint(severityStyles.error, `${counted(problems, 'file')} not readable`) : null,
  ].filter((part) => part !== null);
  const verdict = parts.length === 0 ? paint(['bold', 'green'], 'nothing found') : parts.join(', ');
  const undecided = summary.undecided > 0 ? `, ${summary.undecided} undecided` : '';
  return `${verdict}${undecided} ${paint('dim', `in ${binaries} of ${counted(summary.targets, 'target')}`)}`;
}
