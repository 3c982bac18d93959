import { type Fields, fieldsOf, textOf, valueAt } from './fields.ts';
import { type PodSpec, podSpecOf } from './pod-spec.ts';

/** A pod, or what pods are made from, inside of an object. */
export interface PodTemplate {
  /** Path of its fields in the object, as `spec.template`; empty where the object is a pod itself. */
  readonly at: string;
  readonly annotations: Fields;
  readonly spec: PodSpec;
}

/** Where objects of a kind keep their pod templates: paths by `KIND.GROUP`, or `KIND` alone for the core group. */
export type TemplatePaths = Readonly<Record<string, readonly string[]>>;

/** Kubernetes' own kinds that make pods. */
export const builtInTemplatePaths: TemplatePaths = {
  Pod: [''],
  PodTemplate: ['template'],
  ReplicationController: ['spec.template'],
  'Deployment.apps': ['spec.template'],
  'ReplicaSet.apps': ['spec.template'],
  'DaemonSet.apps': ['spec.template'],
  'StatefulSet.apps': ['spec.template'],
  'Job.batch': ['spec.template'],
  'CronJob.batch': ['spec.jobTemplate.spec.template'],
};

/**
 * Every pod template of an object; none for kinds that make no pods.
 *
 * @param further kinds of operators, by configuration.
 * @throws ElfgateError `limit` for more containers or volumes than are looked at.
 */
export function podTemplatesOf(object: unknown, further: TemplatePaths = {}): readonly PodTemplate[] {
  const kind = kindOf(object);
  const paths = lookUp(further, kind) ?? lookUp(builtInTemplatePaths, kind) ?? [];
  return paths.flatMap((at) => {
    const template = at === '' ? object : valueAt(object, at);
    return template === undefined || template === null
      ? []
      : [
          {
            at,
            annotations: fieldsOf(valueAt(template, 'metadata.annotations')),
            spec: podSpecOf(fieldsOf(template).spec),
          },
        ];
  });
}

/** `KIND.GROUP`, or `KIND` for the core group. */
export function kindOf(object: unknown): string {
  const { apiVersion, kind } = fieldsOf(object);
  const [group = '', version] = (textOf(apiVersion) ?? '').split('/');
  const name = textOf(kind) ?? '';
  return version === undefined ? name : `${name}.${group}`;
}

function lookUp(paths: TemplatePaths, kind: string): readonly string[] | undefined {
  return Object.hasOwn(paths, kind) ? paths[kind] : undefined;
}
