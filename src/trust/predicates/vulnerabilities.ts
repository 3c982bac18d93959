import { limits } from '../../limits.ts';
import { type Json, listIn, numberIn, objectIn, textIn } from './reading.ts';

export type VulnerabilitySeverity = 'critical' | 'high' | 'medium' | 'low' | 'unknown';

export interface Vulnerability {
  readonly id: string;
  readonly severity: VulnerabilitySeverity;
  /** Package and version that it was found in. */
  readonly component: string | null;
}

export interface VulnerabilityScan {
  readonly scanner: string | null;
  /** When it was finished; null when it does not say. */
  readonly finishedAt: string | null;
  readonly vulnerabilities: readonly Vulnerability[];
}

const cosignTypes = ['https://cosign.sigstore.dev/attestation/vuln/v1', 'cosign.sigstore.dev/attestation/vuln/v1'];

/**
 * A vulnerability scan: cosign's own predicate around the report of a scanner, in-toto's, or a report alone (SARIF, Trivy,
 * Grype). Null for other predicates.
 */
export function readVulnerabilityScan(predicateType: string, predicate: unknown): VulnerabilityScan | null {
  const body = objectIn(predicate);
  if (cosignTypes.includes(predicateType)) {
    const scanner = objectIn(body.scanner);
    const found = vulnerabilitiesIn(objectIn(scanner.result));
    return found === null
      ? null
      : {
          scanner: textIn(scanner.uri),
          finishedAt: textIn(objectIn(body.metadata).scanFinishedOn),
          vulnerabilities: found.slice(0, limits.attestedVulnerabilities),
        };
  }
  if (/^https:\/\/in-toto\.io\/attestation\/vulns\/v0\.[12]$/.test(predicateType)) {
    const scanner = objectIn(body.scanner);
    const results = listIn(scanner.result).map(objectIn);
    return {
      scanner: textIn(scanner.uri),
      finishedAt: textIn(objectIn(body.metadata).scanFinishedOn),
      vulnerabilities: results.slice(0, limits.attestedVulnerabilities).map(inTotoVulnerability),
    };
  }
  const found = isReportType(predicateType) ? vulnerabilitiesIn(body) : null;
  return found === null
    ? null
    : { scanner: null, finishedAt: null, vulnerabilities: found.slice(0, limits.attestedVulnerabilities) };
}

function isReportType(predicateType: string): boolean {
  return /sarif|trivy|grype/i.test(predicateType);
}

function inTotoVulnerability(result: Json): Vulnerability {
  const scores = listIn(result.severity).map(objectIn);
  const named = scores.map(({ score }) => severityOf(score)).find((severity) => severity !== 'unknown');
  return {
    id: textIn(result.id) ?? '(unnamed)',
    severity: named ?? scoreSeverity(Number(scores[0]?.score ?? Number.NaN)),
    component: null,
  };
}

function vulnerabilitiesIn(report: Json): readonly Vulnerability[] | null {
  if (Array.isArray(report.runs)) {
    return report.runs.flatMap((run) => sarifResults(objectIn(run)));
  }
  if (Array.isArray(report.matches)) {
    return report.matches.map(objectIn).map((match) => {
      const { id, severity } = objectIn(match.vulnerability);
      return {
        id: textIn(id) ?? '(unnamed)',
        severity: severityOf(severity),
        component: component(objectIn(match.artifact)),
      };
    });
  }
  // Trivy leaves Results out when nothing was scanned, which must not look like nothing found.
  if (Array.isArray(report.Results)) {
    return report.Results.flatMap((result) => listIn(objectIn(result).Vulnerabilities)).map((value) => {
      const { VulnerabilityID, Severity, PkgName, InstalledVersion } = objectIn(value);
      return {
        id: textIn(VulnerabilityID) ?? '(unnamed)',
        severity: severityOf(Severity),
        component: component({ name: PkgName, version: InstalledVersion }),
      };
    });
  }
  return null;
}

function sarifResults(run: Json): readonly Vulnerability[] {
  const rules = new Map(
    listIn(objectIn(objectIn(run.tool).driver).rules)
      .map(objectIn)
      .map((rule) => [textIn(rule.id), objectIn(rule.properties)]),
  );
  return listIn(run.results)
    .map(objectIn)
    .map((result) => ({
      id: textIn(result.ruleId) ?? '(unnamed)',
      // CVSS, as GitHub's code scanning reads it.
      severity: scoreSeverity(Number(rules.get(textIn(result.ruleId))?.['security-severity'] ?? Number.NaN)),
      component: null,
    }));
}

function component({ name, version }: Json): string | null {
  return textIn(name) === null ? null : [name, textIn(version)].filter((part) => part !== null).join(' ');
}

function severityOf(value: unknown): VulnerabilitySeverity {
  const written = String(value).toLowerCase();
  return (['critical', 'high', 'medium', 'low'] as const).find((severity) => severity === written) ?? 'unknown';
}

/** Qualitative ratings of CVSS 3.1, section 5. */
function scoreSeverity(score: number): VulnerabilitySeverity {
  const value = numberIn(score);
  return value === null ? 'unknown' : value >= 9 ? 'critical' : value >= 7 ? 'high' : value >= 4 ? 'medium' : 'low';
}
