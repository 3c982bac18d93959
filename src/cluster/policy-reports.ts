import type { CustomObjectsApi } from '@kubernetes/client-node';
import { clusterError, statusOf } from './connection.ts';

/** Whose custom resources hold reports. Both have the same fields. */
export type ReportGroup = 'wgpolicyk8s' | 'openreports';

const resources = {
  wgpolicyk8s: { group: 'wgpolicyk8s.io', version: 'v1alpha2', plural: 'policyreports', kind: 'PolicyReport' },
  openreports: { group: 'openreports.io', version: 'v1alpha1', plural: 'reports', kind: 'Report' },
} as const;

/** What a report says, as its schema has it. */
export interface ReportContent {
  readonly summary: Readonly<Record<'pass' | 'fail' | 'warn' | 'error' | 'skip', number>>;
  readonly results: readonly object[];
}

/** The reports of a cluster, one a namespace. */
export interface PolicyReports {
  /** Writes the report of a namespace, in the place of the one before. @throws ElfgateError `unreachable` */
  write(namespace: string, content: ReportContent): Promise<void>;
  /**
   * Deletes the reports of all other namespaces: where nothing is judged any more, because it is empty or exempt now, the
   * findings of the last time would stay for ever.
   *
   * @throws ElfgateError `unreachable`
   */
  keepOnly(namespaces: ReadonlySet<string>): Promise<void>;
}

type ReportsApi = Pick<
  CustomObjectsApi,
  | 'getNamespacedCustomObject'
  | 'createNamespacedCustomObject'
  | 'replaceNamespacedCustomObject'
  | 'deleteNamespacedCustomObject'
  | 'listCustomObjectForAllNamespaces'
>;

const name = 'elfgate';
const label = { key: 'app.kubernetes.io/managed-by', value: 'elfgate' };

/** @param pageSize reports asked for at a time. */
export function policyReports(api: ReportsApi, reports: ReportGroup, pageSize: number): PolicyReports {
  const { group, version, plural, kind } = resources[reports];
  const write: PolicyReports['write'] = async (namespace, content) => {
    const place = { group, version, plural, namespace };
    const body = (resourceVersion: string | null): object => ({
      apiVersion: `${group}/${version}`,
      kind,
      metadata: {
        name,
        namespace,
        labels: { [label.key]: label.value },
        ...(resourceVersion === null ? {} : { resourceVersion }),
      },
      ...content,
    });
    try {
      const before = await unlessAbsent(() => api.getNamespacedCustomObject({ ...place, name }));
      await (before === null
        ? api.createNamespacedCustomObject({ ...place, body: body(null) })
        : api.replaceNamespacedCustomObject({ ...place, name, body: body(before.metadata?.resourceVersion ?? null) }));
    } catch (error) {
      throw clusterError(`the ${kind} of the namespace ${namespace} cannot be written`, error);
    }
  };
  const written = async (): Promise<readonly string[]> => {
    const namespaces: string[] = [];
    let next: string | undefined;
    do {
      const page: ReportPage = await api.listCustomObjectForAllNamespaces({
        group,
        version,
        resourcePlural: plural,
        labelSelector: `${label.key}=${label.value}`,
        limit: pageSize,
        ...(next === undefined ? {} : { _continue: next }),
      });
      namespaces.push(
        ...page.items.flatMap(({ metadata }) =>
          metadata?.name === name && metadata.namespace !== undefined ? [metadata.namespace] : [],
        ),
      );
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
    return namespaces;
  };
  return {
    write,
    async keepOnly(namespaces) {
      try {
        for (const namespace of await written()) {
          if (!namespaces.has(namespace)) {
            // A namespace on its way out has deleted it already.
            await unlessAbsent(() => api.deleteNamespacedCustomObject({ group, version, plural, namespace, name }));
          }
        }
      } catch (error) {
        throw clusterError(`the ${kind}s of namespaces in which nothing is judged cannot be deleted`, error);
      }
    },
  };
}

interface ReportPage {
  readonly items: readonly { readonly metadata?: { readonly name?: string; readonly namespace?: string } }[];
  readonly metadata?: { readonly continue?: string };
}

async function unlessAbsent(
  read: () => Promise<{ readonly metadata?: { readonly resourceVersion?: string } }>,
): Promise<{ readonly metadata?: { readonly resourceVersion?: string } } | null> {
  try {
    return await read();
  } catch (error) {
    if (statusOf(error) === 404) {
      return null;
    }
    throw error;
  }
}
