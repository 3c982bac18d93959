import type { ReportContent } from '../cluster/policy-reports.ts';
import { limits } from '../limits.ts';
import type { AuditResult, NamespaceAudit } from './audit.ts';

const severity = { error: 'high', warning: 'medium', info: 'low' } as const;

/**
 * What a namespace's report holds: one result a finding, whatever the number of workloads that it is about, and no more
 * results than etcd bears. The summary counts all of them.
 */
export function reportContent({ clean, results }: NamespaceAudit): ReportContent {
  const count = (kind: AuditResult['result']): number => results.filter(({ result }) => result === kind).length;
  return {
    summary: { pass: clean, fail: count('fail'), warn: count('warn'), error: count('error'), skip: count('skip') },
    results: results.slice(0, limits.reportResults).map(reported),
  };
}

function reported({ rule, result, severity: found, target, path, message, help, resources }: AuditResult): object {
  const [category = '', name = ''] = rule?.split('/') ?? ['elfgate', 'readable'];
  return {
    source: 'elfgate',
    policy: rule ?? 'elfgate/readable',
    rule: name,
    category,
    severity: severity[found],
    result,
    scored: result !== 'skip',
    message: shortened(message),
    resources: resources.slice(0, limits.reportResources),
    properties: {
      target: shortened(target),
      path: shortened(path),
      workloads: String(resources.length),
      ...(help === null ? {} : { help: shortened(help) }),
    },
  };
}

function shortened(text: string): string {
  return text.length <= limits.reportText ? text : `${text.slice(0, limits.reportText - 1).toWellFormed()}…`;
}
