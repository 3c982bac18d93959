import type { RuleMetadata } from '../policy/rule-metadata.ts';
import { type Finding, type FindingEvidence, type Report, type ReportProblem, undecidedReason } from './finding.ts';
import { pageStyle } from './html-style.ts';
import { markupText } from './markup.ts';
import type { ReportContext } from './report-context.ts';

/**
 * The report as one page that needs nothing else: no script, no picture, no font from elsewhere, and a content security
 * policy that keeps it so whatever names the files have. The filters are the browser's own radio buttons.
 */
export function renderHtml(report: Report, { rules, version }: ReportContext): string {
  const titles = new Map(rules.map((rule) => [rule.id, rule]));
  const byTarget = Map.groupBy(report.findings, ({ subject }) => subject.target);
  const targets = report.targets.length === 0 ? [...byTarget.keys()] : report.targets;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="generator" content="elfgate ${markupText(version)}">
<meta name="color-scheme" content="light dark">
<title>${markupText(`elfgate: ${verdictOf(report)}`)}</title>
<style>${pageStyle}</style>
</head>
<body>
${header(report)}
${filters(report)}
<main>
${report.problems.length === 0 ? '' : problemsSection(report.problems)}
${targets.map((target) => targetSection(target, byTarget.get(target) ?? [], titles)).join('\n')}
</main>
<footer>elfgate ${markupText(version)} · ${rules.length} rules</footer>
</body>
</html>
`;
}

type State = 'error' | 'warning' | 'info' | 'undecided' | 'excepted';

function stateOf(finding: Finding): State {
  if (finding.exception !== null) {
    return 'excepted';
  }
  return undecidedReason(finding) === null ? finding.severity : 'undecided';
}

const stateNames: Readonly<Record<State, readonly [one: string, many: string]>> = {
  error: ['error', 'errors'],
  warning: ['warning', 'warnings'],
  info: ['note', 'notes'],
  undecided: ['undecided', 'undecided'],
  excepted: ['excepted', 'excepted'],
};
const states = Object.keys(stateNames) as readonly State[];

function counted(report: Report): readonly { readonly state: State; readonly count: number }[] {
  return states.map((state) => ({
    state,
    count: report.findings.filter((finding) => stateOf(finding) === state).length,
  }));
}

function verdictOf({ summary, problems }: Report): string {
  if (problems.length > 0) {
    return `could not decide about ${problems.length} file${problems.length === 1 ? '' : 's'}`;
  }
  if (summary.error > 0) {
    return summary.error === 1 ? '1 error' : `${summary.error} errors`;
  }
  return summary.warning > 0 ? `${summary.warning} warning${summary.warning === 1 ? '' : 's'}` : 'nothing wrong found';
}

function header(report: Report): string {
  const { summary, problems } = report;
  const tone = problems.length > 0 || summary.error > 0 ? 'error' : summary.warning > 0 ? 'warning' : 'pass';
  const binaries = summary.binaries === 1 ? '1 binary' : `${summary.binaries} binaries`;
  const targets = summary.targets === 1 ? '1 target' : `${summary.targets} targets`;
  return `<header class="${tone}">
<p class="name">elfgate</p>
<h1>${markupText(verdictOf(report))}</h1>
<p class="scope">${binaries} in ${targets}</p>
</header>`;
}

function filters(report: Report): string {
  const choices = counted(report)
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => {
      const [one, many] = stateNames[state];
      return `<label class="${state}"><input type="radio" name="show" id="show-${state}"><b>${count}</b> ${count === 1 ? one : many}</label>`;
    });
  const all = `<label><input type="radio" name="show" id="show-all" checked><b>${report.findings.length}</b> in all</label>`;
  return `<nav aria-label="Show findings">${[all, ...choices].join('')}</nav>`;
}

function problemsSection(problems: readonly ReportProblem[]): string {
  const items = problems.map(
    ({ target, path, code, message }) =>
      `<li><code>${markupText(path === target ? target : `${target}  ${path}`)}</code> <span class="badge">${markupText(code)}</span><br>${markupText(message)}</li>`,
  );
  return `<section class="problems">
<h2>Could not be read</h2>
<ul>${items.join('')}</ul>
</section>`;
}

function targetSection(target: string, findings: readonly Finding[], rules: ReadonlyMap<string, RuleMetadata>): string {
  const sorted = findings.toSorted((left, right) => states.indexOf(stateOf(left)) - states.indexOf(stateOf(right)));
  const body =
    sorted.length === 0
      ? '<p class="clean">nothing found</p>'
      : sorted.map((finding) => article(finding, rules.get(finding.rule))).join('\n');
  return `<section>
<h2><code>${markupText(target)}</code></h2>
${body}
</section>`;
}

function article(finding: Finding, rule: RuleMetadata | undefined): string {
  const { subject, message, notes, help, docs, exception } = finding;
  const state = stateOf(finding);
  const place = subject.path === subject.target ? '' : `<code>${markupText(subject.path)}</code>`;
  const layer = subject.layer === null ? '' : `<span>layer ${subject.layer}</span>`;
  return `<article class="${state}">
<p class="head"><span class="badge">${stateNames[state][0]}</span><a href="${markupText(docs)}"${rule === undefined ? '' : ` title="${markupText(rule.title)}"`}>${markupText(finding.rule)}</a>${place}${layer}</p>
<h3>${markupText(message)}</h3>
${evidenceTable(finding)}${notes.map((note) => `<p class="note">${markupText(note)}</p>`).join('')}${
  exception === null
    ? ''
    : `<p class="note">excepted until <time>${markupText(exception.expires)}</time> by ${markupText(exception.owner)}: ${markupText(exception.reason)}</p>`
}${help === null ? '' : `<div class="fix"><span>fix</span><code>${markupText(help)}</code></div>`}
</article>`;
}

function evidenceTable({ evidence, subject }: Finding): string {
  if (evidence.length === 0) {
    return '';
  }
  const row = ({ at, label, value, target, path }: FindingEvidence): string => {
    const other = path !== undefined && (path !== subject.path || target !== undefined);
    const elsewhere = other
      ? ` <span class="file">${markupText(path === target || target === undefined ? path : `${target}  ${path}`)}</span>`
      : '';
    return `<tr><td>${markupText(label)}</td><td><code>${markupText(value)}</code></td><td><code>${markupText(at)}</code>${elsewhere}</td></tr>`;
  };
  return `<div class="evidence"><table>${evidence.map(row).join('')}</table></div>`;
}
