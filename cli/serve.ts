import { readFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { registryInspector } from '../src/admission/registry-inspector.ts';
import { dockerConfigFiles, dockerCredentials } from '../src/image/registry/docker-config.ts';
import { rulesInForce } from '../src/policy/enforcement.ts';
import { jsonLog } from '../webhook/decision-log.ts';
import { startWebhook, type TlsOrigin, type WebhookOptions } from '../webhook/webhook.ts';
import { credentialsOf } from './cluster-credentials.ts';
import { factsOnDisk } from './facts-on-disk.ts';
import { type PolicyOptions, policiesFor, programFor } from './policies.ts';
import { clientsFor } from './registry-clients.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { isTrustAsked, trustInspectorFor } from './trust.ts';
import { version } from './version.ts';

export interface ServeOptions extends SharedOptions, PolicyOptions {
  readonly listen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly plainHttp?: boolean;
  readonly selfSigned?: readonly string[];
  readonly certificateSecret?: string;
  readonly webhookConfiguration: string;
  readonly pullSecrets?: boolean;
  readonly nodeProfiles?: boolean;
  readonly kubeconfig?: string;
  readonly drainDelay: string;
  readonly logLevel: string;
}

/** `elfgate serve`: the admission webhook, until SIGTERM or SIGINT. */
export async function serveCommand(options: ServeOptions, surroundings: Surroundings): Promise<ExitCode> {
  const { env, stdout } = surroundings;
  // Of a server, --plain-http says how it listens, and of no registry how it is asked.
  const { plainHttp: _listening, ...policyOptions } = options;
  const { host, port } = addressOf(options.listen);
  const tls = await tlsOf(options, env);
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
    loadPolicies: () => policiesFor(policyOptions, surroundings),
    inspectorFor: (configuration, rules, onRegistryAnswer) => {
      const inForce = rulesInForce(configuration, rules);
      return registryInspector({
        clientFor: clientsFor(configuration, env, onRegistryAnswer).of,
        temporaryDirectory: tmpdir(),
        store,
        trust: isTrustAsked(configuration, rules, inForce)
          ? trustInspectorFor(configuration, rules, inForce, {}, surroundings)
          : null,
      });
    },
    credentialsFor: await credentialsOf(options, ownCredentials, env),
    nodeProfiles: options.nodeProfiles === true ? await publishedProfiles(options, env) : null,
    kept: null,
    log: jsonLog(options.logLevel, stdout),
    version: version(),
    traceEndpoint: env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? null,
    // One processor is left for TLS, parsing and registries.
    threads: Math.max(1, availableParallelism() - 1),
    program: programFor(surroundings),
    timing: {
      reloadInterval: 2_000,
      certificateInterval: 15_000,
      nodeInterval: 60_000,
      drainDelay,
      drainTime: 30_000,
      inspectionTime: 300_000,
    },
  });
  await ended.promise;
  await webhook.drain();
  store.close();
  return 0;
}

async function publishedProfiles(
  { kubeconfig }: ServeOptions,
  environment: Surroundings['env'],
): Promise<WebhookOptions['nodeProfiles']> {
  const [{ clusterConnection }, { publishedNodeProfiles }, { CoreV1Api }] = await Promise.all([
    import('../src/cluster/connection.ts'),
    import('../src/cluster/node-profile.ts'),
    import('@kubernetes/client-node'),
  ]);
  const api = clusterConnection(kubeconfig ?? null, environment).makeApiClient(CoreV1Api);
  return () => publishedNodeProfiles(api);
}

function addressOf(listen: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(listen) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw usageError(`--listen ${listen} is no address`, 'as :8443, 127.0.0.1:8443 or [::1]:8443');
  }
  // The unspecified address of IPv6 takes IPv4 as well.
  return { host: host === '' ? '::' : host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

async function tlsOf(options: ServeOptions, environment: Surroundings['env']): Promise<TlsOrigin | null> {
  const { tlsCert, tlsKey, clientCa, plainHttp, selfSigned } = options;
  const ways = [plainHttp === true, selfSigned !== undefined, tlsCert !== undefined || tlsKey !== undefined];
  if (ways.filter(Boolean).length > 1 || (plainHttp === true && clientCa !== undefined)) {
    throw usageError(
      '--plain-http, --self-signed and files of certificates exclude each other',
      'leave out all but one of --plain-http, --self-signed, and --tls-cert with --tls-key',
    );
  }
  if (plainHttp === true) {
    return null;
  }
  if (selfSigned !== undefined) {
    return keptCertificate(selfSigned, options, environment);
  }
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError(
      'serve needs a certificate and its key: API servers speak TLS only',
      'elfgate serve --tls-cert tls.crt --tls-key tls.key, or --self-signed NAME in a cluster, or --plain-http behind a proxy',
    );
  }
  return { from: 'files', files: { certificate: tlsCert, key: tlsKey, clientAuthorities: clientCa ?? null } };
}

const day = 86_400_000;

/** A certificate of an authority of elfgate's own, kept in a Secret for all replicas. */
async function keptCertificate(
  names: readonly string[],
  { certificateSecret, webhookConfiguration, clientCa, kubeconfig }: ServeOptions,
  environment: Surroundings['env'],
): Promise<TlsOrigin> {
  const [namespace, name, ...more] = certificateSecret?.split('/') ?? [];
  if (namespace === undefined || !namespace || !name || more.length > 0) {
    throw usageError(
      '--self-signed needs the Secret that replicas share',
      '--certificate-secret elfgate-system/elfgate-certificate',
    );
  }
  const [{ clusterConnection }, { certificateKeeper }, { AdmissionregistrationV1Api, CoreV1Api }] = await Promise.all([
    import('../src/cluster/connection.ts'),
    import('../src/cluster/certificate-keeper.ts'),
    import('@kubernetes/client-node'),
  ]);
  const connection = clusterConnection(kubeconfig ?? null, environment);
  const keeper = certificateKeeper({
    core: connection.makeApiClient(CoreV1Api),
    registration: connection.makeApiClient(AdmissionregistrationV1Api),
    secret: { namespace, name },
    configuration: webhookConfiguration,
    names,
    lifetimes: { authority: 730 * day, certificate: 90 * day },
    now: () => new Date(),
  });
  const clientAuthorities = clientCa === undefined ? null : readFileSync(clientCa, 'utf8');
  return {
    from: 'keeper',
    async look() {
      const { certificate, key } = await keeper.look();
      return { certificate, key, clientAuthorities };
    },
  };
}

/** Milliseconds. */
function secondsOf(text: string, option: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > 600) {
    throw usageError(`${option} ${text} is no number of seconds up to 600`, `as ${option} 5`);
  }
  return seconds * 1_000;
}
