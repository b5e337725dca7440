/**
 * The port to traces, as rooms, fan-out and HTTP see it: of all edits a few, chosen by sampling when they arrive, are
 * followed from the socket over check, commit, flush and the other nodes back to the ack. One edit, one trace:
 *
 *   edit (socket or request) ┬─ check
 *                            ├─ commit                       on disk here
 *                            ├─ flush ── publish ── receive (another node) ┬─ check, commit, flush
 *                            │                                             └─ receipt ── proof (back here)
 *                            └─ ack                          asked … told
 *
 * Everything is called in the turn in which it happened, returns at once and does not throw. A node without traces has
 * none of this, and pays a look at a null for each update. No text and no bytes of documents go into a trace. [I7]
 */
import type { DurabilityLevel } from './replication.ts';

/** W3C trace context, version 00. */
export type Traceparent = string;

export interface EditArrival {
  readonly via: 'socket' | 'request' | 'bus';
  readonly document: string;
  readonly bytes: number;
  /** Of who sent it; null: a trace may begin here. */
  readonly parent: Traceparent | null;
  /** The node that has published it. */
  readonly origin?: string;
}

export interface Tracing {
  /** Null: this one is not followed. */
  edit(arrival: EditArrival): EditTrace | null;
  /** An HTTP request; `parent`: the header, whatever stands in it. Null: not followed. */
  request(start: {
    readonly method: string;
    readonly parent: string | undefined;
  }): RequestTrace | null;
  /** Another node says what is on its disk, because of an edit that is followed. */
  proven(proof: {
    readonly origin: string;
    readonly region: string;
    readonly parent: Traceparent;
  }): void;
}

export interface RequestTrace {
  readonly traceparent: Traceparent;
  end(answer: {
    readonly route: string;
    readonly path: string;
    readonly status: number;
    readonly problem: string | null;
  }): void;
}

/** What came of looking at an edit: as `Offer`, or `dropped` where it was not looked at, or `failed`. */
export type EditVerdict = 'accepted' | 'redundant' | 'gap' | 'refused' | 'dropped' | 'failed';

export interface EditTrace {
  /** Written on this node, and not published yet. */
  readonly isToPublish: boolean;
  /** The room's number for it once it is accepted; -1 before. */
  readonly seq: number;
  /** Looking at it is over. */
  checked(verdict: EditVerdict): void;
  /** Accepted, and on its way to the disk with everything that has the same promise. */
  appended(seq: number, durable: Promise<void>): void;
  /** Goes out to the other nodes, in one message with `others`. */
  publish(message: {
    readonly channel: string;
    readonly bytes: number;
    readonly others: readonly EditTrace[];
  }): PublishTrace;
  /** Was sent to the sessions, with `updates - 1` others. */
  flushed(flush: { readonly updates: number; readonly receivers: number }): void;
  /** Its author has asked for an ack. */
  ackRequested(level: DurabilityLevel): void;
  acked(): void;
  /** This node tells the edit's own one that it is on disk here. */
  receipt(): Traceparent;
}

export interface PublishTrace {
  /** What the message carries. */
  readonly traceparent: Traceparent;
  /** As the bus says. */
  end(outcome: string): void;
}
