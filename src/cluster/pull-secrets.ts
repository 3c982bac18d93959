import type { CoreV1Api } from '@kubernetes/client-node';
import { LRUCache } from 'lru-cache';
import { type CredentialSource, firstOf } from '../image/registry/credentials.ts';
import { parseDockerConfig, pullSecretCredentials } from '../image/registry/docker-config.ts';
import { limits } from '../limits.ts';
import type { PodTemplate } from '../workload/pod-templates.ts';
import { clusterError, statusOf } from './connection.ts';

/** What pods of a namespace may pull images with. */
export type PullSecrets = (namespace: string | null, templates: readonly PodTemplate[]) => CredentialSource;

/**
 * Credentials as the kubelet finds them: the pod's imagePullSecrets, and those of its service account where the pod names
 * none; then elfgate's own.
 *
 * Pods that name the same secrets get the same source, so that connections and tokens are shared among them.
 *
 * @param own for registries that no secret knows.
 */
export function pullSecrets(
  api: Pick<CoreV1Api, 'readNamespacedSecret' | 'readNamespacedServiceAccount'>,
  own: CredentialSource,
): PullSecrets {
  const sources = new LRUCache<string, CredentialSource>({ max: limits.pullSecretSets });
  const secrets = new LRUCache<string, Promise<CredentialSource | null>>({
    max: limits.pullSecretSets,
    ttl: limits.pullSecretMilliseconds,
  });
  const accounts = new LRUCache<string, Promise<readonly string[]>>({
    max: limits.pullSecretSets,
    ttl: limits.pullSecretMilliseconds,
  });

  const secretOf = (namespace: string, name: string): Promise<CredentialSource | null> =>
    remembered(secrets, `${namespace}/${name}`, async () => {
      const secret = await unlessAbsent(`the secret ${namespace}/${name}`, () =>
        api.readNamespacedSecret({ namespace, name }),
      );
      const encoded = secret?.data?.['.dockerconfigjson'] ?? secret?.data?.['.dockercfg'];
      return encoded === undefined
        ? null
        : pullSecretCredentials(
            parseDockerConfig(Buffer.from(encoded, 'base64').toString(), `the secret ${namespace}/${name}`),
          );
    });

  const secretsOfAccount = (namespace: string, name: string): Promise<readonly string[]> =>
    remembered(accounts, `${namespace}/${name}`, async () => {
      const account = await unlessAbsent(`the service account ${namespace}/${name}`, () =>
        api.readNamespacedServiceAccount({ namespace, name }),
      );
      return (account?.imagePullSecrets ?? []).flatMap(({ name: secret }) => secret ?? []);
    });

  return (namespace, templates) => {
    if (namespace === null) {
      return own;
    }
    const pods = templates.map(({ spec }) => ({
      secrets: spec.imagePullSecrets,
      account: spec.serviceAccount ?? 'default',
    }));
    const key = JSON.stringify([namespace, pods]);
    const known = sources.get(key);
    if (known !== undefined) {
      return known;
    }
    const source: CredentialSource = {
      async credentialsFor(registry, repository) {
        const found: CredentialSource[] = [];
        for (const { secrets: named, account } of pods) {
          // The admission plugin ServiceAccount copies them into pods, and not into the templates of workloads.
          for (const name of named.length > 0 ? named : await secretsOfAccount(namespace, account)) {
            const secret = await secretOf(namespace, name);
            if (secret !== null) {
              found.push(secret);
            }
          }
        }
        return firstOf([...found, own]).credentialsFor(registry, repository);
      },
    };
    sources.set(key, source);
    return source;
  };
}

/** One request for all who ask for the same; a failure is not remembered. */
function remembered<Value>(
  cache: LRUCache<string, Promise<Value>>,
  key: string,
  load: () => Promise<Value>,
): Promise<Value> {
  const known = cache.get(key);
  if (known !== undefined) {
    return known;
  }
  const loading = load();
  cache.set(key, loading);
  loading.catch(() => cache.delete(key));
  return loading;
}

/** null for what is not there: the kubelet goes on without it. */
async function unlessAbsent<Value>(what: string, read: () => Promise<Value>): Promise<Value | null> {
  try {
    return await read();
  } catch (error) {
    if (statusOf(error) === 404) {
      return null;
    }
    throw clusterError(what, error);
  }
}
