import type { Logger } from 'pino';
import { type ImageFacts, type ImageInspector, imageFacts, type KeptFacts } from '../src/admission/image-facts.ts';
import { type AdmissionJudge, admissionJudge, type PrepareRules } from '../src/admission/judge.ts';
import { ElfgateError } from '../src/errors.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { limits } from '../src/limits.ts';
import {
  type Configuration,
  defaultConfiguration,
  loadConfiguration,
} from '../src/policy/configuration/configuration.ts';
import { startEvaluatorPool } from '../src/policy/evaluator-pool.ts';
import type { PolicyBundle } from '../src/policy/policy-bundle.ts';
import type { PodTemplate } from '../src/workload/pod-templates.ts';
import { application } from './application.ts';
import { gatekeeperProvider } from './gatekeeper.ts';
import { metrics as makeMetrics } from './metrics.ts';
import { readTlsFiles, startServer, type TlsFiles, type TlsMaterial, type WebhookServer } from './server.ts';
import { tracing } from './tracing.ts';
import type { Bench } from './validate.ts';
import { watchFiles } from './watched-file.ts';

/** Files that are read again when they change, or material that somebody else keeps fresh by `replaceTls`. */
export type TlsOrigin =
  | { readonly from: 'files'; readonly files: TlsFiles }
  | { readonly from: 'memory'; readonly material: TlsMaterial };

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
  inspectorFor(configuration: Configuration): ImageInspector;
  credentialsFor(namespace: string | null, templates: readonly PodTemplate[]): CredentialSource;
  readonly kept: KeptFacts | null;
  readonly log: Logger;
  /** Of elfgate. */
  readonly version: string;
  /** Of an OpenTelemetry collector; null for no traces. */
  readonly traceEndpoint: string | null;
  /** Threads that evaluate policies. */
  readonly threads: number;
  readonly timing: WebhookTiming;
}

/** In milliseconds. */
export interface WebhookTiming {
  readonly reloadInterval: number;
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
  replaceTls(material: TlsMaterial): void;
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
  const material = options.tls === null ? null : materialOf(options.tls);

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
  const prepare = evaluators(options.threads);
  const load = async (): Promise<void> => {
    const configuration =
      options.configurationFile === null
        ? defaultConfiguration
        : await loadConfiguration(options.configurationFile, bundle.rules);
    const next = await admissionJudge(bundle, configuration, prepare);
    const before = judge;
    judge = next;
    inspector = options.inspectorFor(configuration);
    metrics.inForce(next);
    log.info({ event: 'configuration', file: options.configurationFile, policy: bundle.revision });
    if (before !== null) {
      setTimeout(() => void before.close(), longestReview).unref();
    }
  };
  await load();

  const reloaded = async (what: 'configuration' | 'certificate', work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      metrics.reload(what, true);
      log.info({ event: 'reloaded', what });
    } catch (error) {
      metrics.reload(what, false);
      log.error({ event: 'reload-rejected', what, error, inForce: 'what was read before' });
    }
  };
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
    replaceTls: (next) => running.replaceTls(next),
    async drain() {
      log.info({ event: 'draining', inFlight: running.inFlight() });
      await running.drain();
      for (const watch of watches) {
        watch.close();
      }
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

function materialOf(origin: TlsOrigin): TlsMaterial {
  return origin.from === 'files' ? readTlsFiles(origin.files) : origin.material;
}

/** Policies run on threads that can be ended: one that never stops costs its own review only. */
function evaluators(threads: number): PrepareRules {
  return async (bundle, rulesOn) => {
    const pool = await startEvaluatorPool(bundle, rulesOn, { threads, timeLimit: limits.reviewEvaluationMilliseconds });
    return {
      evaluate: async (facts) => (await pool.evaluate(facts)).findings,
      close: () => pool.close(),
    };
  };
}
