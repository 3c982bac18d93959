import { LRUCache } from 'lru-cache';
import { type RegistryClient, registryClient } from '../src/image/registry/client.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { registrySettings } from '../src/image/registry/settings.ts';
import { limits } from '../src/limits.ts';
import type { Configuration } from '../src/policy/configuration/configuration.ts';
import type { Surroundings } from './surroundings.ts';

/** One client for each source of credentials: connections and tokens of one pod's secrets are not another's. */
export interface RegistryClients {
  of(credentials: CredentialSource): RegistryClient;
  close(): void;
}

export function clientsFor(
  { registries }: Configuration,
  environment: Surroundings['env'],
  onAnswer: ((status: number | null) => void) | null,
): RegistryClients {
  const clients = new LRUCache<CredentialSource, RegistryClient>({
    max: limits.pullSecretSets,
    dispose: (client) => client.close(),
  });
  return {
    of(credentials) {
      const known = clients.get(credentials);
      if (known !== undefined) {
        return known;
      }
      const client = registryClient({
        registries: registrySettings(registries, []),
        credentials,
        environment,
        ...(onAnswer === null ? {} : { onAnswer }),
      });
      clients.set(credentials, client);
      return client;
    },
    close: () => clients.clear(),
  };
}
