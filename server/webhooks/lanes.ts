/**
 * What waits to be delivered: one lane a document, so that its events go out one after another in their order, and
 * one that fails holds up nobody else. Pure: no clock, no store.
 *
 *   change ──► waiting (collected until due) ──► in flight ──► done
 *                 ▲                                 │ failed
 *                 └──────────── backoff ◄───────────┘
 *
 * Every event knows its **pin**: the oldest change that it stands for and that nothing durable remembers. The cursor
 * must stay below all pins.
 */
import type { ChangeKind } from '../../persistence/store.ts';
import { EVENT_KINDS, type WebhookEvent } from './event.ts';

export interface WaitingEvent extends WebhookEvent {
  position: number;
  atMs: number;
  /** Not before; monotonic milliseconds. */
  dueMs: number;
  /** Failed ones. */
  attempts: number;
  /** Null: a retry record remembers all of it. */
  pin: number | null;
  /** There is a retry record, to be removed in the end. */
  hasRecord: boolean;
}

interface Lane {
  /** In order of kind, at most one of each. */
  readonly waiting: WaitingEvent[];
  inFlight: WaitingEvent | null;
}

const rank = (kind: ChangeKind): number => EVENT_KINDS.indexOf(kind);

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  /** Sent, or given up and not yet a dead letter. */
  #inFlight = 0;

  /** Documents with something to be delivered. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Events, those in flight included. */
  get events(): number {
    let count = this.#inFlight;
    for (const { waiting } of this.#lanes.values()) count += waiting.length;
    return count;
  }

  /**
   * Adds an event, or lets the one that waits stand for it, too. A deletion makes a change that was not yet
   * told superfluous: returned, because it may have a record.
   */
  add(event: WaitingEvent): WaitingEvent | null {
    const lane = this.#lanes.get(event.document) ?? { waiting: [], inFlight: null };
    this.#lanes.set(event.document, lane);
    const { waiting } = lane;
    const same = waiting.find(({ kind }) => kind === event.kind);
    if (same === undefined) {
      waiting.push(event);
      waiting.sort((a, b) => rank(a.kind) - rank(b.kind));
    } else merge(same, event);
    if (event.kind !== 'deleted') return null;
    const index = waiting.findIndex(({ kind }) => kind === 'changed');
    if (index === -1) return null;
    return waiting.splice(index, 1)[0] ?? null;
  }

  /** Of the newest change of this kind that waits or is in flight. */
  positionOf(document: string, kind: ChangeKind): number | null {
    const lane = this.#lanes.get(document);
    if (lane === undefined) return null;
    const known = lane.waiting.find((event) => event.kind === kind);
    return known?.position ?? (lane.inFlight?.kind === kind ? lane.inFlight.position : null);
  }

  /** The next event that is due, now in flight; null: none is. */
  take(nowMs: number): WaitingEvent | null {
    let next: Lane | null = null;
    let dueMs = nowMs;
    for (const lane of this.#lanes.values()) {
      const first = lane.inFlight === null ? lane.waiting[0] : undefined;
      if (first === undefined || first.dueMs > dueMs) continue;
      if (next !== null && first.dueMs === dueMs) continue; // who came first goes first
      next = lane;
      dueMs = first.dueMs;
    }
    const event = next?.waiting.shift();
    if (next === null || event === undefined) return null;
    next.inFlight = event;
    this.#inFlight++;
    return event;
  }

  /** When the next one is due; null: nothing waits for the clock. */
  nextDueMs(): number | null {
    let dueMs: number | null = null;
    for (const { waiting, inFlight } of this.#lanes.values()) {
      const first = inFlight === null ? waiting[0] : undefined;
      if (first !== undefined) dueMs = Math.min(dueMs ?? Infinity, first.dueMs);
    }
    return dueMs;
  }

  /** It was delivered, or given up. */
  finish({ document }: WaitingEvent): void {
    this.#land(document);
  }

  /** It waits again. What came for the same kind meanwhile goes with it: one event more to tell, not two. */
  putBack(event: WaitingEvent): void {
    const lane = this.#land(event.document) ?? { waiting: [], inFlight: null };
    this.#lanes.set(event.document, lane);
    const { waiting } = lane;
    const index = waiting.findIndex(({ kind }) => kind === event.kind);
    const newer = index === -1 ? undefined : waiting.splice(index, 1)[0];
    if (newer !== undefined) merge(event, newer);
    waiting.push(event);
    waiting.sort((a, b) => rank(a.kind) - rank(b.kind));
  }

  /** The lowest pin; null: nothing is pinned. */
  lowestPin(): number | null {
    let lowest: number | null = null;
    for (const { waiting, inFlight } of this.#lanes.values()) {
      for (const { pin } of inFlight === null ? waiting : [...waiting, inFlight]) {
        if (pin !== null) lowest = Math.min(lowest ?? Infinity, pin);
      }
    }
    return lowest;
  }

  #land(document: string): Lane | null {
    const lane = this.#lanes.get(document);
    if (lane === undefined || lane.inFlight === null) return null;
    lane.inFlight = null;
    this.#inFlight--;
    if (lane.waiting.length === 0) this.#lanes.delete(document);
    return lane;
  }
}

/** `event` stands for `other`, too; it keeps its own time and its count of failures. */
function merge(event: WaitingEvent, other: WaitingEvent): void {
  if (other.position > event.position) {
    event.position = other.position;
    event.atMs = other.atMs;
  }
  if (other.pin !== null) event.pin = Math.min(event.pin ?? Infinity, other.pin);
  event.hasRecord ||= other.hasRecord;
}
