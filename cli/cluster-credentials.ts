import type { PullSecrets } from '../src/cluster/pull-secrets.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import type { Surroundings } from './surroundings.ts';

/** What images of a cluster are read with: elfgate's own credentials, and pull secrets where those may be read. */
export async function credentialsOf(
  { pullSecrets, kubeconfig }: { readonly pullSecrets?: boolean; readonly kubeconfig?: string },
  own: CredentialSource,
  environment: Surroundings['env'],
): Promise<PullSecrets> {
  if (pullSecrets !== true) {
    return () => own;
  }
  const [{ clusterConnection }, secrets, { CoreV1Api }] = await Promise.all([
    import('../src/cluster/connection.ts'),
    import('../src/cluster/pull-secrets.ts'),
    import('@kubernetes/client-node'),
  ]);
  return secrets.pullSecrets(clusterConnection(kubeconfig ?? null, environment).makeApiClient(CoreV1Api), own);
}
