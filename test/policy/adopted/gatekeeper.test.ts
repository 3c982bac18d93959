import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { dump } from 'js-yaml';
import { inspectObjects } from '../../../src/admission/inspect-manifest.ts';
import { ElfgateError } from '../../../src/errors.ts';
import { importRules } from '../../../src/policy/adopted/import-rules.ts';
import { checkPolicies, compilePolicies } from '../../../src/policy/compile-policies.ts';
import { loadPolicy } from '../../../src/policy/evaluation.ts';
import { parametersWithDefaults } from '../../../src/policy/rule-metadata.ts';
import { directoryOf, engineFiles, opaOptions } from '../scratch.ts';
import { runSuites } from './gatekeeper-suites.ts';

const engine = directoryOf(engineFiles);

// In the manner of the Gatekeeper documentation's first template, with a library.
const labels = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: k8srequiredlabels
  annotations:
    metadata.gatekeeper.sh/title: Required Labels
spec:
  crd:
    spec:
      names:
        kind: K8sRequiredLabels
      validation:
        openAPIV3Schema:
          type: object
          required: [labels]
          properties:
            labels:
              type: array
              items: {type: string}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package k8srequiredlabels

        import data.lib.given

        violation[{"msg": msg, "details": {"missing_labels": missing}}] {
          unused := 1
          required := {label | label := input.parameters.labels[_]}
          missing := required - given.labels(input.review.object)
          any([count(missing) > 0])
          msg := sprintf("you must provide labels: %v", [missing])
        }
      libs:
        - |
          package lib.given

          labels(object) = {label | object.metadata.labels[label]}
`;

// Rego v1, and another library of the same package.
const names = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: k8snames}
spec:
  crd: {spec: {names: {kind: K8sNames}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      code:
        - engine: K8sNativeValidation
          source: {validations: []}
        - engine: Rego
          source:
            version: v1
            rego: |
              package k8snames

              import data.lib.given

              violation contains {"msg": msg} if {
                some name in given.labels
                input.review.object.metadata.name == name
                msg := sprintf("%s is taken", [name])
              }
            libs:
              - |
                package lib.given

                labels := {"taken"}
`;

const constraint = (kind: string, name: string, spec: object): string =>
  dump({ apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind, metadata: { name }, spec });

const object = (kind: string, name: string, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...metadata },
});

async function bundleOf(files: Readonly<Record<string, string>>) {
  return compilePolicies([engine, directoryOf(files)], opaOptions);
}

/** Messages by the name of the object. */
async function violations(files: Readonly<Record<string, string>>, objects: readonly object[]) {
  const bundle = await bundleOf(files);
  const on = bundle.rules.map((rule) => [rule.id, { parameters: parametersWithDefaults(rule, {}) }] as const);
  const policy = await loadPolicy(bundle, new Map(on));
  const file = join(directoryOf({}), 'objects.yaml');
  writeFileSync(file, objects.map((one) => `---\n${dump(one)}`).join(''));
  return inspectObjects(file).flatMap((facts) =>
    policy.evaluate(facts).map(({ rule, message, notes }) => [facts.workload?.name, rule, message, ...notes]),
  );
}

test('templates of both versions of Rego judge objects by their constraints, with libraries of one name', async (t) => {
  const files = {
    'labels.yaml': labels,
    'nested/names.yaml': names,
    'constraints.yaml': [
      constraint('K8sRequiredLabels', 'owner', { parameters: { labels: ['owner'] } }),
      constraint('K8sNames', 'taken', { enforcementAction: 'warn' }),
    ].join('---\n'),
    'values.yaml': 'nothing: of Gatekeeper\n',
  };
  t.deepEqual(await violations(files, [object('Pod', 'taken'), object('Pod', 'b', { labels: { owner: 'me' } })]), [
    ['taken', 'gatekeeper/k8snames.taken', 'taken is taken'],
    ['taken', 'gatekeeper/k8srequiredlabels.owner', 'you must provide labels: {"owner"}'],
  ]);
  const { rules } = await bundleOf(files);
  t.deepEqual(
    rules.map(({ id, title, enforce, parameters }) => ({ id, title, enforce, parameters })),
    [
      { id: 'gatekeeper/k8snames.taken', title: 'K8sNames', enforce: 'warn', parameters: {} },
      {
        id: 'gatekeeper/k8srequiredlabels.owner',
        title: 'Required Labels',
        enforce: 'deny',
        parameters: { labels: { type: 'array', items: { type: 'string' }, default: ['owner'] } },
      },
    ],
  );
});

const objects = [
  object('Namespace', 'shop', { labels: { team: 'a' } }),
  object('Pod', 'in-shop', { namespace: 'shop', labels: { app: 'x' } }),
  object('Pod', 'elsewhere', { namespace: 'kube-system' }),
  { ...object('Deployment', 'web', { namespace: 'shop' }), apiVersion: 'apps/v1' },
  object('Node', 'node-1'),
];

for (const [criteria, match, covered] of [
  ['nothing', {}, ['shop', 'in-shop', 'elsewhere', 'web', 'node-1']],
  ['kinds', { kinds: [{ apiGroups: [''], kinds: ['Pod'] }] }, ['in-shop', 'elsewhere']],
  ['groups', { kinds: [{ apiGroups: ['apps'], kinds: ['*'] }] }, ['web']],
  [
    'namespaces, where an object without one cannot be ruled out',
    { namespaces: ['sh*'] },
    ['shop', 'in-shop', 'web', 'node-1'],
  ],
  ['excluded namespaces', { excludedNamespaces: ['*-system', 'shop'] }, ['node-1']],
  ['the scope of a cluster', { scope: 'Cluster' }, ['shop', 'node-1']],
  ['the scope of namespaces', { scope: 'Namespaced' }, ['in-shop', 'elsewhere', 'web']],
  ['names', { name: '*-1' }, ['node-1']],
  ['labels', { labelSelector: { matchLabels: { app: 'x' } } }, ['in-shop']],
  [
    'label expressions',
    { labelSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['x'] }] } },
    ['shop', 'elsewhere', 'web', 'node-1'],
  ],
  [
    'absent labels',
    {
      labelSelector: {
        matchExpressions: [
          { key: 'app', operator: 'DoesNotExist' },
          { key: 'team', operator: 'Exists' },
        ],
      },
    },
    ['shop'],
  ],
  ['where objects come from', { source: 'Generated' }, []],
  [
    'null for what is not given',
    { kinds: null, name: null, labelSelector: null, scope: 'Cluster' },
    ['shop', 'node-1'],
  ],
] as const) {
  test(`match criteria of a constraint: ${criteria}`, async (t) => {
    const files = {
      'labels.yaml': labels,
      'constraint.yaml': constraint('K8sRequiredLabels', 'never', { match, parameters: { labels: ['absent'] } }),
    };
    t.deepEqual(
      (await violations(files, objects)).map(([name]) => name),
      [...covered],
    );
  });
}

test('labels of a namespace that is not known do not let an object pass, and the finding says so', async (t) => {
  const match = { namespaceSelector: { matchLabels: { team: 'b' } } };
  const files = {
    'labels.yaml': labels,
    'constraint.yaml': constraint('K8sRequiredLabels', 'never', { match, parameters: { labels: ['absent'] } }),
  };
  const rule = 'gatekeeper/k8srequiredlabels.never';
  const message = 'you must provide labels: {"absent"}';
  t.deepEqual(await violations(files, objects), [
    [
      'elsewhere',
      rule,
      message,
      'the constraint selects namespaces by label, and the labels of namespace kube-system are not known',
    ],
    ['node-1', rule, message],
  ]);
});

test('enforcement actions, those of scopes included', async (t) => {
  const scoped = (...entries: readonly (readonly [string, string])[]): object => ({
    enforcementAction: 'scoped',
    scopedEnforcementActions: entries.map(([action, name]) => ({ action, enforcementPoints: [{ name }] })),
  });
  const specs = {
    a: {},
    b: { enforcementAction: 'dryrun' },
    c: scoped(['warn', '*'], ['deny', 'audit.gatekeeper.sh']),
    d: scoped(['warn', '*'], ['deny', 'validation.gatekeeper.sh']),
  };
  const { rules } = await bundleOf({
    'labels.yaml': labels,
    'constraints.yaml': Object.entries(specs)
      .map(([name, spec]) => constraint('K8sRequiredLabels', name, { ...spec, parameters: { labels: [] } }))
      .join('---\n'),
  });
  t.deepEqual(
    rules.map(({ enforce }) => enforce),
    ['deny', 'dry-run', 'warn', 'deny'],
  );
});

const badConstraint = constraint('K8sRequiredLabels', 'a', { parameters: { labels: 'owner' } });
const good = constraint('K8sRequiredLabels', 'a', { parameters: { labels: [] } });
const refusals: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    'a constraint whose parameters break the schema',
    { 'a.yaml': labels, 'b.yaml': badConstraint },
    /b\.yaml:7:5: labels of K8sRequiredLabels a must be array$/,
  ],
  [
    'a constraint without the parameters that are required',
    { 'a.yaml': labels, 'b.yaml': constraint('K8sRequiredLabels', 'a', {}) },
    /b\.yaml:\d+:\d+: parameters of K8sRequiredLabels a must have required properties labels$/,
  ],
  ['a constraint without a template', { 'b.yaml': good }, /b\.yaml:2:1: there is no template of K8sRequiredLabels$/],
  [
    'a template without any constraint',
    { 'a.yaml': labels },
    /a\.yaml: no constraint of kind K8sRequiredLabels, so it would judge nothing$/,
  ],
  [
    'two constraints of one name',
    { 'a.yaml': labels, 'b.yaml': good, 'c.yaml': good },
    /are both constraint k8srequiredlabels\.a$/,
  ],
  [
    'two templates of one kind',
    { 'a.yaml': labels, 'b.yaml': labels, 'c.yaml': good },
    /are both templates of K8sRequiredLabels$/,
  ],
  [
    'another enforcement action',
    {
      'a.yaml': labels,
      'b.yaml': constraint('K8sRequiredLabels', 'a', { enforcementAction: 'block', parameters: { labels: [] } }),
    },
    /enforcementAction must be deny, warn, dryrun or scoped, not "block"$/,
  ],
  [
    'a template that reads the rest of the cluster',
    { 'a.yaml': labels.replace('unused := 1', 'data.inventory.cluster'), 'b.yaml': good },
    /a\.yaml:28:16: data\.inventory, the other objects of the cluster, is not known here\n {2}28 | {3}data\.inventory\.cluster\n/,
  ],
  [
    'a template that asks other servers',
    { 'a.yaml': labels.replace('unused := 1', 'external_data({})'), 'b.yaml': good },
    /a\.yaml:28:3: undefined function external_data\n/,
  ],
  [
    'a template of CEL alone',
    { 'a.yaml': names.replace('engine: Rego', 'engine: Other'), 'b.yaml': constraint('K8sNames', 'a', {}) },
    /is written for K8sNativeValidation, Other, and elfgate evaluates Rego$/,
  ],
  [
    'a template whose Rego does not parse',
    { 'a.yaml': labels.replace('unused := 1', 'unused := '), 'b.yaml': good },
    /a\.yaml:2[89]:\d+: /,
  ],
  ['YAML that is none', { 'a.yaml': `${labels}\n  x: [`, 'b.yaml': good }, /a\.yaml:\d+:\d+: /],
];

for (const [what, files, message] of refusals) {
  test(`${what} is an error, with its place`, async (t) => {
    await t.throwsAsync(bundleOf(files), { instanceOf: ElfgateError, code: 'policy', message });
  });
}

test('the Gatekeeper library: what needs no data of the cluster decides as its suites assert', async (t) => {
  const directory = process.env.ELFGATE_GATEKEEPER_LIBRARY;
  if (directory === undefined) {
    t.log('not run: ELFGATE_GATEKEEPER_LIBRARY names no checkout of open-policy-agent/gatekeeper-library');
    t.pass();
    return;
  }
  t.timeout(300_000);
  const results = await runSuites(directory);
  t.deepEqual(
    results.filter(({ outcome }) => outcome === 'different'),
    [],
  );
  t.true(results.filter(({ outcome }) => outcome === 'as-asserted').length > 200);
});

test('an imported constraint is a folder of a rule that judges as the template does', async (t) => {
  const sources = directoryOf({
    'labels.yaml': labels.replace('unused := 1', 'all([true, count(input.review.object) > 0])'),
    'constraint.yaml': constraint('K8sRequiredLabels', 'owner', { parameters: { labels: ['owner'] } }),
  });
  const files = await importRules([sources], opaOptions);
  t.deepEqual(Object.keys(files), [
    'gatekeeper/k8srequiredlabels.owner/k8srequiredlabels.owner.rego',
    'gatekeeper/k8srequiredlabels.owner/library-0.rego',
    'gatekeeper/k8srequiredlabels.owner/template.rego',
  ]);
  t.deepEqual((await checkPolicies([engine, directoryOf(files)], opaOptions)).problems, []);
  t.deepEqual(await violations(files, [object('Pod', 'a')]), [
    ['a', 'gatekeeper/k8srequiredlabels.owner', 'you must provide labels: {"owner"}'],
  ]);
});

test('what holds no constraint cannot be imported', async (t) => {
  await t.throwsAsync(importRules([directoryOf({ 'a.yaml': 'a: 1\n' })], opaOptions), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: /holds no constraint of Gatekeeper$/,
  });
});
