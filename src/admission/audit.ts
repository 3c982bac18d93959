import { printable } from '../findings/printable.ts';
import type { CredentialSource } from '../image/registry/credentials.ts';
import { isExempt, settingsFor } from '../policy/configuration/admission.ts';
import type { Severity } from '../policy/rule-metadata.ts';
import { fieldsOf, textOf, valueAt } from '../workload/fields.ts';
import { type PodTemplate, podTemplatesOf } from '../workload/pod-templates.ts';
import type { ImageFacts, InspectedImage } from './image-facts.ts';
import type { AdmissionFinding, AdmissionJudge } from './judge.ts';
import { withinTime } from './within-time.ts';
import { imagesOf } from './workload-documents.ts';

/** A workload, to be named in reports. */
export interface AuditedResource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** A finding, or what could not be judged, with every workload that it is about. */
export interface AuditResult {
  /** null for what could not be judged. */
  readonly rule: string | null;
  readonly severity: Severity;
  readonly result: 'fail' | 'warn' | 'error' | 'skip';
  /** The image, or the kind of the workload; and the file or field in it. */
  readonly target: string;
  readonly path: string;
  readonly message: string;
  readonly help: string | null;
  readonly resources: readonly AuditedResource[];
}

/** What was found in one namespace. */
export interface NamespaceAudit {
  readonly namespace: string;
  readonly workloads: number;
  /** Workloads without any result. */
  readonly clean: number;
  /** The severest first. */
  readonly results: readonly AuditResult[];
}

export interface AuditOptions {
  readonly judge: AdmissionJudge;
  readonly facts: ImageFacts;
  credentialsFor(namespace: string | null, templates: readonly PodTemplate[]): CredentialSource;
  readonly today: Date;
  /** Milliseconds for the images of one workload. */
  readonly patience: number;
}

interface Verdict {
  readonly results: readonly Omit<AuditResult, 'resources'>[];
}

/**
 * Judges workloads as admission would if they came now. Workloads with the same pods are judged once.
 *
 * @throws ElfgateError when the policies cannot be evaluated; an image that cannot be had is a result.
 */
export async function audit(
  workloads: AsyncIterable<{ readonly namespace: string; readonly object: unknown }>,
  options: AuditOptions,
): Promise<readonly NamespaceAudit[]> {
  const { configuration } = options.judge;
  const judged = new Map<string, Promise<Verdict>>();
  const namespaces = new Map<string, Gathered>();
  for await (const { namespace, object } of workloads) {
    if (isExempt(namespace, configuration.admission)) {
      continue;
    }
    const templates = podTemplatesOf(object, configuration.admission.templatePaths);
    const resource = resourceOf(object, namespace);
    const { rules } = settingsFor(namespace, configuration.admission);
    const secrets = templates.map(({ spec }) => [spec.imagePullSecrets, spec.serviceAccount]);
    const key = JSON.stringify([
      templates.map(({ at, spec }) => ({ at, spec })),
      [...rules],
      // Exceptions name workloads; secrets belong to a namespace.
      configuration.exceptions.length > 0 ? resource : null,
      secrets.length > 0 ? namespace : null,
    ]);
    const verdict = judged.get(key) ?? judgeWorkload(object, templates, resource, options);
    judged.set(key, verdict);
    gather(namespaces, resource, await verdict);
  }
  return [...namespaces]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([namespace, { workloads: count, clean, results }]) => ({
      namespace,
      workloads: count,
      clean,
      results: [...results.values()].sort(bySeverity),
    }));
}

async function judgeWorkload(
  object: unknown,
  templates: readonly PodTemplate[],
  { kind, namespace, name }: AuditedResource,
  { judge, facts, credentialsFor, today, patience }: AuditOptions,
): Promise<Verdict> {
  const credentials = credentialsFor(namespace, templates);
  const known = new Map<string, InspectedImage>();
  const unknown: Omit<AuditResult, 'resources'>[] = [];
  await withinTime(patience, async (deadline) => {
    for (const image of imagesOf(templates)) {
      const outcome = await facts.factsOf(image, credentials, deadline);
      if (outcome.outcome === 'known') {
        known.set(image, outcome.image);
      } else {
        unknown.push(
          notJudged(
            image,
            '',
            outcome.outcome === 'failed' ? outcome.error.message : 'it could not be inspected in time',
          ),
        );
      }
    }
  });
  const { findings, problems } = await judge.judge(
    {
      object,
      before: null,
      operation: null,
      request: null,
      namespaceLabels: null,
      name: `${kind} ${namespace}/${name}`,
      templates,
      templatePaths: judge.configuration.admission.templatePaths,
      images: known,
    },
    namespace,
    today,
  );
  return {
    results: [
      ...findings.filter(({ severity }) => severity !== 'info').map((finding) => resultOf(finding, kind)),
      ...unknown,
      ...problems.map(({ target, path, message }) => notJudged(target, path, message)),
    ],
  };
}

function resultOf(finding: AdmissionFinding, kind: string): Omit<AuditResult, 'resources'> {
  const { rule, severity, enforcement, target, path, message, help, exception } = finding;
  return {
    rule,
    severity,
    result: exception !== null ? 'skip' : severity === 'error' && enforcement === 'deny' ? 'fail' : 'warn',
    // Workloads are named as resources: the same finding about several is one result.
    target: target.startsWith(`${kind} `) ? kind : printable(target),
    path: printable(path),
    message: printable(message),
    help: help === null ? null : printable(help),
  };
}

function notJudged(target: string, path: string, message: string): Omit<AuditResult, 'resources'> {
  return {
    rule: null,
    severity: 'error',
    result: 'error',
    target: printable(target),
    path: printable(path),
    message: printable(`cannot be judged: ${message}`),
    help: null,
  };
}

interface Gathered {
  workloads: number;
  clean: number;
  readonly results: Map<string, AuditResult>;
}

function gather(namespaces: Map<string, Gathered>, resource: AuditedResource, { results }: Verdict): void {
  const gathered = namespaces.get(resource.namespace) ?? { workloads: 0, clean: 0, results: new Map() };
  namespaces.set(resource.namespace, gathered);
  gathered.workloads += 1;
  gathered.clean += results.length === 0 ? 1 : 0;
  for (const result of results) {
    const key = JSON.stringify(result);
    const known = gathered.results.get(key);
    gathered.results.set(key, { ...result, resources: [...(known?.resources ?? []), resource] });
  }
}

function resourceOf(object: unknown, namespace: string): AuditedResource {
  const { apiVersion, kind } = fieldsOf(object);
  return {
    apiVersion: textOf(apiVersion) ?? '',
    kind: textOf(kind) ?? '',
    namespace,
    name: textOf(valueAt(object, 'metadata.name')) ?? '',
  };
}

const order = { fail: 0, error: 1, warn: 2, skip: 3 };

function bySeverity(left: AuditResult, right: AuditResult): number {
  return (
    order[left.result] - order[right.result] ||
    compareText(left.rule ?? '', right.rule ?? '') ||
    compareText(left.target, right.target) ||
    compareText(left.path, right.path) ||
    compareText(left.message, right.message)
  );
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
