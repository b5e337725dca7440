/**
 * A session: one connection in one room. Takes the client's messages in order, one at a time, and decides
 * what is owed to it: the greeting, the catch-up, its acks, or a goodbye.
 *
 * Messages that cannot be handled yet wait in its inbox (inbox.ts); what it is sent of the room goes through its feed
 * (session-feed.ts); acks are in session-acks.ts.
 */
import type { ErrorCode } from '../protocol/errors.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Author } from './author.ts';
import type { CatchUpStart } from './catch-up.ts';
import { follow } from './edit-traces.ts';
import { EventRate } from './event-rate.ts';
import { Inbox } from './inbox.ts';
import type { ClientMessage, Frame, Outlet } from './outlet.ts';
import type { PresenceResult } from './presence.ts';
import type { Offer } from './admission.ts';
import type { DurabilityLevel } from './replication.ts';
import type { Room } from './room.ts';
import { SessionAcks } from './session-acks.ts';
import { SessionFeed } from './session-feed.ts';
import { readStateVector } from './updates/version.ts';
import { WorkerError } from './workers/worker-error.ts';

/** A state vector has one entry a client that ever wrote; 64 KiB hold about 10,000 of them. */
const STATE_VECTOR_BYTES_MAX = 64 * 1024;
/** Gaps that a client may open anew within the period before it is disconnected. */
const GAPS_MAX = 3;
/** `00 00`: no structs, no deletes. */
const EMPTY_UPDATE_BYTES = 2;

export interface SessionLimits {
  readonly inboxBytesMax: number;
  readonly sendBufferBytes: number;
}

export class Session implements Author {
  readonly outlet: Outlet;
  readonly #acks: SessionAcks;
  readonly #inbox: Inbox;
  readonly #feed: SessionFeed;
  #room: Room | null = null;
  #isClosed = false;
  #canWrite = true;
  /** What is being looked at answers our SyncStep1: it may carry what others wrote. */
  #isResyncing = false;
  #isGreeted = false;

  /** We asked for everything the client has (SyncStep1) and its answer has not come. */
  #isAsked = false;
  #lastOffer: Offer['kind'] | null = null;
  #gaps: EventRate | null = null;

  /** The user, by the token; null: somebody without a name. Set by who let the session in. */
  subject: string | null = null;

  /** Takes a new token that came in band; null: tokens mean nothing here. Set by who let the session in. */
  onToken: ((token: string) => Promise<void>) | null = null;

  /** `durability`: what an ack means to this client. */
  constructor(outlet: Outlet, limits: SessionLimits, durability: DurabilityLevel = 'local') {
    this.outlet = outlet;
    this.#acks = new SessionAcks(outlet, durability);
    this.#feed = new SessionFeed(this, this.#acks, limits.sendBufferBytes);
    this.#inbox = new Inbox(outlet, limits.inboxBytesMax, (message) => {
      this.#handle(message);
    });
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

  get isLive(): boolean {
    return !this.#isResyncing;
  }

  /** Takes effect with the next message; what was accepted stays. */
  setCanWrite(canWrite: boolean): void {
    this.#canWrite = canWrite;
  }

  /** The room is loaded: what waited in the inbox is handled now, in order. [I8] */
  enter(room: Room): void {
    if (this.#isClosed) return;
    this.#room = room;
    this.#acks.enter(room);
    room.join(this);
    this.#inbox.open();
  }

  /**
   * For transports whose client says in its request what it has, and reads in the answer what we have: it is
   * sent what it lacks, and not asked for more.
   */
  follow(start: Omit<CatchUpStart & { kind: 'join' }, 'kind'>): void {
    const room = this.#room;
    if (room === null) return;
    this.#isGreeted = true;
    this.#acks.release(room.appliedSeq);
    room.presence.sendAll(this);
    this.#feed.catchUp(room, { kind: 'join', ...start });
  }

  /** For transports that answer each message by itself; over the others a refusal closes the session. */
  applyPresence(entries: Uint8Array): PresenceResult {
    return this.#room?.presence.apply(entries, this) ?? { kind: 'ok' };
  }

  /** A message from the client. Handled at once unless something before it is still being looked at. */
  receive(message: ClientMessage): void {
    if (!this.#isClosed) this.#inbox.receive(message);
  }

  /** What it wrote must not come back before it is durable, because its client takes that for the ack. */
  get isAckedByEcho(): boolean {
    return this.#acks.isByEcho;
  }

  /** See session-feed.ts. */
  deliver(frame: Frame, fromSeq: number): void {
    this.#feed.deliver(this.#room, frame, fromSeq);
  }

  deliverSignal(frame: Frame): void {
    this.#feed.deliverSignal(frame);
  }

  deliverPresence(frame: Frame): void {
    this.#feed.deliverPresence(frame);
  }

  greet(room: Room): void {
    room.presence.sendAll(this);
  }

  onFeedFailed(error: unknown): void {
    this.#fail(error);
  }

  /** The room's durable sequence number has moved, or other regions are further. [I1] */
  onDurable(durableSeq: number): void {
    this.#acks.onDurable(this.#room, durableSeq);
    if (!this.#acks.isWaiting) this.#room?.stopWaitingForAck(this);
  }

  #requestAck(room: Room, payload: Uint8Array): void {
    this.#acks.request(room, payload, this.#barrier(room));
    room.waitForAck(this);
    this.onDurable(room.durableSeq);
    this.#acks.wantReplicas();
  }

  /**
   * Called about once a second while acks wait: tells the client that the connection lives, by repeating the
   * last durable payload (Y-Sweet clients give up 3 s after an unanswered request and take the maximum).
   */
  reassure(): void {
    if (!this.#acks.repeat()) this.keepAlive();
  }

  keepAlive(): void {
    // Whoever has so much to read hears enough.
    if (this.#feed.hasRoom) this.outlet.send(this.outlet.wire.keepAlive());
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
    this.#inbox.close();
    this.#room?.leave(this);
    this.#room = null;
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
      case 'signal':
        room.signal(new Uint8Array(message.payload));
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
    const isFirst = !this.#isGreeted;
    if (isFirst || this.outlet.wire.asksAtEverySync === true) {
      this.#isGreeted = true;
      this.#acks.hold();
      this.#ask();
    }
    if (isFirst) room.presence.sendAll(this);
    const start: CatchUpStart = { kind: 'join', stateVector: new Uint8Array(bytes), clocks };
    const slowed = this.#feed.join(room, start);
    if (slowed !== null) this.#busyUntil(slowed);
  }

  /** What arrives until `work` is done waits in the inbox. */
  #busyUntil(work: Promise<void>): void {
    this.#inbox.busyUntil(work, (error) => {
      this.#fail(error);
    });
  }

  /** Sends our SyncStep1: the client answers with everything that we lack. */
  #ask(): void {
    const room = this.#room;
    if (room === null) return;
    this.#isAsked = true;
    this.outlet.send(this.outlet.wire.syncStep1(room.version.encodeStateVector()));
  }

  #offer(room: Room, update: Uint8Array, isStep2: boolean): void {
    const trace = follow(room, update, 'socket');
    let offer: Offer | Promise<Offer>;
    this.#isResyncing = isStep2;
    try {
      offer = room.offer(update, this, trace);
    } catch (error) {
      trace?.checked('failed');
      this.#fail(error);
      return;
    }
    if (trace !== null) this.#acks.follow(trace, offer);
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
          if (update.byteLength > EMPTY_UPDATE_BYTES) this.#acks.mustProve(room.appliedSeq);
        }
        // Redundant too waits for the room's current seq: its first copy may not be on disk yet. [I1]
        if (isStep2) {
          this.#isAsked = false;
          this.#acks.release(this.#barrier(room));
          this.onDurable(room.durableSeq);
          this.#acks.wantReplicas();
        }
        return this.#echo(room, update, offer.kind === 'redundant' && isStep2);
      case 'gap':
        return this.#onGap(room, update, isStep2);
      case 'refused':
        room.context.report({
          type: 'update-refused',
          document: room.name,
          reason: offer.reason,
          bytes: update.byteLength,
        });
        this.#refuse(room, update, offer, isStep2);
        return undefined;
    }
  }

  #refuse(
    room: Room,
    update: Uint8Array,
    { code, reason }: Offer & { readonly kind: 'refused' },
    isStep2: boolean,
  ): void {
    const answer = this.outlet.refuse?.(update, code) ?? 'close';
    if (answer === 'close') this.close(code, reason === code ? undefined : reason);
    else if (answer === 'unsaved') this.#acks.forfeit();
    else if (isStep2) {
      this.#isAsked = false;
      this.#acks.release(room.appliedSeq);
      this.onDurable(room.durableSeq);
    }
  }

  /** Where the echo is the ack: what is in the room now is sent back when it is durable. */
  #echo(room: Room, update: Uint8Array, isRepeated: boolean): Promise<void> | undefined {
    if (!this.isAckedByEcho || update.byteLength <= EMPTY_UPDATE_BYTES) return undefined;
    // Every reconnecting client repeats all deletions; the answer to its SyncStep1 had them.
    if (isRepeated && update[0] === 0) return undefined;
    this.#acks.echo(update, room.appliedSeq);
    room.waitForAck(this);
    this.onDurable(room.durableSeq);
    this.#acks.wantReplicas();
    // Bounded: nothing more is taken from this client before the disk has caught up. [I6]
    return this.#acks.isEchoFull ? room.whenDurable(room.appliedSeq) : undefined;
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

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#room?.context.report({ type: 'session-failed', document: this.#room.name, error });
    if (error instanceof ProtocolError) this.close(error.code, error.message);
    else this.close(error instanceof WorkerError ? 'overloaded' : 'store-unavailable');
  }
}
