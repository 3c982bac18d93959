import { availableParallelism, tmpdir } from 'node:os';
import { CustomObjectsApi } from '@kubernetes/client-node';
import { type AuditResult, audit, type NamespaceAudit } from '../src/admission/audit.ts';
import { reportContent } from '../src/admission/audit-report.ts';
import { imageFacts } from '../src/admission/image-facts.ts';
import { admissionJudge } from '../src/admission/judge.ts';
import { pooledEvaluation } from '../src/admission/pooled-evaluation.ts';
import { registryInspector } from '../src/admission/registry-inspector.ts';
import { clusterConnection } from '../src/cluster/connection.ts';
import { policyReports, type ReportGroup } from '../src/cluster/policy-reports.ts';
import { clusterWorkloads } from '../src/cluster/workloads.ts';
import { dockerConfigFiles, dockerCredentials } from '../src/image/registry/docker-config.ts';
import { limits } from '../src/limits.ts';
import { rulesInForce } from '../src/policy/enforcement.ts';
import { credentialsOf } from './cluster-credentials.ts';
import { factsOnDisk } from './facts-on-disk.ts';
import { writeOutput } from './output.ts';
import { configurationFor, policiesFor, programFor } from './policies.ts';
import { clientsFor } from './registry-clients.ts';
import { numberOf } from './scan-setup.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { isTrustAsked, trustInspectorFor } from './trust.ts';

export interface AuditCommandOptions extends SharedOptions {
  readonly kubeconfig?: string;
  readonly pullSecrets?: boolean;
  readonly reports: ReportGroup | 'none';
  readonly pageSize: string;
  readonly failOn: 'error' | 'warning' | 'never';
  readonly policy?: readonly string[];
  readonly onlyPolicy?: boolean;
}

// An audit has time: what takes longer is told as such.
const imageTime = 300_000;

/** `elfgate audit`: what admission would say about everything that a cluster runs already. */
export async function auditCommand(options: AuditCommandOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { env } = surroundings;
  const pageSize = numberOf(options.pageSize, '--page-size');
  const connection = clusterConnection(options.kubeconfig ?? null, env);
  const bundle = await policiesFor(options, surroundings);
  const configuration = await configurationFor(options, surroundings, bundle);
  const inForce = rulesInForce(configuration, bundle.rules);
  const store = factsOnDisk(env);
  const judge = await admissionJudge(
    bundle,
    configuration,
    pooledEvaluation({ threads: Math.max(1, availableParallelism() - 1), program: programFor(surroundings) }),
  );
  const clients = clientsFor(configuration, env, null);
  const facts = imageFacts({
    inspector: registryInspector({
      clientFor: clients.of,
      temporaryDirectory: tmpdir(),
      store,
      trust: isTrustAsked(configuration, bundle.rules, inForce)
        ? trustInspectorFor(configuration, bundle.rules, inForce, {}, surroundings)
        : null,
    }),
    kept: null,
    memoryBytes: limits.factsMemoryBytes,
    inspections: limits.imageInspections,
    inspectionTime: imageTime,
  });
  try {
    const namespaces = await audit(clusterWorkloads(connection, pageSize), {
      judge,
      facts,
      credentialsFor: await credentialsOf(options, dockerCredentials(dockerConfigFiles(env), env), env),
      today: new Date(),
      patience: imageTime,
    });
    if (options.reports !== 'none') {
      const reports = policyReports(connection.makeApiClient(CustomObjectsApi), options.reports, pageSize);
      for (const namespace of namespaces) {
        await reports.write(namespace.namespace, reportContent(namespace));
      }
      await reports.keepOnly(new Set(namespaces.map(({ namespace }) => namespace)));
    }
    await writeOutput(
      options.output === 'json' ? `${JSON.stringify({ namespaces }, null, 2)}\n` : auditText(namespaces),
      options,
      surroundings,
    );
    return exitCodeOf(namespaces, options.failOn);
  } finally {
    facts.close();
    clients.close();
    store.close();
    await judge.close();
  }
}

function auditText(namespaces: readonly NamespaceAudit[]): string {
  const lines = namespaces.flatMap(({ namespace, workloads, clean, results }) => [
    `${namespace}: ${workloads} workloads, ${clean} without a finding`,
    ...results.flatMap(({ result, rule, target, path, message, resources }) => [
      `  ${result} ${rule ?? 'elfgate/readable'}: ${message}`,
      `    ${[target, path].filter((part) => part !== '').join(' ')}`,
      `    in ${resources
        .slice(0, 4)
        .map(({ kind, name }) => `${kind} ${name}`)
        .join(', ')}${resources.length > 4 ? ` and ${resources.length - 4} more` : ''}`,
    ]),
  ]);
  return lines.length === 0 ? 'no workloads\n' : `${lines.join('\n')}\n`;
}

function exitCodeOf(namespaces: readonly NamespaceAudit[], failOn: AuditCommandOptions['failOn']): ExitCode {
  const has = (kind: AuditResult['result']): boolean =>
    namespaces.some(({ results }) => results.some(({ result }) => result === kind));
  if (has('error')) {
    return 2;
  }
  return (failOn !== 'never' && has('fail')) || (failOn === 'warning' && has('warn')) ? 1 : 0;
}
