/**
 * Updates on their way out of a room: collected for as long as the flush timer says, then kept in the tail, and sent
 * to everybody at once, encoded once a wire, the same bytes to every session. Presence has a feed of its own, since
 * it may wait longer (presence-feed.ts).
 *
 *   add ──▶ pending ──flush──▶ tail, relay, one frame for every live session
 */
import type { Author } from './author.ts';
import { FrameCache, coalesce, joinFrames, runsByLocals } from './broadcast.ts';
import { tracesOf } from './edit-traces.ts';
import { FlushTimer } from './flush-timer.ts';
import { Others } from './others.ts';
import type { Room } from './room.ts';
import type { Session } from './session.ts';
import type { Tail } from './tail.ts';
import type { EditTrace } from './tracing.ts';

interface Pending {
  readonly bytes: Uint8Array;
  readonly source: Author;
  readonly seq: number;
  readonly trace: EditTrace | null;
}

export class UpdateFeed {
  readonly #room: Room;
  readonly #sessions: ReadonlySet<Session>;
  readonly #tail: Tail;
  readonly #timer: FlushTimer;
  #flushedSeq: number;
  #pending: Pending[] = [];

  /** `sessions`: the room's own set, read when there is something to send; `seq`: of the last update in `tail`. */
  constructor(room: Room, sessions: ReadonlySet<Session>, tail: Tail, seq: number) {
    const { limits, timers } = room.context;
    this.#room = room;
    this.#sessions = sessions;
    this.#tail = tail;
    this.#flushedSeq = seq;
    this.#timer = new FlushTimer(limits.flushWindowMs, timers, () => {
      room.flush();
    });
  }

  get flushedSeq(): number {
    return this.#flushedSeq;
  }

  /** Nothing waits for the next flush. */
  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  /** What the tail does not have yet. */
  pendingBytes(): readonly Uint8Array[] {
    return this.#pending.map((pending) => pending.bytes);
  }

  add(update: Pending): void {
    this.#pending.push(update);
    this.#timer.note(this.#sessions.size);
  }

  flush(): void {
    const pending = this.#pending;
    const last = pending.at(-1);
    if (last === undefined) return;
    const room = this.#room;
    const { stats, relay } = room.context;
    this.#pending = [];
    const fromSeq = this.#flushedSeq;
    const runs = coalesce(pending);
    for (const run of runs) this.#tail.append(run.bytes, run.firstSeq, run.lastSeq);
    this.#flushedSeq = last.seq;
    // An author alone in the window has it already; among others, one frame for all is cheaper.
    const author = pending.every((entry) => entry.source === last.source) ? last.source : null;
    const traces = tracesOf(pending);
    relay?.flushed(room, runsByLocals(pending, runs), traces);
    const frames = new FrameCache((wire) =>
      joinFrames(
        runs.map((run) => wire.update(run.bytes, { epoch: room.epoch, seq: run.lastSeq })),
      ),
    );
    const others = author === null ? new Others(pending) : null;
    for (const session of this.#sessions) {
      if (session === author) continue;
      const { wire } = session.outlet;
      const frame =
        others?.has(session) === true && session.isAckedByEcho
          ? others.frameFor(session, wire)
          : frames.get(wire);
      if (frame !== null) session.deliver(frame, fromSeq);
    }
    const receivers = this.#sessions.size;
    for (const trace of traces) trace.flushed({ updates: pending.length, receivers });
    stats.flushes += 1;
    stats.deliveries += this.#sessions.size;
    this.#timer.flushed();
    room.onActivity();
  }

  /** No flush comes by itself any more. */
  stop(): void {
    this.#timer.stop();
  }
}
