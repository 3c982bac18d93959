import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { cacheDirectory } from '../../cli/directories.js';
import { inspect } from '../../src/facts/inspect.ts';
import type { ImageAccess } from '../../src/facts/inspected-target.ts';
import type { FactsDocument } from '../../src/facts/schema.ts';
import { type ImageContents, workloadDocument } from '../../src/facts/workload-facts.ts';
import type { Finding } from '../../src/findings/finding.ts';
import { reportOn } from '../../src/findings/report.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { rulesInForce } from '../../src/policy/enforcement.ts';
import { loadPolicy } from '../../src/policy/evaluation.ts';
import type { PolicyBundle } from '../../src/policy/policy-bundle.ts';
import { type ArtifactName, artifacts } from '../lab/lab.ts';
import type { CaseWorkload, RuleCase } from './rule-cases.ts';

let compiled: Promise<PolicyBundle> | undefined;

/** The policies of this checkout, compiled once for all tests of a file. */
export function checkoutPolicies(): Promise<PolicyBundle> {
  compiled ??= compilePolicies([join(import.meta.dirname, '..', '..', 'policies')], {
    cacheDirectory: cacheDirectory(process.env),
    environment: process.env,
  });
  return compiled;
}

/** Facts documents of a case, or why its binaries cannot be had on this machine. */
export async function factsOfCase(
  ruleCase: RuleCase,
): Promise<
  | { readonly available: true; readonly documents: readonly FactsDocument[] }
  | { readonly available: false; readonly reason: string }
> {
  if (ruleCase.workload !== undefined) {
    return factsOfWorkload(ruleCase.workload);
  }
  if (ruleCase.made !== undefined) {
    return { available: true, documents: await ruleCase.made() };
  }
  const names: ArtifactName[] = ruleCase.targets.map(({ artifact }) => artifact);
  const lab = await artifacts(names);
  if (!lab.available) {
    return lab;
  }
  const targets = ruleCase.targets.map(({ artifact, role }) => ({
    name: `${artifact.startsWith('image/') ? 'oci:' : ''}${lab.path[artifact] ?? ''}`,
    role: role ?? null,
  }));
  return { available: true, documents: await inspect(targets, { symbols: 'counted', images: async () => images }) };
}

// Images of the lab lie in directories: no registry is asked, and nothing is kept.
const images: ImageAccess = {
  platform: null,
  registries: registryClient({ registries: [], credentials: anonymous, environment: {} }),
  temporaryDirectory: tmpdir(),
  store: null,
};

async function factsOfWorkload({ manifest, before, images }: CaseWorkload): ReturnType<typeof factsOfCase> {
  const lab = await artifacts(Object.values(images));
  if (!lab.available) {
    return lab;
  }
  const contents = new Map<string, ImageContents>();
  for (const [image, name] of Object.entries(images)) {
    const [document] = await inspect([{ name: lab.path[name] ?? '', role: null }], { symbols: 'counted' });
    const count = (role: string): number => document?.binaries.filter((binary) => binary.role === role).length ?? 0;
    contents.set(image, { hosts: count('host'), plugins: count('plugin') });
  }
  const facts = workloadDocument(readManifest(manifest), manifest, {
    operation: before === undefined ? null : 'update',
    before: before === undefined ? null : readManifest(before),
    contentsOf: (image) => contents.get(image) ?? null,
  });
  return { available: true, documents: [facts] };
}

function readManifest(name: string): unknown {
  return load(readFileSync(join(import.meta.dirname, 'manifests', name), 'utf8'));
}

/** What one rule finds in documents. */
export async function findingsOfRule(
  rule: string,
  documents: readonly FactsDocument[],
  parameters: Readonly<Record<string, unknown>>,
): Promise<readonly Finding[]> {
  const bundle = await checkoutPolicies();
  const configuration = {
    ...defaultConfiguration,
    ruleSet: 'none' as const,
    rules: new Map([[rule, { enforce: null, parameters }]]),
  };
  const inForce = rulesInForce(configuration, bundle.rules);
  const policy = await loadPolicy(bundle, inForce);
  return reportOn(documents, { policy, configuration, inForce, today: new Date() }).findings;
}
