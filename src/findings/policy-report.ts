import { dump } from 'js-yaml';
import { type Finding, type Report, undecidedReason } from './finding.ts';
import { evidenceLine } from './place.ts';
import { allPrintable } from './printable.ts';
import type { ReportContext } from './report-context.ts';

/**
 * A PolicyReport of the Kubernetes policy working group (wgpolicyk8s.io/v1alpha2) as YAML, for `kubectl apply` and for
 * what shows such reports. It bears no time, so that the same findings are the same bytes.
 *
 * A finding that could not be decided is an `error`, which there means: could not be evaluated. What an exception covers
 * is `skip`.
 */
export function renderPolicyReport(reported: Report, { rules }: ReportContext): string {
  const report = allPrintable(reported);
  const results: readonly Result[] = [
    ...report.findings.map(resultOf),
    ...rules.filter(({ id }) => report.findings.every(({ rule }) => rule !== id)).map(({ id }) => passed(id)),
    ...report.problems.map(
      ({ target, path, code, message }): Result => ({
        source: 'elfgate',
        policy: 'elfgate/readable',
        result: 'error',
        message: `${code}: ${message}`,
        properties: { target, path },
      }),
    ),
  ];
  const count = (result: Result['result']): number => results.filter((one) => one.result === result).length;
  return dump({
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    metadata: { name: 'elfgate' },
    summary: {
      pass: count('pass'),
      fail: count('fail'),
      warn: count('warn'),
      error: count('error'),
      skip: count('skip'),
    },
    results,
  });
}

interface Result {
  readonly source: 'elfgate';
  readonly policy: string;
  readonly rule?: string;
  readonly category?: string;
  /** The working group's own scale. */
  readonly severity?: 'high' | 'medium' | 'low';
  readonly result: 'pass' | 'fail' | 'warn' | 'error' | 'skip';
  readonly scored?: boolean;
  readonly message?: string;
  /** Texts only, as the resource's schema demands. */
  readonly properties?: Readonly<Record<string, string>>;
}

const severity = { error: 'high', warning: 'medium', info: 'low' } as const;

function resultOf(finding: Finding): Result {
  const { rule, subject, message, evidence, help, docs, exception } = finding;
  return {
    source: 'elfgate',
    ...namesOf(rule),
    severity: severity[finding.severity],
    result: resultName(finding),
    scored: exception === null,
    message,
    properties: {
      target: subject.target,
      path: subject.path,
      ...(subject.layer === null ? {} : { layer: String(subject.layer) }),
      ...Object.fromEntries(evidence.map((piece, index) => [`evidence.${index + 1}`, evidenceLine(piece, finding)])),
      ...(help === null ? {} : { help }),
      ...(exception === null
        ? {}
        : { exception: `${exception.reason} (${exception.owner}, until ${exception.expires})` }),
      docs,
    },
  };
}

function passed(rule: string): Result {
  return { source: 'elfgate', ...namesOf(rule), result: 'pass' };
}

function namesOf(rule: string): Pick<Result, 'policy' | 'rule' | 'category'> {
  const [category = '', name = ''] = rule.split('/');
  return { policy: rule, rule: name, category };
}

function resultName(finding: Finding): Result['result'] {
  if (finding.exception !== null) {
    return 'skip';
  }
  if (undecidedReason(finding) !== null) {
    return 'error';
  }
  return finding.severity === 'error' ? 'fail' : 'warn';
}
