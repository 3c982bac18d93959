import type { Finding, Report, ReportProblem } from './finding.ts';
import { markupLines, markupText } from './markup.ts';
import { detailLines } from './place.ts';
import type { ReportContext } from './report-context.ts';
import { standingOf } from './standing.ts';

/**
 * JUnit's XML, as build servers read it: a suite for each target, in it a case for each finding and one for each rule
 * that found nothing. Findings below the failing level pass and say what they found in `system-out`; what could not be
 * decided and what an exception covers is skipped; a file that could not be read is an error.
 */
export function renderJunit(report: Report, context: ReportContext): string {
  const suites = report.targets.map((target) => suiteOf(target, report, context));
  const all = suites.flatMap(({ cases }) => cases);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="elfgate" ${counts(all)}>`,
    ...suites.flatMap(({ target, cases }) => [
      `  <testsuite name="${markupText(target)}" ${counts(cases)}>`,
      ...cases.map(caseElement),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

interface Case {
  readonly rule: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  readonly message: string | null;
  readonly lines: readonly string[];
}

function suiteOf(
  target: string,
  { findings, problems }: Report,
  context: ReportContext,
): { readonly target: string; readonly cases: readonly Case[] } {
  const found = findings.filter(({ subject }) => subject.target === target);
  const silent = context.rules.filter(({ id }) => found.every(({ rule }) => rule !== id));
  return {
    target,
    cases: [
      ...found.map((finding) => findingCase(finding, context)),
      ...silent.map(({ id, title }): Case => ({ rule: id, name: title, outcome: 'passed', message: null, lines: [] })),
      ...problems.filter((problem) => problem.target === target).map(problemCase),
    ],
  };
}

const outcomes = { failing: 'failure', noted: 'passed', undecided: 'skipped', excepted: 'skipped' } as const;

function findingCase(finding: Finding, { failOn }: ReportContext): Case {
  const { rule, severity, message, subject } = finding;
  return {
    rule,
    name: subject.path,
    outcome: outcomes[standingOf(finding, failOn)],
    message,
    lines: [`${severity}[${rule}]: ${message}`, ...detailLines(finding), `more: elfgate explain ${rule}`],
  };
}

function problemCase({ path, code, message }: ReportProblem): Case {
  return { rule: 'elfgate', name: path, outcome: 'error', message: `${code}: ${message}`, lines: [message] };
}

function caseElement({ rule, name, outcome, message, lines }: Case): string {
  const open = `    <testcase classname="${markupText(rule)}" name="${markupText(name)}"`;
  if (message === null) {
    return `${open}/>`;
  }
  const body =
    outcome === 'passed'
      ? `<system-out>${markupLines(lines)}</system-out>`
      : `<${outcome} message="${markupText(message)}">${markupLines(lines)}</${outcome}>`;
  return `${open}>\n      ${body}\n    </testcase>`;
}

function counts(cases: readonly Case[]): string {
  const count = (outcome: Case['outcome']): number => cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
}
