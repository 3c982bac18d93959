import { CustomObjectsApi, type KubeConfig } from '@kubernetes/client-node';
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

/** Writes the report of a namespace, in the place of the one before. */
export type WriteReport = (namespace: string, content: ReportContent) => Promise<void>;

const name = 'elfgate';

export function reportWriter(connection: KubeConfig, reports: ReportGroup): WriteReport {
  const api = connection.makeApiClient(CustomObjectsApi);
  const { group, version, plural, kind } = resources[reports];
  return async (namespace, content) => {
    const place = { group, version, plural, namespace };
    const body = (resourceVersion: string | null): object => ({
      apiVersion: `${group}/${version}`,
      kind,
      metadata: {
        name,
        namespace,
        labels: { 'app.kubernetes.io/managed-by': 'elfgate' },
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
