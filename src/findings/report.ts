import type { FactsDocument } from '../facts/schema.ts';
import type { Configuration } from '../policy/configuration/configuration.ts';
import { type JudgedFinding, judgeFindings, type RuleInForce } from '../policy/enforcement.ts';
import type { Policy, PolicyFinding } from '../policy/evaluation.ts';
import { type Finding, type Report, type Summary, undecidedReason } from './finding.ts';

/** What turns facts into findings. */
export interface Judge {
  readonly policy: Policy;
  readonly configuration: Configuration;
  readonly inForce: ReadonlyMap<string, RuleInForce>;
  /** Decides which exceptions still hold. */
  readonly today: Date;
}

/**
 * Evaluates the policy on each document and gathers what it finds.
 *
 * @throws ElfgateError `evaluation` when the policy fails on one; nothing is reported then.
 */
export function reportOn(documents: readonly FactsDocument[], judge: Judge): Report {
  // An image of a manifest has a document for each pod that it meets others in, which mostly find the same.
  const subjects = onlyOnce(documents, ({ subject }) => subject);
  const findings = onlyOnce(
    documents.flatMap((document) => findingsOf(document, judge)),
    (finding) => finding,
  ).sort(compareFindings);
  return {
    targets: subjects.map(({ subject }) => subject.name),
    findings,
    summary: summarise(subjects, findings),
    problems: onlyOnce(
      documents.flatMap(({ subject, problems }) =>
        problems.map(({ path, code, message }) => ({ target: subject.name, path, code, message })),
      ),
      (problem) => problem,
    ),
  };
}

function onlyOnce<Value>(values: readonly Value[], keyOf: (value: Value) => object): Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(keyOf(value)), value])).values()];
}

function findingsOf(document: FactsDocument, judge: Judge): readonly Finding[] {
  const layers = new Map(document.binaries.map(({ path, layer }) => [path, layer]));
  return addressedFindings(judge.policy.evaluate(document), document.subject.name, layers, judge);
}

/** What the configuration makes of findings. */
export type Addressing = Omit<Judge, 'policy'>;

/**
 * Findings of the policy as they are shown for one target: enforced, with the exceptions that cover them.
 *
 * @param layers of the files that they are about; those of a target without layers may be left out.
 */
export function addressedFindings(
  found: readonly PolicyFinding[],
  target: string,
  layers: ReadonlyMap<string, number | null>,
  { configuration, inForce, today }: Addressing,
): readonly Finding[] {
  const judged = judgeFindings(found, target, today, configuration, inForce);
  return judged.map((finding) => addressed(finding, target, layers.get(finding.path) ?? null));
}

function addressed(finding: JudgedFinding, target: string, layer: number | null): Finding {
  const { rule, severity, path, message, evidence, notes, help, exception } = finding;
  return {
    rule,
    severity,
    subject: { target, path, layer },
    message,
    evidence,
    notes,
    help,
    docs: ruleAddress(rule),
    exception,
  };
}

/** Where the page of a rule is published. */
export function ruleAddress(rule: string): string {
  return `https://elfgate.dev/rules/${rule}`;
}

/** By target, path and rule, as the contract says; by message where a rule has several findings about one file. */
function compareFindings(left: Finding, right: Finding): number {
  return (
    compareText(left.subject.target, right.subject.target) ||
    compareText(left.subject.path, right.subject.path) ||
    compareText(left.rule, right.rule) ||
    compareText(left.message, right.message)
  );
}

// By code unit, and not by locale: the order must not depend on the machine.
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function summarise(documents: readonly FactsDocument[], findings: readonly Finding[]): Summary {
  const open = findings.filter(({ exception }) => exception === null);
  const countOf = (severity: Finding['severity']): number =>
    open.filter((finding) => finding.severity === severity).length;
  return {
    targets: documents.length,
    binaries: documents.reduce((sum, { binaries }) => sum + binaries.length, 0),
    error: countOf('error'),
    warning: countOf('warning'),
    info: countOf('info'),
    undecided: open.filter((finding) => undecidedReason(finding) !== null).length,
    excepted: findings.length - open.length,
  };
}
