/**
 * The port to traces (rooms/tracing.ts) in OpenTelemetry's spans. Contexts are handed on by hand: an edit goes through
 * queues and batches, where no ambient context would follow it.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Span, type Tracer } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_PATH,
} from '@opentelemetry/semantic-conventions';
import type { EditArrival, EditTrace, RequestTrace, Tracing } from '../rooms/tracing.ts';
import { SpanEdit } from './span-edit.ts';
import { contextOf, traceparentOf } from './traceparent.ts';

/** The methods that HTTP knows; others are counted as one, by the conventions. */
const METHODS = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH)$/;

/** What is known of the commit that was last. */
export interface CommittedBatch {
  readonly records: number;
  readonly bytes: number;
}

/** What spans of one node share. */
export interface SpanScene {
  readonly tracer: Tracer;
  /** Of each batch that is under way the first edit's span; edits that share its promise share the batch. */
  readonly commits: WeakMap<Promise<void>, Span>;
  lastBatch: CommittedBatch | null;
}

export class SpanTracing implements Tracing {
  readonly #scene: SpanScene;
  readonly #shutdown: () => Promise<void>;

  constructor(tracer: Tracer, shutdown: () => Promise<void>) {
    this.#scene = { tracer, commits: new WeakMap(), lastBatch: null };
    this.#shutdown = shutdown;
  }

  edit(arrival: EditArrival): EditTrace | null {
    const parent = contextOf(arrival.parent);
    // What another node has not followed is not followed here either, whatever the sampler would say.
    if (arrival.via === 'bus' && parent === null) return null;
    const startTime = Date.now();
    const root = this.#scene.tracer.startSpan(
      arrival.via === 'bus' ? 'receive' : 'edit',
      { kind: KINDS[arrival.via], startTime },
      parent ?? ROOT_CONTEXT,
    );
    return root.isRecording() ? new SpanEdit(this.#scene, root, startTime, arrival) : null;
  }

  request(start: Parameters<Tracing['request']>[0]): RequestTrace | null {
    const method = METHODS.test(start.method) ? start.method : '_OTHER';
    const span = this.#scene.tracer.startSpan(
      method,
      { kind: SpanKind.SERVER, attributes: { [ATTR_HTTP_REQUEST_METHOD]: method } },
      contextOf(start.parent ?? null) ?? ROOT_CONTEXT,
    );
    return span.isRecording() ? new SpanRequest(span, method) : null;
  }

  proven({ origin, region, parent }: Parameters<Tracing['proven']>[0]): void {
    const context = contextOf(parent);
    if (context === null) return;
    const { tracer } = this.#scene;
    const attributes = { 'syncline.origin': origin, 'syncline.origin.region': region };
    tracer.startSpan('proof', { kind: SpanKind.CONSUMER, attributes }, context).end();
  }

  committed(batch: CommittedBatch): void {
    this.#scene.lastBatch = batch;
  }

  async close(): Promise<void> {
    await this.#shutdown();
  }
}

const KINDS = {
  socket: SpanKind.SERVER,
  request: SpanKind.INTERNAL,
  bus: SpanKind.CONSUMER,
} as const;

class SpanRequest implements RequestTrace {
  readonly #span: Span;
  readonly #method: string;

  constructor(span: Span, method: string) {
    this.#span = span;
    this.#method = method;
  }

  get traceparent(): string {
    return traceparentOf(this.#span.spanContext());
  }

  end({ route, path, status, problem }: Parameters<RequestTrace['end']>[0]): void {
    const span = this.#span;
    // A path that is of no route would make a name for each.
    if (route !== 'other')
      span.updateName(`${this.#method} ${route}`).setAttribute(ATTR_HTTP_ROUTE, route);
    span.setAttributes({
      [ATTR_URL_PATH]: path,
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: status,
      ...(problem === null ? {} : { [ATTR_ERROR_TYPE]: problem }),
    });
    // By the conventions for servers: what the client did wrong is no error of ours.
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}
