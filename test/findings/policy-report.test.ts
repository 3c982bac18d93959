import test from 'ava';
import { load } from 'js-yaml';
import { renderPolicyReport } from '../../src/findings/policy-report.ts';
import { context, hostile, hostileSample, sample } from './sample-report.ts';

test('findings, silent rules and unread files are results of a PolicyReport', (t) => {
  const docs = 'https://elfgate.dev/rules';
  t.deepEqual(load(renderPolicyReport(sample, context)), {
    apiVersion: 'wgpolicyk8s.io/v1alpha2',
    kind: 'PolicyReport',
    metadata: { name: 'elfgate' },
    summary: { pass: 1, fail: 1, warn: 1, error: 2, skip: 1 },
    results: [
      {
        source: 'elfgate',
        policy: 'libc/minimum',
        rule: 'minimum',
        category: 'libc',
        severity: 'low',
        result: 'error',
        scored: true,
        message: 'cannot tell because nothing says which glibc is there',
        properties: { target: 'plugins/audit.so', path: 'plugins/audit.so', docs: `${docs}/libc/minimum` },
      },
      {
        source: 'elfgate',
        policy: 'plugin/go-version-match',
        rule: 'go-version-match',
        category: 'plugin',
        severity: 'high',
        result: 'fail',
        scored: true,
        message: 'plugin and host were built by different Go toolchains; plugin.Open will kill the host',
        properties: {
          target: 'plugins/audit.so',
          path: 'plugins/audit.so',
          'evidence.1': 'plugin: go1.25.5 (.go.buildinfo+0x10)',
          'evidence.2': 'host: go1.26.8 (bin/gateway .go.buildinfo+0x10)',
          help: 'GOTOOLCHAIN=go1.26.8 go build -buildmode=plugin …',
          docs: `${docs}/plugin/go-version-match`,
        },
      },
      {
        source: 'elfgate',
        policy: 'visibility/symbolic',
        rule: 'symbolic',
        category: 'visibility',
        severity: 'medium',
        result: 'warn',
        scored: true,
        message: 'binds to itself first',
        properties: {
          target: 'registry.example.com/gateway',
          path: 'usr/lib/a b.so',
          layer: '3',
          docs: `${docs}/visibility/symbolic`,
        },
      },
      {
        source: 'elfgate',
        policy: 'visibility/symbolic',
        rule: 'symbolic',
        category: 'visibility',
        severity: 'high',
        result: 'skip',
        scored: false,
        message: 'is known',
        properties: {
          target: 'registry.example.com/gateway',
          path: 'usr/lib/known.so',
          layer: '1',
          exception: 'replaced next week (platform, until 2027-01-31)',
          docs: `${docs}/visibility/symbolic`,
        },
      },
      { source: 'elfgate', policy: 'visibility/unique', rule: 'unique', category: 'visibility', result: 'pass' },
      {
        source: 'elfgate',
        policy: 'elfgate/readable',
        result: 'error',
        message: 'malformed: offset 0x40: ends too soon',
        properties: { target: 'registry.example.com/gateway', path: 'usr/lib/cut.so' },
      },
    ],
  });
});

test('hostile names stay texts of one document', (t) => {
  const report = load(renderPolicyReport(hostileSample, context)) as {
    readonly results: readonly { readonly message?: string; readonly properties?: { readonly target: string } }[];
  };
  t.is(report.results[0]?.properties?.target.slice(0, 20), hostile.slice(0, 20));
});
