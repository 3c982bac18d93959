import { availableParallelism, tmpdir } from 'node:os';
import { registryInspector } from '../src/admission/registry-inspector.ts';
import type { RegistryClient } from '../src/image/registry/client.ts';
import { registryClient } from '../src/image/registry/client.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { dockerConfigFiles, dockerCredentials } from '../src/image/registry/docker-config.ts';
import { registrySettings } from '../src/image/registry/settings.ts';
import type { Configuration } from '../src/policy/configuration/configuration.ts';
import { jsonLog } from '../webhook/decision-log.ts';
import { startWebhook, type TlsOrigin } from '../webhook/webhook.ts';
import { factsOnDisk } from './facts-on-disk.ts';
import { policiesFor } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { version } from './version.ts';

export interface ServeOptions extends SharedOptions {
  readonly listen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly plainHttp?: boolean;
  readonly policy?: readonly string[];
  readonly onlyPolicy?: boolean;
  readonly drainDelay: string;
  readonly logLevel: string;
}

/** `elfgate serve`: the admission webhook, until SIGTERM or SIGINT. */
export async function serveCommand(options: ServeOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { env, stdout } = surroundings;
  const { host, port } = addressOf(options.listen);
  const tls = tlsOf(options);
  const drainDelay = secondsOf(options.drainDelay, '--drain-delay');
  const ownCredentials = dockerCredentials(dockerConfigFiles(env), env);
  const ended = Promise.withResolvers<void>();
  process.once('SIGTERM', () => ended.resolve());
  process.once('SIGINT', () => ended.resolve());
  const store = factsOnDisk(env);
  const webhook = await startWebhook({
    host,
    port,
    tls,
    // Searched upward nowhere: a server works with what it is given.
    configurationFile: options.config ?? null,
    loadPolicies: () => policiesFor(options, surroundings),
    inspectorFor: (configuration) =>
      registryInspector({ clientFor: clientsFor(configuration, env), temporaryDirectory: tmpdir(), store }),
    credentialsFor: () => ownCredentials,
    kept: null,
    log: jsonLog(options.logLevel, stdout),
    version: version(),
    traceEndpoint: env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? null,
    // One processor is left for TLS, parsing and registries.
    threads: Math.max(1, availableParallelism() - 1),
    timing: { reloadInterval: 2_000, drainDelay, drainTime: 30_000, inspectionTime: 300_000 },
  });
  await ended.promise;
  await webhook.drain();
  store.close();
  return 0;
}

/** One client for each source of credentials: connections and tokens of one pod's secrets are not another's. */
function clientsFor(
  { registries }: Configuration,
  environment: Surroundings['env'],
): (credentials: CredentialSource) => RegistryClient {
  const clients = new WeakMap<CredentialSource, RegistryClient>();
  return (credentials) => {
    const known = clients.get(credentials);
    if (known !== undefined) {
      return known;
    }
    const client = registryClient({
      registries: registrySettings(registries, []),
      credentials,
      environment,
    });
    clients.set(credentials, client);
    return client;
  };
}

function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw usageError(`--listen ${listen} is no address`, 'as :8443, 127.0.0.1:8443 or [::1]:8443');
  }
  // The unspecified address of IPv6 takes IPv4 as well.
  return { host: host === '' ? '::' : host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

function tlsOf({ tlsCert, tlsKey, clientCa, plainHttp }: ServeOptions): TlsOrigin | null {
  if (plainHttp === true) {
    if (tlsCert !== undefined || tlsKey !== undefined || clientCa !== undefined) {
      throw usageError(
        '--plain-http takes no certificates',
        'leave out --plain-http, or --tls-cert, --tls-key and --client-ca',
      );
    }
    return null;
  }
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError(
      'serve needs a certificate and its key: API servers speak TLS only',
      'elfgate serve --tls-cert tls.crt --tls-key tls.key, or --plain-http behind a proxy',
    );
  }
  return { from: 'files', files: { certificate: tlsCert, key: tlsKey, clientAuthorities: clientCa ?? null } };
}

/** Milliseconds. */
function secondsOf(text: string, option: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 600) {
    throw usageError(`${option} ${text} is no number of seconds up to 600`, `as ${option} 5`);
  }
  return seconds * 1_000;
}
