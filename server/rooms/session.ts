/**
 * A session: one connection in one room. Takes the client's messages in order, one at a time, and decides
 * what is owed to it: the greeting, the catch-up, its acks, or a goodbye.
 *
 *   waiting ──SyncStep1──▶ streaming ──caught up──▶ live ──send buffer full──▶ lagging
 *                             ▲                      │                            │
 *                             └──────SyncStep1───────┴────────◀──drained──────────┘
 *
 * Messages that arrive while the room loads, or while one before them is looked at in a worker, wait in a
 * bounded inbox; when it is full the socket is not read. Nothing is dropped. [I6] [I8]
 */
import type { ErrorCode } from '../protocol/errors.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { AckQueue } from './ack-queue.ts';
import type { Author } from './author.ts';
import { catchUp, type CatchUpStart } from './catch-up.ts';
import { EventRate, RATE_PERIOD_MS } from './event-rate.ts';
import { messageBytes, type ClientMessage, type Frame, type Outlet } from './outlet.ts';
import type { PresenceResult } from './presence.ts';
import type { Offer } from './admission.ts';
import { followed, type DurabilityLevel, type Replication } from './replication.ts';
import type { Room } from './room.ts';
import { pause } from './timers.ts';
import { readStateVector } from './updates/version.ts';
import { WorkerError } from './workers/worker-error.ts';

/** A state vector has one entry a client that ever wrote; 64 KiB hold about 10,000 of them. */
const STATE_VECTOR_BYTES_MAX = 64 * 1024;
/** Gaps that a client may open anew within the period before it is disconnected. */
const GAPS_MAX = 3;
/** Full answers (SyncStep1) that a client may ask for within the period before it is slowed. */
const JOINS_MAX = 5;

/** `00 00`: no structs, no deletes. */
const EMPTY_UPDATE_BYTES = 2;
/** Below what anybody waits for. */
const NOTHING_YET = -2;

type SyncState = 'waiting' | 'streaming' | 'live' | 'lagging';

export interface SessionLimits {
  readonly inboxBytesMax: number;
  readonly sendBufferBytes: number;
}

export class Session implements Author {
  readonly outlet: Outlet;
  readonly #limits: SessionLimits;
  readonly #acks = new AckQueue();
  readonly #durability: DurabilityLevel;
  /** Null: acks are for this node's disk. */
  #replication: Replication | null = null;
  /** Up to there other regions must have everything, whoever wrote it: the client sent what was known already. */
  #provenSeq = -1;
  #room: Room | null = null;
  #sync: SyncState = 'waiting';
  #isClosed = false;
  #canWrite = true;
  /** A SyncStep1 that arrived while a catch-up was running: answered after it, the newest only. */
  #nextJoin: CatchUpStart | null = null;
  #isGreeted = false;

  #inbox: ClientMessage[] | null = null;
  #inboxBytes = 0;
  #isBusy = true;
  #isReading = true;

  /** We asked for everything the client has (SyncStep1) and its answer has not come. */
  #isAsked = false;
  #lastOffer: Offer['kind'] | null = null;
  #gaps: EventRate | null = null;
  #joins: EventRate | null = null;

  /** Takes a new token that came in band; null: tokens mean nothing here. Set by who let the session in. */
  onToken: ((token: string) => Promise<void>) | null = null;

  /** `durability`: what an ack means to this client. */
  constructor(outlet: Outlet, limits: SessionLimits, durability: DurabilityLevel = 'local') {
    this.outlet = outlet;
    this.#durability = durability;
    this.#limits = limits;
  }

  get isWaitingForAck(): boolean {
    return this.#acks.isWaiting;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get canWrite(): boolean {
    return this.#canWrite;
  }

  /** Takes effect with the next message; what was accepted stays. */
  setCanWrite(canWrite: boolean): void {
    this.#canWrite = canWrite;
  }

  /** The room is loaded: what waited in the inbox is handled now, in order. [I8] */
  enter(room: Room): void {
    if (this.#isClosed) return;
    this.#room = room;
    if (this.#durability === 'replicated') this.#replication = followed(room);
    room.join(this);
    this.#isBusy = false;
    this.#handleInbox();
  }

  /**
   * For transports whose client says in its request what it has, and reads in the answer what we have: it is
   * sent what it lacks, and not asked for more.
   */
  follow(start: Omit<CatchUpStart & { kind: 'join' }, 'kind'>): void {
    const room = this.#room;
    if (room === null) return;
    this.#isGreeted = true;
    this.#acks.release(room.appliedSeq, this.#replication?.localSeq);
    room.presence.sendAll(this);
    this.#startCatchUp({ kind: 'join', ...start });
  }

  /** For transports that answer each message by itself; over the others a refusal closes the session. */
  applyPresence(entries: Uint8Array): PresenceResult {
    return this.#room?.presence.apply(entries, this) ?? { kind: 'ok' };
  }

  /** A message from the client. Handled at once unless something before it is still being looked at. */
  receive(message: ClientMessage): void {
    if (this.#isClosed) return;
    if (this.#isBusy || this.#inbox !== null) {
      (this.#inbox ??= []).push(message);
      this.#inboxBytes += messageBytes(message);
      if (this.#isReading && this.#inboxBytes > this.#limits.inboxBytesMax) this.#setReading(false);
      return;
    }
    this.#handle(message);
  }

  /** A flush of the room. `fromSeq` is where the room stood before it. */
  deliver(frame: Frame, fromSeq: number): void {
    if (this.#sync !== 'live') return;
    if (this.outlet.bufferedBytes > this.#limits.sendBufferBytes) {
      this.#sync = 'lagging';
      if (this.#room !== null) this.#room.context.stats.lagging += 1;
      this.outlet.onDrain(() => {
        if (this.#sync === 'lagging') this.#startCatchUp({ kind: 'resume', seq: fromSeq });
      });
      return;
    }
    this.outlet.send(frame);
  }

  /** Presence is the first thing that a slow reader does without; it gets the whole table when it is back. */
  deliverPresence(frame: Frame): void {
    if (this.#sync === 'lagging' || this.#sync === 'waiting') return;
    if (this.outlet.bufferedBytes > this.#limits.sendBufferBytes) return;
    this.outlet.send(frame);
  }

  /** The room's durable sequence number has moved, or other regions are further. [I1] */
  onDurable(durableSeq: number): void {
    const payload = this.#acks.takeDurable(durableSeq, this.#replicatedSeq);
    if (payload !== null) {
      this.#sendAck(payload);
      this.#countAck();
    }
    if (!this.#acks.isWaiting) this.#room?.stopWaitingForAck(this);
  }

  #countAck(): void {
    if (this.#room === null) return;
    const { stats, timers } = this.#room.context;
    stats.onAck(this.#durability, timers.now() - this.#acks.askedMs);
  }

  /** Which of this node's updates another region has, as far as this client is concerned. */
  get #replicatedSeq(): number {
    const replication = this.#replication;
    if (replication === null) return Infinity;
    return replication.provenSeq >= this.#provenSeq ? replication.chainSeq : NOTHING_YET;
  }

  #requestAck(room: Room, payload: Uint8Array): void {
    const replication = this.#replication;
    const nowMs = room.context.timers.now();
    this.#acks.request(payload, this.#barrier(room), replication?.localSeq, nowMs);
    room.waitForAck(this);
    this.onDurable(room.durableSeq);
    if (this.#acks.isWaiting && !this.#acks.isHolding) this.#wantReplicas();
  }

  #wantReplicas(): void {
    const replication = this.#replication;
    replication?.want({ chainSeq: replication.localSeq, provenSeq: this.#provenSeq });
  }

  /**
   * Called about once a second while acks wait: tells the client that the connection lives, by repeating the
   * last durable payload (Y-Sweet clients give up 3 s after an unanswered request and take the maximum).
   */
  reassure(): void {
    if (this.#acks.lastDurable !== null) this.#sendAck(this.#acks.lastDurable);
    else this.keepAlive();
  }

  keepAlive(): void {
    this.outlet.send(this.outlet.wire.keepAlive());
  }

  /** The token ends soon; whoever can renew it in band does. */
  warnOfExpiry(secondsLeft: number): void {
    const frame = this.outlet.wire.expiry?.(secondsLeft);
    if (frame !== undefined) this.outlet.send(frame);
  }

  /** Asks again a client whose content depends on something that nobody had: somebody may have it by now. */
  askAgain(): void {
    if (this.#isGreeted && this.#acks.isHolding) this.#ask();
  }

  close(code: ErrorCode, detail?: string): void {
    if (this.#isClosed) return;
    this.outlet.close(code, detail);
    this.leave();
  }

  /** The connection is gone. */
  leave(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbox = null;
    this.#room?.leave(this);
    this.#room = null;
  }

  #setReading(isReading: boolean): void {
    this.#isReading = isReading;
    this.outlet.setReading(isReading);
  }

  #handleInbox(): void {
    while (!this.#isBusy && this.#inbox !== null) {
      const message = this.#inbox.shift();
      if (message === undefined) {
        this.#inbox = null;
        break;
      }
      this.#inboxBytes -= messageBytes(message);
      this.#handle(message);
    }
    if (!this.#isReading && !this.#isClosed && this.#inboxBytes <= this.#limits.inboxBytesMax / 2) {
      this.#setReading(true);
    }
  }

  #handle(message: ClientMessage): void {
    const room = this.#room;
    if (room === null) return;
    switch (message.type) {
      case 'sync-step-1':
        this.#onSyncStep1(room, message.stateVector);
        break;
      case 'sync-step-2':
        this.#offer(room, message.update, true);
        break;
      case 'update':
        this.#offer(room, message.update, false);
        break;
      case 'presence': {
        const result = this.applyPresence(message.entries);
        if (result.kind === 'refused') this.close(result.code);
        break;
      }
      case 'presence-query':
        room.presence.sendAll(this);
        break;
      case 'ack-request':
        this.#requestAck(room, new Uint8Array(message.payload));
        break;
      case 'token':
        // What follows it waits: it may need the new rights.
        if (this.onToken !== null) this.#busyUntil(this.onToken(message.token));
        break;
    }
  }

  /** Everything this session has sent is durable once the room's durable seq reaches this. [I1] */
  #barrier(room: Room): number {
    if (this.#lastOffer === 'redundant' && room.context.sabotage.ackRedundantAtOnce === true) {
      return room.durableSeq;
    }
    return room.appliedSeq;
  }

  #onSyncStep1(room: Room, bytes: Uint8Array): void {
    const clocks = readStateVector(bytes, STATE_VECTOR_BYTES_MAX);
    if (clocks === null) {
      this.close('malformed-message', 'not a state vector');
      return;
    }
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      this.#ask();
      room.presence.sendAll(this);
    }
    const start: CatchUpStart = { kind: 'join', stateVector: new Uint8Array(bytes), clocks };
    if (this.#sync === 'streaming') this.#nextJoin = start;
    else if (this.#isJoiningTooOften(room)) {
      // A join is small to ask for and large to answer: who asks too often waits, and so do its messages.
      this.#busyUntil(
        pause(room.context.timers, RATE_PERIOD_MS / JOINS_MAX).then(() => {
          this.#startCatchUp(start);
        }),
      );
    } else this.#startCatchUp(start);
  }

  /** The first join is free of bookkeeping: most sessions never join again. */
  #isJoiningTooOften(room: Room): boolean {
    if (this.#sync === 'waiting') return false;
    return (this.#joins ??= new EventRate(JOINS_MAX)).isOver(room.context.timers.now());
  }

  /** What arrives until `work` is done waits in the inbox. */
  #busyUntil(work: Promise<void>): void {
    this.#isBusy = true;
    work.then(
      () => {
        this.#isBusy = false;
        this.#handleInbox();
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  /** Sends our SyncStep1: the client answers with everything that we lack. */
  #ask(): void {
    const room = this.#room;
    if (room === null) return;
    this.#isAsked = true;
    this.outlet.send(this.outlet.wire.syncStep1(room.version.encodeStateVector()));
  }

  #offer(room: Room, update: Uint8Array, isStep2: boolean): void {
    let offer: Offer | Promise<Offer>;
    try {
      offer = room.offer(update, this);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const rest =
      offer instanceof Promise
        ? offer.then((result) => this.#onOffered(room, result, update, isStep2))
        : this.#onOffered(room, offer, update, isStep2);
    if (rest !== undefined) this.#busyUntil(rest);
  }

  #onOffered(
    room: Room,
    offer: Offer,
    update: Uint8Array,
    isStep2: boolean,
  ): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#lastOffer = offer.kind;
    switch (offer.kind) {
      case 'accepted':
      case 'redundant':
        // Who brought what was known already, and how far it got, nobody here knows.
        if (offer.kind === 'redundant' || offer.isPart === true || isStep2) {
          if (update.byteLength > EMPTY_UPDATE_BYTES) this.#provenSeq = room.appliedSeq;
        }
        // Redundant too waits for the room's current seq: its first copy may not be on disk yet. [I1]
        if (isStep2) {
          this.#isAsked = false;
          this.#acks.release(this.#barrier(room), this.#replication?.localSeq);
          this.onDurable(room.durableSeq);
          if (this.#acks.isWaiting) this.#wantReplicas();
        }
        return undefined;
      case 'gap':
        return this.#onGap(room, update, isStep2);
      case 'refused':
        room.context.report({
          type: 'update-refused',
          document: room.name,
          reason: offer.reason,
          bytes: update.byteLength,
        });
        this.close(offer.code, offer.reason === offer.code ? undefined : offer.reason);
        return undefined;
    }
  }

  /**
   * Something the update builds on is missing here. Its sender is asked for everything it has; until that
   * arrives its acks wait. An answer that has a gap itself comes from a client that holds content which it
   * cannot integrate either: what can be integrated is taken, the rest stays unsaved and is told so.
   */
  #onGap(room: Room, update: Uint8Array, isStep2: boolean): Promise<void> | undefined {
    this.#acks.hold();
    if (isStep2) {
      this.#isAsked = false;
      return room.offerIntegrablePart(update, this).then(() => undefined);
    }
    if (this.#isAsked) return undefined;
    if ((this.#gaps ??= new EventRate(GAPS_MAX)).isOver(room.context.timers.now())) {
      this.close('unresolved-gap');
      return undefined;
    }
    this.#ask();
    return undefined;
  }

  #startCatchUp(start: CatchUpStart): void {
    const room = this.#room;
    if (room === null) return;
    // What waits for the next flush belongs into this answer too.
    room.flush();
    this.#sync = 'streaming';
    const wasLagging = start.kind === 'resume';
    catchUp(room, this.outlet, start, {
      sendBufferBytes: this.#limits.sendBufferBytes,
      isCancelled: () => this.#isClosed || this.outlet.isClosed,
      onLive: () => {
        this.#sync = 'live';
        if (wasLagging) room.presence.sendAll(this);
      },
    }).then(
      () => {
        const next = this.#nextJoin;
        this.#nextJoin = null;
        if (next !== null && !this.#isClosed) this.#startCatchUp(next);
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  #sendAck(payload: Uint8Array): void {
    const frame = this.outlet.wire.ack(payload);
    if (frame !== null) this.outlet.send(frame);
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#room?.context.report({ type: 'session-failed', document: this.#room.name, error });
    if (error instanceof ProtocolError) this.close(error.code, error.message);
    else this.close(error instanceof WorkerError ? 'overloaded' : 'store-unavailable');
  }
}
