/**
 * What rooms do for the few edits that are followed (tracing.ts): their traces go along with them, and whoever
 * offers an update says what came of it. Everything here costs a look at a null when nothing is followed.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Offer } from './admission.ts';
import type { Author } from './author.ts';
import type { DurabilityLevel } from './replication.ts';
import type { Room } from './room.ts';
import type { EditTrace, Traceparent } from './tracing.ts';

const NONE: readonly EditTrace[] = [];
/** Edits of one session that wait for an ack. */
const FOLLOWED_MAX = 32;

/** Those of a flush that are followed. */
export function tracesOf(
  pending: readonly { readonly trace: EditTrace | null }[],
): readonly EditTrace[] {
  if (pending.every(({ trace }) => trace === null)) return NONE;
  return pending.flatMap(({ trace }) => (trace === null ? [] : [trace]));
}

/** Somebody's edit arrives. */
export function follow(
  room: { readonly name: DocumentName } & Pick<Room, 'context'>,
  update: Uint8Array,
  via: 'socket' | 'request',
  parent: Traceparent | null = null,
): EditTrace | null {
  const { tracing } = room.context;
  return tracing?.edit({ via, document: room.name, bytes: update.byteLength, parent }) ?? null;
}

/** `room.offer` for a request: followed if it should be; `trace` hears of the ack. */
export async function offerOfRequest(
  room: Room,
  update: Uint8Array,
  author: Author,
  parent: Traceparent | null = null,
): Promise<{ readonly offer: Offer; readonly trace: EditTrace | null }> {
  const trace = follow(room, update, 'request', parent);
  try {
    const offer = await room.offer(update, author, trace);
    trace?.checked(offer.kind);
    return { offer, trace };
  } catch (error) {
    trace?.checked('failed');
    throw error;
  }
}

/** Edits of one session that are followed, until they are acked. Its client may never ask: the oldest are forgotten. */
export class FollowedEdits {
  #traces: EditTrace[] = [];

  add(trace: EditTrace, offer: Offer | Promise<Offer>): void {
    this.#traces.push(trace);
    if (this.#traces.length > FOLLOWED_MAX) this.#traces.shift();
    if (!(offer instanceof Promise)) return trace.checked(offer.kind);
    offer.then(
      ({ kind }) => {
        trace.checked(kind);
      },
      () => {
        trace.checked('failed');
      },
    );
  }

  requested(level: DurabilityLevel): void {
    for (const trace of this.#traces) trace.ackRequested(level);
  }

  /** The client was told that everything up to `seq` is durable. */
  acked(seq: number): void {
    this.#traces = this.#traces.filter((trace) => {
      if (trace.seq > seq) return true;
      trace.acked();
      return false;
    });
  }
}
