import type { TLSSocket } from 'node:tls';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Logger } from 'pino';
import { withinTime } from '../src/admission/within-time.ts';
import { limits } from '../src/limits.ts';
import { denied, parseReview, type ReviewRequest, reviewResponse, reviewTimeout } from './admission-review.ts';
import type { Decision } from './decision.ts';
import { decisionRecord } from './decision-log.ts';
import type { Metrics } from './metrics.ts';
import { mutate } from './mutate.ts';
import type { Tracing } from './tracing.ts';
import { type Bench, validate } from './validate.ts';

/** What the routes need of the process around them. */
export interface ApplicationOptions {
  /** What reviews are judged with at this moment; null while policies are not loaded. */
  bench(): Bench | null;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly tracing: Tracing;
  /** Why the webhook takes no more reviews; null when it does. */
  notReady(): string | null;
  /** Whether reviews come over TLS from clients that have to show a certificate of the configured authority. */
  readonly clientCertificates: 'required' | 'not-asked';
  /** Answers of Gatekeeper's external data protocol. */
  readonly gatekeeper: (request: Request, response: Response) => Promise<void>;
}

/** Part of the API server's time that is kept for judging and for the way back: facts are waited for in the rest. */
const timeForJudging = 0.15;

/** The routes of the webhook. Every route answers, whatever it is sent. */
export function application(options: ApplicationOptions): Express {
  const { metrics, notReady } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });
  app.get('/readyz', (_request, response) => {
    const reason = notReady();
    response
      .status(reason === null ? 200 : 503)
      .type('text/plain')
      .send(`${reason ?? 'ok'}\n`);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  const body = express.raw({ type: () => true, limit: limits.reviewBytes, inflate: false });
  const admission = (path: string, decide: typeof validate) =>
    [
      clientCheck(options.clientCertificates),
      body,
      (request: Request, response: Response) => review(path, decide, request, response, options),
    ] as const;
  app.post('/validate', ...admission('validate', validate));
  app.post('/mutate', ...admission('mutate', mutate));
  app.post('/gatekeeper/v1/validate', clientCheck(options.clientCertificates), body, options.gatekeeper);
  for (const path of ['/validate', '/mutate', '/gatekeeper/v1/validate']) {
    app.all(path, (_request, response) => {
      response.status(405).set('Allow', 'POST').json({ error: 'reviews are sent by POST' });
    });
  }
  app.use((_request, response) => {
    response.status(404).json({ error: 'there is nothing here' });
  });
  app.use(failures(options.log));
  return app;
}

function clientCheck(certificates: ApplicationOptions['clientCertificates']) {
  return (request: Request, response: Response, next: () => void): void => {
    // Probes and scrapers have no certificate: only reviews ask for one.
    if (certificates === 'required' && (request.socket as Partial<TLSSocket>).authorized !== true) {
      response.status(403).json({ error: 'the client certificate is missing, or not of the configured authority' });
      return;
    }
    next();
  };
}

async function review(
  path: string,
  decide: typeof validate,
  request: Request,
  response: Response,
  options: ApplicationOptions,
): Promise<void> {
  const start = performance.now();
  const body: unknown = request.body;
  const parsed = parseReview(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
  options.metrics.stage('read', (performance.now() - start) / 1_000);
  if (parsed.kind === 'malformed') {
    options.log.warn({ event: 'malformed', path, reason: parsed.message });
    response.status(400).json({ error: parsed.message });
    return;
  }
  if (parsed.kind === 'refused') {
    options.log.warn({ event: 'refused', path, uid: parsed.uid, reason: parsed.message });
    response.json(reviewResponse(parsed.uid, denied(parsed.message)));
    return;
  }
  const bench = options.bench();
  if (bench === null) {
    // The API server's failurePolicy decides: a denial would look like a judgement.
    response.status(503).json({ error: 'the policies are not loaded yet' });
    return;
  }
  const { request: asked } = parsed;
  const decision = await options.tracing.review(path, request.get('traceparent') ?? null, async (span) => {
    const made = await withDeadline(request, (deadline) => decide(asked, bench, deadline));
    span.setAttributes({
      'elfgate.outcome': made.outcome,
      'k8s.namespace.name': asked.namespace ?? '',
      'elfgate.images': made.images.length,
      'elfgate.findings': made.findings.length,
    });
    return made;
  });
  const decided = performance.now();
  options.metrics.stage('decide', (decided - start) / 1_000);
  response.json(reviewResponse(asked.uid, decision.answer));
  options.metrics.stage('answer', (performance.now() - decided) / 1_000);
  record(path, asked, decision, bench, performance.now() - start, options);
}

/** Works within the API server's deadline, less what judging takes. A timeout that makes no sense is the default one. */
function withDeadline<Result>(request: Request, work: (deadline: AbortSignal) => Promise<Result>): Promise<Result> {
  let milliseconds: number;
  try {
    milliseconds = reviewTimeout(request.query.timeout);
  } catch {
    milliseconds = reviewTimeout(null);
  }
  return withinTime(Math.max(1, Math.floor(milliseconds * (1 - timeForJudging))), work);
}

function record(
  path: string,
  request: ReviewRequest,
  decision: Decision,
  bench: Bench,
  milliseconds: number,
  { metrics, log }: ApplicationOptions,
): void {
  metrics.review(path, decision, milliseconds / 1_000);
  if (log.isLevelEnabled('info')) {
    const { revision } = bench.judge.bundle;
    log.info(decisionRecord(path, request, decision, { revision, milliseconds }));
  }
  if (decision.mistake !== undefined) {
    log.error({ event: 'mistake', uid: request.uid, error: decision.mistake });
  }
}

/** What express and the body reader throw: too large, cut off, of an encoding that is not read. */
function failures(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const status =
      typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number'
        ? error.status
        : 500;
    log[status >= 500 ? 'error' : 'warn']({ event: 'failed', path: request.path.slice(0, 200), status, error });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.status(status).json({ error: status >= 500 ? 'internal error' : statusText(status) });
  };
}

function statusText(status: number): string {
  return status === 413 ? `the body has more than ${limits.reviewBytes} bytes` : 'the request cannot be read';
}
