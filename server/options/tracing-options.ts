/** Traces: where they go and how many; the names are OpenTelemetry's, and so is what they mean. */
import { count, ms, type Option } from './option.ts';

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export interface TracingConfig {
  /** Null: no traces, and nothing of OpenTelemetry is loaded. */
  readonly otlpEndpoint: string | null;
  readonly tracesSampler: (typeof SAMPLERS)[number];
  /** Of the `traceidratio` samplers: 0 to 1. */
  readonly tracesSamplerArg: string;
  readonly traceQueueMax: number;
  readonly traceDelayMs: number;
  readonly traceExportTimeoutMs: number;
}

export const TRACING_OPTIONS: readonly Option<keyof TracingConfig>[] = [
  {
    key: 'otlpEndpoint',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    kind: { type: 'text' },
    shown: 'unset',
    doc: 'Collector that traces go to, over OTLP/HTTP (JSON): `http://host:4318`. Unset: no traces, at no cost (“Traces” below).',
  },
  {
    key: 'tracesSampler',
    env: 'OTEL_TRACES_SAMPLER',
    kind: { type: 'choice', values: SAMPLERS },
    doc: 'Which edits and requests are followed.',
  },
  {
    key: 'tracesSamplerArg',
    env: 'OTEL_TRACES_SAMPLER_ARG',
    kind: { type: 'text' },
    doc: 'Share of the `traceidratio` samplers, 0 to 1.',
  },
  {
    key: 'traceQueueMax',
    env: 'OTEL_BSP_MAX_QUEUE_SIZE',
    kind: count(1, 100_000),
    doc: 'Spans waiting for the collector; more are dropped.',
  },
  {
    key: 'traceDelayMs',
    env: 'OTEL_BSP_SCHEDULE_DELAY',
    kind: ms(1, 60_000),
    doc: 'Spans are collected for so long before they are sent.',
  },
  {
    key: 'traceExportTimeoutMs',
    env: 'OTEL_BSP_EXPORT_TIMEOUT',
    kind: ms(100, 300_000),
    doc: 'A collector that takes longer for one delivery has failed.',
  },
];

export function tracingDefaults(): TracingConfig {
  return {
    otlpEndpoint: null,
    // Not the specification's `parentbased_always_on`: a node takes thousands of edits a second.
    tracesSampler: 'parentbased_traceidratio',
    tracesSamplerArg: '0.01',
    traceQueueMax: 2_048,
    traceDelayMs: 5_000,
    traceExportTimeoutMs: 10_000,
  };
}

export function problemsOfTracing({
  otlpEndpoint,
  tracesSamplerArg,
}: Pick<TracingConfig, 'otlpEndpoint' | 'tracesSamplerArg'>): readonly string[] {
  const problems: string[] = [];
  if (otlpEndpoint !== null && !isHttpUrl(otlpEndpoint)) {
    problems.push('OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL');
  }
  const ratio = Number(tracesSamplerArg);
  if (!(ratio >= 0 && ratio <= 1)) {
    problems.push('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  }
  return problems;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
