import { fieldsOf, textOf, valueAt } from '../workload/fields.ts';
import type { Container, PodSpec, Profiles } from '../workload/pod-spec.ts';
import { podTemplatesOf, type TemplatePaths } from '../workload/pod-templates.ts';
import { deliverySourcesOf } from '../workload/sources.ts';
import { trafficRoutesOf } from '../workload/traffic.ts';
import { noPredictions } from './no-predictions.ts';
import type { FactsDocument, WorkloadFacts } from './schema.ts';
import { schemaVersion } from './schema-version.ts';

/** What was found in an image, as far as the pod around it is judged by it. */
export interface ImageContents {
  /** Programs that open plugins. */
  readonly hosts: number;
  readonly plugins: number;
}

export interface WorkloadContext {
  /** What is done with the object; null outside of a cluster. */
  readonly operation: 'create' | 'update' | null;
  /** What it was before; null when it is new, or not known. */
  readonly before: unknown;
  /** The labels of its namespace; absent when they are not known. */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /** The AdmissionRequest, for policies that read it. */
  readonly review?: object;
  /** Where further kinds keep their pod templates. */
  readonly templatePaths?: TemplatePaths;
  /** What is in an image, by its reference as written; null when it was not inspected. */
  contentsOf(image: string): ImageContents | null;
}

/**
 * The facts of an object itself, apart from the images that it names: those have documents of their own.
 *
 * @param name names it to people: `Deployment shop/gateway`.
 * @throws ElfgateError `limit` for a pod with more containers than are looked at.
 */
export function workloadDocument(object: unknown, name: string, context: WorkloadContext): FactsDocument {
  return {
    schemaVersion,
    subject: { kind: 'workload', name, digest: null },
    image: null,
    launch: null,
    root: null,
    binaries: [],
    predictions: noPredictions,
    workload: workloadFacts(object, context),
    trust: null,
    problems: [],
  };
}

function workloadFacts(object: unknown, context: WorkloadContext): WorkloadFacts {
  const { apiVersion, kind } = fieldsOf(object);
  const routes = trafficRoutesOf(object);
  return {
    apiVersion: textOf(apiVersion) ?? '',
    kind: textOf(kind) ?? '',
    namespace: textOf(valueAt(object, 'metadata.namespace')),
    name: textOf(valueAt(object, 'metadata.name')),
    operation: context.operation,
    namespaceLabels: context.namespaceLabels ?? null,
    review: context.review ?? null,
    pods: podTemplatesOf(object, context.templatePaths).map(({ at, spec }) => ({
      at,
      hostUsers: spec.hostUsers,
      containers: spec.containers.map((container) => containerFacts(container, spec, at, context)),
    })),
    traffic:
      routes === null
        ? null
        : { before: mutableRoutes(trafficRoutesOf(context.before)), after: mutableRoutes(routes) ?? [] },
    sources: deliverySourcesOf(object).map((source) => ({ ...source })),
  };
}

type Pod = WorkloadFacts['pods'][number];

function containerFacts(
  container: Container,
  pod: PodSpec,
  at: string,
  { contentsOf }: WorkloadContext,
): Pod['containers'][number] {
  const { kind, name, image, allowPrivilegeEscalation, privileged, capabilities, readOnlyRoot } = container;
  return {
    at: [at, 'spec', container.at].filter((part) => part !== '').join('.'),
    kind,
    name,
    image,
    hosts: contentsOf(image)?.hosts ?? null,
    allowPrivilegeEscalation,
    privileged,
    capabilities: [...capabilities],
    readOnlyRoot,
    profiles: effectiveProfiles(container.profiles, pod.profiles),
    mounts: container.mounts.map(({ volume, path, readOnly }) => {
      const mounted = pod.volumes.find((one) => one.name === volume);
      return {
        volume,
        path,
        readOnly: readOnly || mounted?.kind === 'image',
        kind: mounted?.kind ?? null,
        hostPath: mounted?.hostPath ?? null,
        plugins: mounted?.image == null ? null : (contentsOf(mounted.image)?.plugins ?? null),
      };
    }),
  };
}

/** A container's own profile comes before that of its pod (Kubernetes API, SecurityContext). */
function effectiveProfiles(own: Profiles, pod: Profiles): Pod['containers'][number]['profiles'] {
  return {
    seccomp: own.seccomp ?? pod.seccomp,
    appArmor: own.appArmor ?? pod.appArmor,
    seLinux: own.seLinux ?? pod.seLinux,
  };
}

function mutableRoutes(routes: ReturnType<typeof trafficRoutesOf>): NonNullable<WorkloadFacts['traffic']>['before'] {
  return routes?.map(({ at, backends }) => ({ at, backends: backends.map((backend) => ({ ...backend })) })) ?? null;
}
