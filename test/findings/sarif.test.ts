import test from 'ava';
import { renderSarif } from '../../src/findings/sarif.ts';
import { context, hostileSample, sample } from './sample-report.ts';

test('a run of SARIF names its rules, and each finding its rule, place, evidence and standing', (t) => {
  const { version, runs } = JSON.parse(renderSarif(sample, context));
  t.is(version, '2.1.0');
  const [{ tool, results, invocations }] = runs;
  t.like(tool.driver, { name: 'elfgate', semanticVersion: '1.2.3' });
  t.deepEqual(tool.driver.rules[1], {
    id: 'plugin/go-version-match',
    shortDescription: { text: 'plugin and host are built by the same Go toolchain' },
    fullDescription: { text: 'Detects plugin and host are built by the same Go toolchain.' },
    help: {
      text: 'Detects plugin and host are built by the same Go toolchain.',
      markdown: 'Detects plugin and host are built by the same Go toolchain.',
    },
    helpUri: 'https://elfgate.dev/rules/plugin/go-version-match',
    defaultConfiguration: { level: 'error' },
    properties: { tags: ['plugin', 'rule-set:recommended'] },
  });
  t.deepEqual(
    results.map(({ ruleId, ruleIndex, kind, level }: Record<string, unknown>) => [ruleId, ruleIndex, kind, level]),
    [
      ['libc/minimum', 0, 'open', 'none'],
      ['plugin/go-version-match', 1, 'fail', 'error'],
      ['visibility/symbolic', 2, 'fail', 'warning'],
      ['visibility/symbolic', 2, 'fail', 'error'],
    ],
  );
  t.deepEqual(results[1].locations, [
    {
      physicalLocation: { artifactLocation: { uri: 'plugins/audit.so' } },
      logicalLocations: [{ fullyQualifiedName: 'plugins/audit.so', kind: 'object' }],
    },
  ]);
  t.deepEqual(results[1].relatedLocations[1], {
    id: 2,
    physicalLocation: { artifactLocation: { uri: 'bin/gateway' } },
    logicalLocations: [{ fullyQualifiedName: 'bin gateway', kind: 'object' }],
    message: { text: 'host: go1.26.8 (bin/gateway .go.buildinfo+0x10)' },
  });
  t.is(results[2].locations[0].physicalLocation.artifactLocation.uri, 'registry.example.com/gateway/usr/lib/a%20b.so');
  t.deepEqual(results[3].suppressions, [
    { kind: 'external', status: 'accepted', justification: 'replaced next week (platform, until 2027-01-31)' },
  ]);
  t.like(invocations[0], { executionSuccessful: false });
  t.is(invocations[0].toolExecutionNotifications[0].message.text, 'offset 0x40: ends too soon');
});

test('a fingerprint is of what a finding says, whatever stands before it', (t) => {
  const printsOf = (report: typeof sample): readonly unknown[] =>
    JSON.parse(renderSarif(report, context)).runs[0].results.map(
      ({ partialFingerprints }: { partialFingerprints: object }) => partialFingerprints,
    );
  const all = printsOf(sample);
  t.is(new Set(all.map((print) => JSON.stringify(print))).size, 4);
  t.deepEqual(printsOf({ ...sample, findings: sample.findings.slice(1) }), all.slice(1));
});

test('hostile names make URIs that hold nothing but URI characters', (t) => {
  for (const { locations } of JSON.parse(renderSarif(hostileSample, context)).runs[0].results) {
    t.regex(locations[0].physicalLocation.artifactLocation.uri, /^[\w.~!*'()%/-]+$/);
  }
});
