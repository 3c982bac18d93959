import { AppsV1Api, BatchV1Api, CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { elementsOf, fieldsOf, textOf, valueAt } from '../workload/fields.ts';
import { builtInTemplatePaths, kindOf } from '../workload/pod-templates.ts';
import { clusterError } from './connection.ts';

/** An object that makes pods and belongs to no other such object. */
export interface ClusterWorkload {
  readonly namespace: string;
  readonly object: unknown;
}

interface Page {
  readonly items: readonly object[];
  readonly metadata?: { readonly _continue?: string | undefined } | undefined;
}

/**
 * The workloads of a cluster, those first that others belong to: pods of a Deployment are its own business.
 *
 * @param pageSize objects asked for at a time: etcd answers small questions between others.
 * @throws ElfgateError `unreachable`
 */
export async function* clusterWorkloads(connection: KubeConfig, pageSize: number): AsyncGenerator<ClusterWorkload> {
  const core = connection.makeApiClient(CoreV1Api);
  const apps = connection.makeApiClient(AppsV1Api);
  const batch = connection.makeApiClient(BatchV1Api);
  type Asked = { readonly limit: number; readonly _continue?: string };
  const kinds: readonly (readonly [apiVersion: string, kind: string, list: (asked: Asked) => Promise<Page>])[] = [
    ['apps/v1', 'Deployment', (asked) => apps.listDeploymentForAllNamespaces(asked)],
    ['apps/v1', 'DaemonSet', (asked) => apps.listDaemonSetForAllNamespaces(asked)],
    ['apps/v1', 'StatefulSet', (asked) => apps.listStatefulSetForAllNamespaces(asked)],
    ['apps/v1', 'ReplicaSet', (asked) => apps.listReplicaSetForAllNamespaces(asked)],
    ['batch/v1', 'CronJob', (asked) => batch.listCronJobForAllNamespaces(asked)],
    ['batch/v1', 'Job', (asked) => batch.listJobForAllNamespaces(asked)],
    ['v1', 'ReplicationController', (asked) => core.listReplicationControllerForAllNamespaces(asked)],
    ['v1', 'Pod', (asked) => core.listPodForAllNamespaces(asked)],
  ];
  for (const [apiVersion, kind, list] of kinds) {
    let next: string | undefined;
    do {
      const page = await pageOf(kind, () =>
        list({ limit: pageSize, ...(next === undefined ? {} : { _continue: next }) }),
      );
      for (const item of page.items) {
        const object = { ...item, apiVersion, kind };
        const namespace = textOf(valueAt(object, 'metadata.namespace'));
        if (namespace !== null && !hasListedOwner(object)) {
          yield { namespace, object };
        }
      }
      next = page.metadata?._continue || undefined;
    } while (next !== undefined);
  }
}

async function pageOf(kind: string, list: () => Promise<Page>): Promise<Page> {
  try {
    return await list();
  } catch (error) {
    throw clusterError(`objects of the kind ${kind} cannot be listed`, error);
  }
}

function hasListedOwner(object: object): boolean {
  return elementsOf(valueAt(object, 'metadata.ownerReferences')).some((owner) => {
    const { controller } = fieldsOf(owner);
    return controller === true && Object.hasOwn(builtInTemplatePaths, kindOf(owner));
  });
}
