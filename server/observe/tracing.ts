/**
 * Traces, as the node sees them: nothing until `start`, and nothing of OpenTelemetry is loaded before that. Until then,
 * and after `close`, no edit is followed. Rooms know only the port (rooms/tracing.ts).
 *
 * What the collector does harms nobody: what waits for it is bounded, what it does not take is dropped and counted, and
 * it is waited for at the end no longer than the node allows.
 */
import type { EditArrival, EditTrace, RequestTrace, Tracing } from '../rooms/tracing.ts';
import type { Config } from '../options.ts';
import { withDeadline } from '../shutdown.ts';
import type { SpanTracing } from './span-tracing.ts';

/** For handing over the last spans. */
const GOODBYE_MS_MAX = 1_000;

export type TracingSettings = Pick<
  Config,
  | 'otlpEndpoint'
  | 'tracesSampler'
  | 'tracesSamplerArg'
  | 'traceQueueMax'
  | 'traceDelayMs'
  | 'traceExportTimeoutMs'
  | 'nodeId'
  | 'region'
>;

export interface TracingObserver {
  /** A delivery to the collector: of how many spans; `error`: they are lost. */
  readonly onExport: (spans: number, error: Error | null) => void;
}

export class NodeTracing implements Tracing {
  readonly #settings: TracingSettings;
  readonly #observer: TracingObserver;
  #spans: SpanTracing | null = null;

  constructor(settings: TracingSettings, observer: TracingObserver) {
    this.#settings = settings;
    this.#observer = observer;
  }

  /** Loads the SDK; the collector is not waited for, and need not be there. */
  async start(): Promise<void> {
    const { startSpans } = await import('./otel.ts');
    this.#spans = startSpans(this.#settings, this.#observer);
  }

  edit(arrival: EditArrival): EditTrace | null {
    return this.#spans?.edit(arrival) ?? null;
  }

  request(start: Parameters<Tracing['request']>[0]): RequestTrace | null {
    return this.#spans?.request(start) ?? null;
  }

  proven(proof: Parameters<Tracing['proven']>[0]): void {
    this.#spans?.proven(proof);
  }

  /** The store's newest batch: told before what waits for it goes on. */
  committed(batch: { readonly records: number; readonly bytes: number }): void {
    this.#spans?.committed(batch);
  }

  /** Hands over what is collected, if it is taken in time. */
  async close(deadlineMs: number): Promise<void> {
    const spans = this.#spans;
    this.#spans = null;
    if (spans !== null) await withDeadline(spans.close(), Math.min(deadlineMs, GOODBYE_MS_MAX));
  }
}
