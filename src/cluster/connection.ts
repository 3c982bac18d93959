import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { ElfgateError } from '../errors.ts';

/**
 * How the API server is reached: by a kubeconfig, or by the service account of the pod that this program runs in.
 *
 * @param file of the kubeconfig; null for the pod's own account.
 * @throws ElfgateError `unreadable` for a kubeconfig that is none, `usage` outside of a pod.
 */
export function clusterConnection(
  file: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): KubeConfig {
  const config = new KubeConfig();
  if (file !== null) {
    try {
      config.loadFromFile(file);
    } catch (cause) {
      throw new ElfgateError('unreadable', `${file}: is no kubeconfig that can be read`, { cause });
    }
    return config;
  }
  // What Kubernetes gives every container (Accessing the Kubernetes API from a Pod).
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  if (environment.KUBERNETES_SERVICE_HOST === undefined || !existsSync(token)) {
    throw new ElfgateError('usage', 'there is no cluster: this is no pod with a service account', {
      hint: '--kubeconfig FILE names one',
    });
  }
  config.loadFromCluster();
  return config;
}

/** HTTP status of an answer that the client library throws; null for what is no answer. */
export function statusOf(error: unknown): number | null {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number'
    ? error.code
    : null;
}

/** An error of the cluster, without the bodies and headers that the client library puts into its own. */
export function clusterError(what: string, error: unknown): ElfgateError {
  const status = statusOf(error);
  const reason =
    status === null
      ? error instanceof Error
        ? error.message.split('\n', 1)[0]?.slice(0, 200)
        : 'no reason is given'
      : `the API server answers ${status}`;
  return new ElfgateError('unreachable', `${what}: ${reason}`, {
    ...(status === 403 ? { hint: 'the service account lacks a role for it' } : {}),
  });
}
