/**
 * Edits that are followed, between nodes: the message that carries one carries its trace context, and so does the
 * receipt that says it is on disk here. A message or receipt that covers several carries that of the first; the port
 * links the others. Nothing of this happens for edits that are not followed.
 */
import type { EditTrace, PublishTrace, Traceparent, Tracing } from '../rooms/tracing.ts';
import { documentChannel } from './bus.ts';
import type { Received } from './exchange.ts';
import type { Outcome } from './inbox.ts';
import type { DurableMessage, UpdateMessage } from './messages.ts';

/** Edits that were taken here and are not yet on disk; the oldest lose their receipt's span, nothing else. */
const TAKEN_MAX = 256;

export type ReceivedUpdate = Received & { readonly message: UpdateMessage };

/** Of a flush those edits go out in this message that are not beyond `lastSeq` and have not gone before. */
export function publishing(
  traces: readonly EditTrace[],
  { document, bytes, lastSeq }: { document: string; bytes: number; lastSeq: number },
): PublishTrace | null {
  if (traces.length === 0) return null;
  const [first, ...others] = traces.filter((trace) => trace.isToPublish && trace.seq <= lastSeq);
  return first?.publish({ channel: documentChannel(document), bytes, others }) ?? null;
}

export function arriving(tracing: Tracing | null, received: ReceivedUpdate): EditTrace | null {
  const { origin, traceparent: parent, message } = received;
  if (tracing === null || parent === null) return null;
  const { document, update } = message;
  return tracing.edit({ via: 'bus', document, bytes: update.length, parent, origin });
}

export function settled(trace: EditTrace | null, outcome: Outcome): void {
  if (trace === null) return;
  if (outcome === 'early') trace.checked('gap');
  else trace.checked(outcome === 'deleted' ? 'dropped' : outcome);
}

/** Which receipts are told as part of a trace. */
export class ReceiptTraces {
  readonly #taken = new Map<string, { readonly busSeq: number; readonly trace: EditTrace }>();

  note({ origin, seq, message }: ReceivedUpdate, trace: EditTrace): void {
    const key = `${origin} ${message.document}`;
    // The first one that waits stands for those after it.
    if (this.#taken.has(key)) return;
    this.#taken.set(key, { busSeq: seq, trace });
    if (this.#taken.size > TAKEN_MAX) this.#taken.delete(this.#taken.keys().next().value ?? '');
  }

  /** What the receipt carries; null: it is of no edit that is followed. */
  of({ to, entries }: DurableMessage): Traceparent | null {
    if (this.#taken.size === 0) return null;
    let carried: Traceparent | null = null;
    for (const { document, upToSeq } of entries) {
      const key = `${to} ${document}`;
      const taken = this.#taken.get(key);
      if (taken === undefined || taken.busSeq > upToSeq) continue;
      this.#taken.delete(key);
      const own = taken.trace.receipt();
      carried ??= own;
    }
    return carried;
  }
}
