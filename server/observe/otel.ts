/**
 * OpenTelemetry's SDK, put together for one node: sampler, bounded queue, exporter. Loaded only when traces are wanted.
 * Nothing is registered globally: several nodes may live in one process, and its program may have traces of its own.
 *
 * Read from the environment by the exporter and the resource detector themselves: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT,
 * _COMPRESSION, _CERTIFICATE …, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
 */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { SpanTracing } from './span-tracing.ts';
import type { TracingObserver, TracingSettings } from './tracing.ts';

/** Spans of one delivery; the specification's default. */
const EXPORT_SPANS_MAX = 512;
/** Edits that share a batch or a message are linked: beyond this many the rest is not told. */
const LINKS_MAX = 32;

export function startSpans(settings: TracingSettings, observer: TracingObserver): SpanTracing {
  const { otlpEndpoint, traceQueueMax, traceDelayMs, traceExportTimeoutMs } = settings;
  const url = new URL('v1/traces', withSlash(otlpEndpoint ?? '')).href;
  const exporter = watched(
    new OTLPTraceExporter({ url, timeoutMillis: traceExportTimeoutMs }),
    observer,
  );
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    spanLimits: { linkCountLimit: LINKS_MAX },
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: 'syncline',
      [ATTR_SERVICE_INSTANCE_ID]: settings.nodeId,
      'syncline.region': settings.region,
    }).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: traceQueueMax,
        maxExportBatchSize: Math.min(EXPORT_SPANS_MAX, traceQueueMax),
        scheduledDelayMillis: traceDelayMs,
        exportTimeoutMillis: traceExportTimeoutMs,
      }),
    ],
  });
  return new SpanTracing(provider.getTracer('syncline'), async () => {
    // What the collector has not taken is told by `onExport`.
    await provider.shutdown().catch(() => undefined);
  });
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

function samplerOf({ tracesSampler, tracesSamplerArg }: TracingSettings): Sampler {
  const ratio = new TraceIdRatioBasedSampler(Number(tracesSamplerArg));
  switch (tracesSampler) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return ratio;
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: ratio });
  }
}

function watched(exporter: SpanExporter, { onExport }: TracingObserver): SpanExporter {
  return {
    export: (spans, onResult) => {
      exporter.export(spans, (result) => {
        // 0 is success: the enum itself lives in a package that is not ours to depend on.
        onExport(
          spans.length,
          (result.code as number) === 0 ? null : (result.error ?? new Error('failed')),
        );
        onResult(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
