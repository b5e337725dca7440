/**
 * Which messages of which origin have come. A *stream* is what one origin sends in one epoch on one channel,
 * numbered from 1; streams are tracked apart, because there is no order between channels and a node need not
 * listen to all of them. Pure: no clock, no callbacks.
 *
 *   next number      → in-order
 *   a later one      → gap        the ones between are remembered as missing
 *   a missing one    → late       it fills the hole
 *   one that came    → duplicate
 *   too long ago     → stale      more than WINDOW back, or of an epoch that has ended
 *   another epoch    → new-epoch  the origin has restarted: its tracking starts anew
 *   unknown origin   → first
 *
 * No message is called new (in-order, gap, late, first, new-epoch) twice within what is remembered, and every
 * number that does not come was reported in a gap, or lies before the first one. What was lost at the *end* of
 * a stream shows when the origin says how far it is: `lacks`.
 *
 * Bounded: origins (the one heard least recently goes), channels by the caller's, holes by WINDOW. [I6]
 */
import type { Epoch } from './envelope.ts';

/** How far back a message may come late. Beyond it, what was missing stays missing: a sync round brings it. */
export const WINDOW = 1_024;
/** Epochs of a node that have ended and are still recognised in messages under way. */
const PAST_EPOCHS_MAX = 4;

export type Verdict =
  | { readonly kind: 'first' | 'new-epoch' | 'in-order' | 'late' | 'duplicate' | 'stale' }
  | { readonly kind: 'gap'; readonly missingFrom: number; readonly missingTo: number };

const FIRST: Verdict = { kind: 'first' };
const NEW_EPOCH: Verdict = { kind: 'new-epoch' };
const IN_ORDER: Verdict = { kind: 'in-order' };
const LATE: Verdict = { kind: 'late' };
const DUPLICATE: Verdict = { kind: 'duplicate' };
const STALE: Verdict = { kind: 'stale' };

interface Hole {
  from: number;
  to: number;
}

interface Stream {
  /** Everything before it counts as stale: what was before we listened cannot be told from repetition. */
  floor: number;
  highest: number;
  /** Ascending, apart, all above the floor. Empty nearly always. */
  holes: Hole[];
}

interface Origin {
  epoch: Epoch;
  readonly past: Epoch[];
  readonly streams: Map<string, Stream>;
}

export class OriginTracker {
  readonly #originsMax: number;
  readonly #origins = new Map<string, Origin>();

  constructor(originsMax: number) {
    this.#originsMax = originsMax;
  }

  get originCount(): number {
    return this.#origins.size;
  }

  note(node: string, epoch: Epoch, channel: string, seq: number): Verdict {
    const known = this.#origins.get(node);
    if (known === undefined) {
      this.#admit(node, epoch, channel, seq);
      return FIRST;
    }
    // Heard again: the last to be forgotten.
    this.#origins.delete(node);
    this.#origins.set(node, known);
    if (known.epoch !== epoch) {
      if (known.past.includes(epoch)) return STALE;
      known.past.push(known.epoch);
      if (known.past.length > PAST_EPOCHS_MAX) known.past.shift();
      known.epoch = epoch;
      known.streams.clear();
      known.streams.set(channel, newStream(seq));
      return NEW_EPOCH;
    }
    const stream = known.streams.get(channel);
    if (stream !== undefined) return noteSeq(stream, seq);
    known.streams.set(channel, newStream(seq));
    // The first on this channel; a number above 1 means that we were not listening from the start.
    return FIRST;
  }

  /** Whether something up to `lastSeq` has not come: by the origin's own word, so this finds a lost last message. */
  lacks(node: string, epoch: Epoch, channel: string, lastSeq: number): boolean {
    const origin = this.#origins.get(node);
    const stream = origin?.epoch === epoch ? origin.streams.get(channel) : undefined;
    if (stream === undefined) return lastSeq > 0;
    return lastSeq > stream.highest || (stream.holes[0]?.from ?? Infinity) <= lastSeq;
  }

  forget(node: string): void {
    this.#origins.delete(node);
  }

  #admit(node: string, epoch: Epoch, channel: string, seq: number): void {
    for (const oldest of this.#origins.keys()) {
      if (this.#origins.size < this.#originsMax) break;
      this.#origins.delete(oldest);
    }
    this.#origins.set(node, { epoch, past: [], streams: new Map([[channel, newStream(seq)]]) });
  }
}

function newStream(seq: number): Stream {
  return { floor: seq, highest: seq, holes: [] };
}

function noteSeq(stream: Stream, seq: number): Verdict {
  if (seq > stream.highest) {
    const missingFrom = stream.highest + 1;
    stream.highest = seq;
    if (missingFrom < seq) stream.holes.push({ from: missingFrom, to: seq - 1 });
    raiseFloor(stream);
    return missingFrom < seq ? { kind: 'gap', missingFrom, missingTo: seq - 1 } : IN_ORDER;
  }
  if (seq < stream.floor) return STALE;
  return fill(stream, seq) ? LATE : DUPLICATE;
}

/** What lies more than WINDOW back is forgotten, holes included: they were reported when they opened. */
function raiseFloor(stream: Stream): void {
  const floor = stream.highest - WINDOW;
  if (floor <= stream.floor) return;
  stream.floor = floor;
  while (stream.holes[0] !== undefined && stream.holes[0].to < floor) stream.holes.shift();
  const first = stream.holes[0];
  if (first !== undefined && first.from < floor) first.from = floor;
}

function fill(stream: Stream, seq: number): boolean {
  const at = stream.holes.findIndex((hole) => hole.from <= seq && seq <= hole.to);
  const hole = stream.holes[at];
  if (hole === undefined) return false;
  const rest = [
    { from: hole.from, to: seq - 1 },
    { from: seq + 1, to: hole.to },
  ].filter(({ from, to }) => from <= to);
  stream.holes.splice(at, 1, ...rest);
  return true;
}
