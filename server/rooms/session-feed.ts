/**
 * What a session is sent of its room: the catch-up that brings it there, then every flush, and a catch-up again when it did
 * not keep up. Never more than one send buffer ahead of the socket. [I6]
 *
 *   waiting ──SyncStep1──▶ streaming ──caught up──▶ live ──send buffer full──▶ lagging
 *                             ▲                      │                            │
 *                             └──────SyncStep1───────┴────────◀──drained──────────┘
 */
import { catchUp, type CatchUpStart } from './catch-up.ts';
import { EventRate, RATE_PERIOD_MS } from './event-rate.ts';
import type { Frame, Outlet } from './outlet.ts';
import type { Room } from './room.ts';
import type { SessionAcks } from './session-acks.ts';
import { pause } from './timers.ts';

/** Full answers (SyncStep1) that a client may ask for within the period before it is slowed. */
const JOINS_MAX = 5;
/** How often a session that lagged looks whether its own updates are durable yet. */
const ECHO_PAUSE_MS = 50;

/** The session, as far as this is concerned. */
export interface FedSession {
  readonly outlet: Outlet;
  readonly isClosed: boolean;
  /** Everybody's presence, again: what came while it lagged was left out. */
  greet(room: Room): void;
  onFeedFailed(error: unknown): void;
}

export class SessionFeed {
  readonly #session: FedSession;
  readonly #acks: Pick<SessionAcks, 'isEchoing'>;
  readonly #bufferBytes: number;
  #state: 'waiting' | 'streaming' | 'live' | 'lagging' = 'waiting';
  /** A SyncStep1 that arrived while a catch-up was running: answered after it, the newest only. */
  #nextJoin: CatchUpStart | null = null;
  #joins: EventRate | null = null;

  constructor(session: FedSession, acks: Pick<SessionAcks, 'isEchoing'>, bufferBytes: number) {
    this.#session = session;
    this.#acks = acks;
    this.#bufferBytes = bufferBytes;
  }

  get hasRoom(): boolean {
    return this.#session.outlet.bufferedBytes <= this.#bufferBytes;
  }

  /** Answers a SyncStep1. What the client says next waits for the promise, if there is one. */
  join(room: Room, start: CatchUpStart): Promise<void> | null {
    if (this.#state === 'streaming') this.#nextJoin = start;
    else if (this.#isJoiningTooOften(room)) {
      // A join is small to ask for and large to answer: who asks too often waits, and so do its messages.
      return pause(room.context.timers, RATE_PERIOD_MS / JOINS_MAX).then(() => {
        this.catchUp(room, start);
      });
    } else this.catchUp(room, start);
    return null;
  }

  /** A flush of the room. `fromSeq` is where the room stood before it. */
  deliver(room: Room | null, frame: Frame, fromSeq: number): void {
    if (this.#state !== 'live') return;
    const { outlet } = this.#session;
    if (this.hasRoom) {
      outlet.send(frame);
      return;
    }
    this.#state = 'lagging';
    if (room === null) return;
    room.context.stats.lagging += 1;
    outlet.onDrain(() => {
      this.#resume(room, fromSeq);
    });
  }

  /** A signal of somebody in the room. */
  deliverSignal(frame: Frame): void {
    if (this.hasRoom) this.#session.outlet.send(frame);
  }

  /** Presence is the first thing that a slow reader does without; it gets the whole table when it is back. */
  deliverPresence(frame: Frame): void {
    if (this.#state === 'lagging' || this.#state === 'waiting') return;
    if (this.hasRoom) this.#session.outlet.send(frame);
  }

  catchUp(room: Room, start: CatchUpStart): void {
    const session = this.#session;
    if (session.isClosed) return;
    // What waits for the next flush belongs into this answer too.
    room.flush();
    this.#state = 'streaming';
    const wasLagging = start.kind === 'resume';
    catchUp(room, session.outlet, start, {
      sendBufferBytes: this.#bufferBytes,
      isCancelled: () => session.isClosed || session.outlet.isClosed,
      onLive: () => {
        this.#state = 'live';
        if (wasLagging) session.greet(room);
      },
    }).then(
      () => {
        const next = this.#nextJoin;
        this.#nextJoin = null;
        if (next !== null) this.catchUp(room, next);
      },
      (error: unknown) => {
        session.onFeedFailed(error);
      },
    );
  }

  /** Catches up after lagging; what the client wrote itself may be in it, and has to be durable first. */
  #resume(room: Room, fromSeq: number): void {
    if (this.#state !== 'lagging' || this.#session.isClosed) return;
    if (!this.#acks.isEchoing) this.catchUp(room, { kind: 'resume', seq: fromSeq });
    else {
      room.context.timers.setTimeout(() => {
        this.#resume(room, fromSeq);
      }, ECHO_PAUSE_MS);
    }
  }

  /** The first join is free of bookkeeping: most sessions never join again. */
  #isJoiningTooOften(room: Room): boolean {
    if (this.#state === 'waiting') return false;
    return (this.#joins ??= new EventRate(JOINS_MAX)).isOver(room.context.timers.now());
  }
}
