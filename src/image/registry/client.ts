import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Patience, WritableContentStore } from '../content-store.ts';
import { isRegistry, type Reference } from '../reference.ts';
import type { CredentialSource } from './credentials.ts';
import { type Connections, connections, type Slowness, usualSlowness } from './exchange.ts';
import type { Pace } from './pace.ts';
import { pagesOf } from './pages.ts';
import { RegistryHost } from './registry-host.ts';
import { assertFound, namesIn, repositoryOf } from './repository.ts';
import type { RegistrySettings } from './settings.ts';

export interface RegistryClientOptions {
  /** From `elfgate.yaml` and `--plain-http`; a registry without an entry is asked over TLS, loopback with a fallback. */
  readonly registries: readonly RegistrySettings[];
  readonly credentials: CredentialSource;
  /** Of the process, for HTTPS_PROXY and NO_PROXY. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How hard each registry may be asked; by default as hard as docker does with large images. */
  readonly pace?: Pace;
  /** Told the status of every answer, or null where there was none; for metrics. */
  readonly onAnswer?: (status: number | null) => void;
  /** How slow registries may be; by default as networks are at their worst. */
  readonly slowness?: Slowness;
}

/** Speaks OCI distribution 1.1 with any number of registries; keeps connections, tokens and what each one can do. */
export interface RegistryClient {
  /** One repository. No request is made yet. */
  repository(of: Pick<Reference, 'registry' | 'repository'>): WritableContentStore;
  /** Names of all repositories of a registry (its catalog), as it gives them out, page by page. */
  catalog(registry: string, patience?: Patience): AsyncIterable<string>;
  /** Closes idle connections, so that the process can end. */
  close(): void;
}

const usualPace: Pace = { concurrent: 8, perSecond: null };

/** Makes a client. One serves a whole run; concurrent use is what it is for. */
export function registryClient(options: RegistryClientOptions): RegistryClient {
  const hosts = new Map<string, RegistryHost>();
  const open = told(connections(options.environment, options.slowness ?? usualSlowness), options.onAnswer);
  const settingsOf = (registry: string): RegistrySettings | null =>
    options.registries.find(({ host }) => host === registry) ?? null;

  const hostOf = (registry: string): RegistryHost => {
    const known = hosts.get(registry);
    if (known !== undefined) {
      return known;
    }
    if (!isRegistry(registry)) {
      throw new ElfgateError('usage', `${registry} is no host of a registry`);
    }
    const host = new RegistryHost({
      registry,
      settings: settingsOf(registry),
      credentials: options.credentials,
      connections: open,
      pace: options.pace ?? usualPace,
    });
    hosts.set(registry, host);
    return host;
  };

  return {
    repository({ registry, repository }) {
      const mirrors = (settingsOf(registry)?.mirrors ?? []).map(hostOf);
      return repositoryOf(hostOf(registry), mirrors, repository);
    },
    async *catalog(registry, patience = {}) {
      const scope = { text: 'registry:catalog:*', repository: null };
      let count = 0;
      for await (const answer of pagesOf(hostOf(registry), {
        path: '/v2/_catalog',
        scope,
        what: 'catalog',
        signal: patience.signal,
      })) {
        assertFound(answer, registry, 'catalog');
        for (const name of namesIn(answer, 'repositories', `${registry}: its catalog`)) {
          count += 1;
          if (count > limits.registryListEntries) {
            throw new ElfgateError('limit', `${registry}: has more than ${limits.registryListEntries} repositories`);
          }
          yield name;
        }
      }
    },
    close: () => open.close(),
  };
}

function told(open: Connections, onAnswer: ((status: number | null) => void) | undefined): Connections {
  return onAnswer === undefined
    ? open
    : {
        slowness: open.slowness,
        async send(request, ca) {
          try {
            const answer = await open.send(request, ca);
            onAnswer(answer.status);
            return answer;
          } catch (error) {
            onAnswer(null);
            throw error;
          }
        },
        close: () => open.close(),
      };
}
