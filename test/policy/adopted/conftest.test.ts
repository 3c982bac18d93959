import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { inspectObjects } from '../../../src/admission/inspect-manifest.ts';
import { ElfgateError } from '../../../src/errors.ts';
import type { Namespaces } from '../../../src/policy/adopted/namespaces.ts';
import { compilePolicies } from '../../../src/policy/compile-policies.ts';
import { loadPolicy, type PolicyFinding } from '../../../src/policy/evaluation.ts';
import { directoryOf, engineFiles, opaOptions } from '../scratch.ts';

const engine = directoryOf(engineFiles);

// Of the README of Conftest, in the syntax of its time; the exception is of its documentation.
const deployment = `package main

deny[msg] {
  input.kind == "Deployment"
  not input.spec.template.spec.securityContext.runAsNonRoot

  msg := "Containers must not run as root"
}

deny_selector[msg] {
  input.kind == "Deployment"
  not input.spec.selector.matchLabels.app

  msg := "Containers must provide app label for pod selectors"
}

warn_owner[{"msg": msg, "team": team}] {
  unused := 1
  team := input.metadata.labels.team
  msg := sprintf("%s owns %v", [team, input.metadata.name])
}

exception[rules] {
  input.metadata.name == "legacy"
  rules := ["selector"]
}
`;

const newer = `package kubernetes.images

import data.lib.names

violation contains {"msg": msg} if {
	some container in input.spec.template.spec.containers
	names.untagged(container.image)
	msg := sprintf("%s names no tag", [container.image])
}
`;

const library = `package lib.names

untagged(image) if not contains(image, ":")
`;

const policies = { 'deployment.rego': deployment, 'kubernetes/images.rego': newer, 'lib/names.rego': library };

async function judge(
  files: Readonly<Record<string, string>>,
  facts: readonly unknown[],
  namespaces?: Namespaces,
): Promise<readonly PolicyFinding[]> {
  const bundle = await compilePolicies([engine, directoryOf(files)], {
    ...opaOptions,
    ...(namespaces === undefined ? {} : { namespaces }),
  });
  const on = new Map(bundle.rules.map(({ id }) => [id, { parameters: {} }]));
  const policy = await loadPolicy(bundle, on);
  return facts.flatMap((document) => policy.evaluate(document));
}

function objects(...documents: readonly object[]) {
  const file = join(directoryOf({}), 'shop.yaml');
  writeFileSync(file, documents.map((document) => `---\n${JSON.stringify(document)}\n`).join(''));
  return inspectObjects(file);
}

const deploymentOf = (name: string, image = 'gateway:1'): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, labels: { team: 'shop' } },
  spec: { template: { spec: { containers: [{ name: 'a', image }] } } },
});

const finding = (rule: string, severity: 'error' | 'warning', message: string): PolicyFinding => ({
  rule,
  severity,
  path: '',
  message,
  evidence: [],
  notes: [],
  help: null,
});

test('deny, warn and exception of package main judge Kubernetes objects as Conftest does', async (t) => {
  const owner = (name: string): PolicyFinding => ({
    ...finding('conftest/main', 'warning', `shop owns ${name}`),
    evidence: [{ at: 'warn_owner', label: 'team', value: 'shop' }],
  });
  t.deepEqual(await judge(policies, objects(deploymentOf('web'))), [
    finding('conftest/main', 'error', 'Containers must not run as root'),
    finding('conftest/main', 'error', 'Containers must provide app label for pod selectors'),
    owner('web'),
  ]);
  t.deepEqual(await judge(policies, objects(deploymentOf('legacy'))), [
    finding('conftest/main', 'error', 'Containers must not run as root'),
    owner('legacy'),
  ]);
});

test('other packages are chosen by name, or all of them; a package that states nothing is a library', async (t) => {
  const untagged = finding('conftest/kubernetes.images', 'error', 'gateway names no tag');
  const facts = objects(deploymentOf('web', 'gateway'));
  t.deepEqual(await judge(policies, facts, ['kubernetes.images']), [untagged]);
  t.deepEqual(
    (await judge(policies, facts, 'all')).map(({ rule }) => rule),
    ['conftest/kubernetes.images', 'conftest/main', 'conftest/main', 'conftest/main'],
  );
});

test('over other targets such policies read the facts, and may name the file that they are about', async (t) => {
  const old = `package main

deny contains {"msg": msg, "path": binary.path} if {
	some binary in input.binaries
	startswith(binary.go.version, "go1.1")
	msg := sprintf("built with %s", [binary.go.version])
}
`;
  const facts = { workload: null, binaries: [{ path: 'bin/a', go: { version: 'go1.19' } }] };
  t.deepEqual(await judge({ 'old.rego': old }, [facts]), [
    { ...finding('conftest/main', 'error', 'built with go1.19'), path: 'bin/a' },
  ]);
});

test('a package that is not there, or none that is chosen, is an error and never an empty verdict', async (t) => {
  const refused = async (files: Readonly<Record<string, string>>, namespaces?: Namespaces) => {
    const error = await t.throwsAsync(judge(files, [], namespaces), { instanceOf: ElfgateError, code: 'policy' });
    return error?.message;
  };
  t.is(
    await refused(policies, ['kubernetes.image']),
    'package kubernetes.image states no deny, violation or warn; main, kubernetes.images does',
  );
  t.is(
    await refused({ 'kubernetes/images.rego': newer, 'lib/names.rego': library }),
    'package main states no deny, violation or warn; kubernetes.images does',
  );
});

test('a deny that is no set of messages is an error, and not a rule that found nothing', async (t) => {
  for (const text of [
    'package main\n\ndeny := true\n',
    'package main\n\ndeny contains 1\n',
    'package main\n\ndeny contains {"message": "x"}\n',
  ]) {
    await t.throwsAsync(judge({ 'a.rego': text }, objects(deploymentOf('web'))), {
      instanceOf: ElfgateError,
      code: 'evaluation',
      message: /^rule conftest\/main gave a finding that has no path or no message/,
    });
  }
});
