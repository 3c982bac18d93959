import { ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';

/** Spans of reviews. Without an endpoint they cost nothing. */
export interface Tracing {
  /** A review, under the span of the API server where it sends one (W3C Trace Context). */
  review<Value>(name: string, traceparent: string | null, work: (span: Span) => Promise<Value>): Promise<Value>;
  /** Sends what is left. */
  close(): Promise<void>;
}

/**
 * @param endpoint of an OpenTelemetry collector, as `http://collector:4318/v1/traces`; null for no traces.
 */
export async function tracing(endpoint: string | null, version: string): Promise<Tracing> {
  if (endpoint === null) {
    return { review: (_name, _parent, work) => work(trace.wrapSpanContext(noSpan)), close: async () => {} };
  }
  // Loaded where it is asked for: it takes as long as everything else together.
  const [{ BasicTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'elfgate', 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint }))],
  });
  const tracer = provider.getTracer('elfgate', version);
  return {
    review: (name, traceparent, work) => inSpan(tracer, name, traceparent, work),
    close: () => provider.shutdown(),
  };
}

const noSpan = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };

async function inSpan<Value>(
  tracer: Tracer,
  name: string,
  traceparent: string | null,
  work: (span: Span) => Promise<Value>,
): Promise<Value> {
  const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? [];
  const parent =
    traceId === undefined || spanId === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId,
          traceFlags: Number.parseInt(flags ?? '0', 16),
          isRemote: true,
        });
  const span = tracer.startSpan(name, {}, parent);
  try {
    return await work(span);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
