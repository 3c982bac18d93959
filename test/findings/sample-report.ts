import type { Finding, Report } from '../../src/findings/finding.ts';
import type { ReportContext } from '../../src/findings/report-context.ts';
import type { RuleMetadata } from '../../src/policy/rule-metadata.ts';

const rule = (id: string, title: string, severity: RuleMetadata['severity']): RuleMetadata => ({
  id,
  title,
  description: `Detects ${title}.`,
  severity,
  enforce: 'deny',
  facts: [],
  parameters: {},
  sets: ['recommended'],
  relatedResources: [],
  file: `${id}/${id.split('/')[1]}.rego`,
});

export const context: ReportContext = {
  rules: [
    rule('libc/minimum', 'the C library is new enough', 'error'),
    rule('plugin/go-version-match', 'plugin and host are built by the same Go toolchain', 'error'),
    rule('visibility/symbolic', 'an object does not bind to itself first', 'warning'),
    rule('visibility/unique', 'a plugin can be unloaded', 'warning'),
  ],
  failOn: 'error',
  version: '1.2.3',
  color: false,
  columns: null,
};

const finding = (given: Partial<Finding> & Pick<Finding, 'rule' | 'severity' | 'message'>): Finding => ({
  subject: { target: 'plugins/audit.so', path: 'plugins/audit.so', layer: null },
  evidence: [],
  notes: [],
  help: null,
  docs: `https://elfgate.dev/rules/${given.rule}`,
  exception: null,
  ...given,
});

/** One finding of each standing in two targets, and a file that could not be read. */
export const sample: Report = {
  targets: ['plugins/audit.so', 'registry.example.com/gateway'],
  findings: [
    finding({
      rule: 'libc/minimum',
      severity: 'info',
      message: 'cannot tell because nothing says which glibc is there',
    }),
    finding({
      rule: 'plugin/go-version-match',
      severity: 'error',
      message: 'plugin and host were built by different Go toolchains; plugin.Open will kill the host',
      evidence: [
        { at: '.go.buildinfo+0x10', label: 'plugin', value: 'go1.25.5' },
        { at: '.go.buildinfo+0x10', label: 'host', value: 'go1.26.8', target: 'bin', path: 'gateway' },
      ],
      notes: ['outcome: fatal error'],
      help: 'GOTOOLCHAIN=go1.26.8 go build -buildmode=plugin …',
    }),
    finding({
      rule: 'visibility/symbolic',
      severity: 'warning',
      message: 'binds to itself first',
      subject: { target: 'registry.example.com/gateway', path: 'usr/lib/a b.so', layer: 3 },
    }),
    finding({
      rule: 'visibility/symbolic',
      severity: 'error',
      message: 'is known',
      subject: { target: 'registry.example.com/gateway', path: 'usr/lib/known.so', layer: 1 },
      exception: { reason: 'replaced next week', owner: 'platform', expires: '2027-01-31' },
    }),
  ],
  summary: { targets: 2, binaries: 4, error: 1, warning: 1, info: 1, undecided: 1, excepted: 1 },
  problems: [
    {
      target: 'registry.example.com/gateway',
      path: 'usr/lib/cut.so',
      code: 'malformed',
      message: 'offset 0x40: ends too soon',
    },
  ],
};

/** Text that would end an element, an attribute, a command or a line, colour a terminal, or is no text at all. */
export const hostile = `</td><script>alert("1")</script>&amp;'\n::error::x,%0A]]>\u001b[31m\u202e\ud800\ufffe`;

/** The sample with hostile text wherever the text comes from a file. */
export const hostileSample: Report = {
  ...sample,
  targets: [hostile],
  findings: sample.findings.map((one) => ({
    ...one,
    subject: { ...one.subject, target: hostile, path: `x${hostile}` },
    message: `needs ${hostile}`,
    evidence: [{ at: hostile, label: hostile, value: hostile, path: hostile }],
    notes: [hostile],
    help: hostile,
    exception: one.exception && { reason: hostile, owner: hostile, expires: '2027-01-31' },
  })),
  problems: [{ target: hostile, path: hostile, code: 'malformed', message: hostile }],
};
