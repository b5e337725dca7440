/**
 * One edit that is followed, as spans. The first span ends when nothing of the edit is under way any more: looked at,
 * sent, on disk, and acked if its author asked while it was not; what comes later is its child all the same.
 *
 * Edits that share a commit or a message each keep their own trace whole; links say what they shared.
 */
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanOptions,
} from '@opentelemetry/api';
import type { DurabilityLevel } from '../rooms/replication.ts';
import type { EditArrival, EditTrace, EditVerdict, PublishTrace } from '../rooms/tracing.ts';
import type { SpanScene } from './span-tracing.ts';
import { traceparentOf } from './traceparent.ts';

/** Semantic conventions for messaging; not stable yet, so that the package does not name them at its front door. */
const MESSAGING_SYSTEM = 'messaging.system';
const MESSAGING_OPERATION = 'messaging.operation.type';
const MESSAGING_DESTINATION = 'messaging.destination.name';
const MESSAGING_BODY_BYTES = 'messaging.message.body.size';

const ATTR_DOCUMENT = 'syncline.document';
const ATTR_BYTES = 'syncline.update.bytes';
const ATTR_VERDICT = 'syncline.verdict';
const ATTR_LEVEL = 'syncline.durability';

export class SpanEdit implements EditTrace {
  isToPublish: boolean;
  seq = -1;
  readonly #scene: SpanScene;
  readonly #root: Span;
  readonly #context: Context;
  readonly #common: Attributes;
  /** One clock for all spans of an edit: the SDK's own begins each at a whole millisecond. */
  readonly #clockMs: number;
  #check: Span | null;
  #flush: Span | null = null;
  #ack: Span | null = null;
  /** Spans below the first one that have not ended. */
  #open = 1;

  constructor(scene: SpanScene, root: Span, startMs: number, arrival: EditArrival) {
    const { via, document, bytes, origin } = arrival;
    this.#clockMs = startMs - performance.now();
    this.isToPublish = via !== 'bus';
    this.#scene = scene;
    this.#root = root;
    this.#context = trace.setSpan(ROOT_CONTEXT, root);
    this.#common = { [ATTR_DOCUMENT]: document, [ATTR_BYTES]: bytes };
    root.setAttributes({
      ...this.#common,
      'syncline.via': via,
      ...(origin === undefined ? {} : { 'syncline.origin': origin }),
      ...(via === 'bus' ? { [MESSAGING_SYSTEM]: 'redis', [MESSAGING_OPERATION]: 'process' } : {}),
    });
    this.#check = this.#child('check');
  }

  checked(verdict: EditVerdict): void {
    // What was early is looked at again: the last word stands on the first span.
    const check = this.#check;
    this.#check = null;
    for (const span of [check, this.#root]) {
      span?.setAttribute(ATTR_VERDICT, verdict);
      if (verdict === 'failed') span?.setStatus({ code: SpanStatusCode.ERROR });
    }
    if (check !== null) this.#end(check);
  }

  appended(seq: number, durable: Promise<void>): void {
    this.seq = seq;
    this.#root.setAttribute('syncline.seq', seq);
    this.#flush = this.#start('flush');
    const commit = this.#start('commit');
    const { commits } = this.#scene;
    const first = commits.get(durable);
    if (first === undefined) commits.set(durable, commit);
    else link(first, commit);
    durable.then(
      () => {
        const { lastBatch: batch } = this.#scene;
        if (batch !== null) {
          commit.setAttributes({
            'syncline.batch.records': batch.records,
            'syncline.batch.bytes': batch.bytes,
          });
        }
        this.#end(commit);
      },
      (error: Error) => {
        commit.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
        this.#end(commit);
      },
    );
  }

  publish({ channel, bytes, others }: Parameters<EditTrace['publish']>[0]): PublishTrace {
    const span = this.#publishSpan(channel, bytes);
    const shared: Span[] = [];
    for (const other of others) {
      // Every followed edit of a node is one of these.
      if (!(other instanceof SpanEdit)) continue;
      const theirs = other.#publishSpan(channel, bytes);
      link(span, theirs);
      shared.push(theirs);
    }
    return {
      traceparent: traceparentOf(span.spanContext()),
      end: (outcome) => {
        for (const each of [span, ...shared]) {
          each.setAttribute('syncline.bus.outcome', outcome);
          each.end(this.#now());
        }
      },
    };
  }

  flushed({ updates, receivers }: Parameters<EditTrace['flushed']>[0]): void {
    const flush = this.#flush;
    if (flush === null) return;
    this.#flush = null;
    flush.setAttributes({
      'syncline.flush.updates': updates,
      'syncline.flush.receivers': receivers,
    });
    this.#end(flush);
  }

  ackRequested(level: DurabilityLevel): void {
    if (this.#ack !== null) return;
    this.#ack = this.#start('ack');
    this.#ack.setAttribute(ATTR_LEVEL, level);
    this.#root.setAttribute(ATTR_LEVEL, level);
  }

  acked(): void {
    if (this.#ack !== null) this.#end(this.#ack);
    this.#ack = null;
  }

  receipt(): string {
    const attributes = { ...this.#common, [MESSAGING_SYSTEM]: 'redis' };
    const span = this.#child('receipt', { kind: SpanKind.PRODUCER, attributes });
    span.end(this.#now());
    return traceparentOf(span.spanContext());
  }

  #publishSpan(channel: string, bytes: number): Span {
    this.isToPublish = false;
    const kind = SpanKind.PRODUCER;
    const attributes = {
      ...this.#common,
      [MESSAGING_SYSTEM]: 'redis',
      [MESSAGING_OPERATION]: 'send',
      [MESSAGING_DESTINATION]: channel,
      [MESSAGING_BODY_BYTES]: bytes,
    };
    const flush = this.#flush;
    const parent = flush === null ? this.#context : trace.setSpan(ROOT_CONTEXT, flush);
    return this.#child('publish', { kind, attributes }, parent);
  }

  #start(name: string): Span {
    this.#open += 1;
    return this.#child(name);
  }

  #child(
    name: string,
    options: SpanOptions = { attributes: this.#common },
    parent: Context = this.#context,
  ): Span {
    return this.#scene.tracer.startSpan(name, { startTime: this.#now(), ...options }, parent);
  }

  #now(): number {
    return this.#clockMs + performance.now();
  }

  #end(span: Span): void {
    span.end(this.#now());
    this.#open -= 1;
    if (this.#open === 0) this.#root.end(this.#now());
  }
}

/** Both ways: whoever looks at one finds the other. */
function link(one: Span, other: Span): void {
  one.addLink({ context: other.spanContext() });
  other.addLink({ context: one.spanContext() });
}
