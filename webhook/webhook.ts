import type { Logger } from 'pino';
import { type ImageFacts, type ImageInspector, imageFacts, type KeptFacts } from '../src/admission/image-facts.ts';
import { type AdmissionJudge, admissionJudge } from '../src/admission/judge.ts';
import { pooledEvaluation } from '../src/admission/pooled-evaluation.ts';
import { ElfgateError } from '../src/errors.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { limits } from '../src/limits.ts';
import type { NodeProfile } from '../src/policy/configuration/admission.ts';
import {
  type Configuration,
  defaultConfiguration,
  loadConfiguration,
} from '../src/policy/configuration/configuration.ts';
import type { PolicyBundle } from '../src/policy/policy-bundle.ts';
import type { RuleMetadata } from '../src/policy/rule-metadata.ts';
import type { PodTemplate } from '../src/workload/pod-templates.ts';
import { application } from './application.ts';
import { gatekeeperProvider } from './gatekeeper.ts';
import { metrics as makeMetrics, type Reloaded } from './metrics.ts';
import { readTlsFiles, startServer, type TlsFiles, type TlsMaterial, type WebhookServer } from './server.ts';
import { tracing } from './tracing.ts';
import type { Bench } from './validate.ts';
import { watchFiles } from './watched-file.ts';

/** Files that are read again when they change, or somebody who keeps a certificate and is asked for it again and again. */
export type TlsOrigin =
  | { readonly from: 'files'; readonly files: TlsFiles }
  | { readonly from: 'keeper'; look(): Promise<TlsMaterial> };

/** What a running webhook is made of. */
export interface WebhookOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** null for plain HTTP. */
  readonly tls: TlsOrigin | null;
  /** null for the configuration that everything is shipped with. */
  readonly configurationFile: string | null;
  loadPolicies(): Promise<PolicyBundle>;
  /** Makes what reads images, by a configuration; made again when that changes. */
  inspectorFor(
    configuration: Configuration,
    rules: readonly RuleMetadata[],
    onRegistryAnswer: (status: number | null) => void,
  ): ImageInspector;
  /** Profiles that the nodes of the cluster have published, besides those of the configuration; null to ask nobody. */
  readonly nodeProfiles: (() => Promise<readonly NodeProfile[]>) | null;
  credentialsFor(namespace: string | null, templates: readonly PodTemplate[]): CredentialSource;
  readonly kept: KeptFacts | null;
  readonly log: Logger;
  /** Of elfgate. */
  readonly version: string;
  /** Of an OpenTelemetry collector; null for no traces. */
  readonly traceEndpoint: string | null;
  /** Threads that evaluate policies. */
  readonly threads: number;
  /** The opa program, for policies that call built-ins which it answers. */
  readonly program?: () => Promise<WebAssembly.Module>;
  readonly timing: WebhookTiming;
}

/** In milliseconds. */
export interface WebhookTiming {
  readonly reloadInterval: number;
  /** Between two looks at a certificate that somebody keeps. */
  readonly certificateInterval: number;
  /** Between two lists of nodes. */
  readonly nodeInterval: number;
  readonly drainDelay: number;
  readonly drainTime: number;
  /** For one image. */
  readonly inspectionTime: number;
}

/** Longer than the API server waits for any review: a judge that was replaced has nothing left to do then. */
const longestReview = 35_000;

export interface Webhook {
  readonly port: number;
  readonly facts: ImageFacts;
  /** Answers what is in flight and ends. */
  drain(): Promise<void>;
}

/**
 * Starts the webhook. It listens at once and is ready when policies and configuration are loaded.
 *
 * @throws ElfgateError when the address, the certificate, the policies or the configuration cannot be had at the start;
 * later ones that are wrong are rejected, and what was in force stays.
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { log } = options;
  let judge: AdmissionJudge | null = null;
  let inspector: ImageInspector | null = null;
  let server: WebhookServer | null = null;
  const metrics = makeMetrics(
    options.version,
    () => facts,
    () => server?.inFlight() ?? 0,
  );
  const facts = imageFacts({
    inspector: {
      resolve: (...asked) => loaded(inspector).resolve(...asked),
      inspect: (...asked) => loaded(inspector).inspect(...asked),
      withTrust: (...asked) => loaded(inspector).withTrust(...asked),
    },
    kept: options.kept,
    memoryBytes: limits.factsMemoryBytes,
    inspections: limits.imageInspections,
    inspectionTime: options.timing.inspectionTime,
    events: metrics.factsEvents,
  });
  const bench = (): Bench | null =>
    judge === null ? null : { judge, facts, credentialsFor: options.credentialsFor, today: new Date() };
  const traces = await tracing(options.traceEndpoint, options.version);
  let material = options.tls === null ? null : await materialOf(options.tls);

  server = await startServer({ ...options, ...options.timing, tls: material }, (state) =>
    application({
      bench,
      metrics,
      log,
      tracing: traces,
      notReady: () =>
        state.isDraining()
          ? 'this replica is shutting down'
          : judge === null
            ? 'the policies are not loaded yet'
            : null,
      clientCertificates: material?.clientAuthorities == null ? 'not-asked' : 'required',
      gatekeeper: gatekeeperProvider(bench, log),
    }),
  );
  const running = server;
  log.info({ event: 'listening', host: options.host, port: running.port, tls: material !== null });

  const bundle = await options.loadPolicies();
  const prepare = pooledEvaluation(options);
  let nodes = (await options.nodeProfiles?.()) ?? [];
  const load = async (): Promise<void> => {
    const configured =
      options.configurationFile === null
        ? defaultConfiguration
        : await loadConfiguration(options.configurationFile, bundle.rules);
    const { admission } = configured;
    const configuration = { ...configured, admission: { ...admission, nodes: [...admission.nodes, ...nodes] } };
    const next = await admissionJudge(bundle, configuration, prepare);
    const before = judge;
    judge = next;
    inspector = options.inspectorFor(configuration, bundle.rules, metrics.registryAnswer);
    metrics.inForce(next);
    log.info({ event: 'configuration', file: options.configurationFile, policy: bundle.revision });
    if (before !== null) {
      setTimeout(() => void before.close(), longestReview).unref();
    }
  };
  await load();

  const reloaded = async (what: Reloaded, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      metrics.reload(what, true);
      log.info({ event: 'reloaded', what });
    } catch (error) {
      metrics.reload(what, false);
      log.error({ event: 'reload-rejected', what, error, inForce: 'what was read before' });
    }
  };
  const lookAtNodes = async (list: () => Promise<readonly NodeProfile[]>): Promise<void> => {
    try {
      const now = await list();
      if (JSON.stringify(now) !== JSON.stringify(nodes)) {
        nodes = now;
        await reloaded('nodes', load);
      }
    } catch (error) {
      metrics.reload('nodes', false);
      log.error({ event: 'reload-rejected', what: 'nodes', error, inForce: 'what was read before' });
    }
  };
  const lookAtCertificate = async (look: () => Promise<TlsMaterial>): Promise<void> => {
    try {
      const next = await look();
      if (next.certificate !== material?.certificate) {
        material = next;
        await reloaded('certificate', async () => running.replaceTls(next));
      }
    } catch (error) {
      metrics.reload('certificate', false);
      log.error({ event: 'reload-rejected', what: 'certificate', error, inForce: 'what was read before' });
    }
  };
  const { tls } = options;
  const certificateTimer =
    tls?.from === 'keeper'
      ? setInterval(() => void lookAtCertificate(() => tls.look()), options.timing.certificateInterval).unref()
      : null;
  const { nodeProfiles } = options;
  const nodeTimer =
    nodeProfiles === null
      ? null
      : setInterval(() => void lookAtNodes(nodeProfiles), options.timing.nodeInterval).unref();
  const watchCertificate = (files: TlsFiles): { close(): void } =>
    watchFiles(
      [files.certificate, files.key, ...(files.clientAuthorities === null ? [] : [files.clientAuthorities])],
      options.timing.reloadInterval,
      () => reloaded('certificate', async () => running.replaceTls(readTlsFiles(files))),
    );
  const watches = [
    ...(options.configurationFile === null
      ? []
      : [
          watchFiles([options.configurationFile], options.timing.reloadInterval, () => reloaded('configuration', load)),
        ]),
    ...(options.tls?.from === 'files' ? [watchCertificate(options.tls.files)] : []),
  ];
  return {
    port: running.port,
    facts,
    async drain() {
      log.info({ event: 'draining', inFlight: running.inFlight() });
      await running.drain();
      for (const watch of watches) {
        watch.close();
      }
      clearInterval(nodeTimer ?? undefined);
      clearInterval(certificateTimer ?? undefined);
      facts.close();
      await judge?.close();
      await traces.close();
      log.info({ event: 'drained' });
    },
  };
}

function loaded(inspector: ImageInspector | null): ImageInspector {
  if (inspector === null) {
    throw new ElfgateError('unreachable', 'the configuration is not loaded yet');
  }
  return inspector;
}

async function materialOf(origin: TlsOrigin): Promise<TlsMaterial> {
  return origin.from === 'files' ? readTlsFiles(origin.files) : origin.look();
}
