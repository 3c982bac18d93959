import { createHash } from 'node:crypto';
import type { RuleMetadata, Severity } from '../policy/rule-metadata.ts';
import { type Finding, type Report, type ReportProblem, undecidedReason } from './finding.ts';
import { evidenceLine, filePath } from './place.ts';
import { allPrintable } from './printable.ts';
import { ruleAddress } from './report.ts';
import type { ReportContext } from './report-context.ts';

/**
 * One run of SARIF 2.1.0 (OASIS standard), for code scanning and editors. Rules come with their whole description; a
 * finding that could not be decided is of kind `open`; an exception is a suppression, so that viewers hide and still
 * count it; a file that could not be read is a notification of the invocation.
 */
export function renderSarif(reported: Report, { rules, version }: ReportContext): string {
  const report = allPrintable(reported);
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'elfgate',
            semanticVersion: version,
            informationUri: 'https://elfgate.dev',
            rules: rules.map(descriptorOf),
          },
        },
        // Columns count characters, and no result has any: binaries have no lines.
        columnKind: 'unicodeCodePoints',
        invocations: [
          {
            executionSuccessful: report.problems.length === 0,
            toolExecutionNotifications: report.problems.map(notificationOf),
          },
        ],
        results: report.findings.map((finding) => resultOf(finding, rules)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

function descriptorOf({ id, title, description, severity, sets }: RuleMetadata): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: description || title },
    help: { text: description || title, markdown: description || title },
    helpUri: ruleAddress(id),
    defaultConfiguration: { level: levels[severity] },
    properties: { tags: [id.split('/')[0], ...sets.map((set) => `rule-set:${set}`)] },
  };
}

function resultOf(finding: Finding, rules: readonly RuleMetadata[]): object {
  const { rule, severity, subject, message, evidence, notes, help, exception } = finding;
  const undecided = undecidedReason(finding) !== null;
  const ruleIndex = rules.findIndex(({ id }) => id === rule);
  const text = [message, ...notes, ...(help === null ? [] : [`fix: ${help}`])].join('\n');
  return {
    ruleId: rule,
    ...(ruleIndex === -1 ? {} : { ruleIndex }),
    // Every kind but fail demands the level none (section 3.27.10).
    ...(undecided ? { kind: 'open', level: 'none' } : { kind: 'fail', level: levels[severity] }),
    message: { text },
    locations: [locationOf(subject.target, subject.path, subject.layer)],
    ...(evidence.length === 0
      ? {}
      : {
          relatedLocations: evidence.map((piece, index) => ({
            id: index + 1,
            ...locationOf(piece.target ?? subject.target, piece.path ?? subject.path, null),
            message: { text: evidenceLine(piece, finding) },
          })),
        }),
    partialFingerprints: { 'elfgate/v1': fingerprint(finding) },
    ...(exception === null
      ? {}
      : {
          suppressions: [
            {
              kind: 'external',
              status: 'accepted',
              justification: `${exception.reason} (${exception.owner}, until ${exception.expires})`,
            },
          ],
        }),
  };
}

function locationOf(target: string, path: string, layer: number | null): object {
  return {
    physicalLocation: { artifactLocation: { uri: uriOf(filePath({ target, path })) } },
    logicalLocations: [{ fullyQualifiedName: path === target ? target : `${target} ${path}`, kind: 'object' }],
    ...(layer === null ? {} : { properties: { layer } }),
  };
}

/** What a result is about, and not where it stands: the same finding of the next run has the same one. */
function fingerprint({ rule, subject, message }: Finding): string {
  return createHash('sha256').update([rule, subject.target, subject.path, message].join('\0')).digest('hex');
}

/** A path as a URI reference (RFC 3986): absolute paths become file URIs, relative ones stay relative. */
function uriOf(path: string): string {
  const encoded = path
    .toWellFormed()
    .split('/')
    .map((segment) => encodeURIComponent(segment))
    .join('/');
  return encoded.startsWith('/') ? `file://${encoded}` : encoded;
}

function notificationOf({ target, path, code, message }: ReportProblem): object {
  return {
    level: 'error',
    descriptor: { id: code },
    message: { text: message },
    locations: [locationOf(target, path, null)],
  };
}
