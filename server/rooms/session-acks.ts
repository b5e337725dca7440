/**
 * What one session is owed in acks: which requests wait, for which of the room's numbers, and, when the client wants
 * to know about other regions too, for how much of them. The numbers themselves are the room's. [I1]
 */
import { AckQueue } from './ack-queue.ts';
import { Echoes } from './echoes.ts';
import type { Offer } from './admission.ts';
import { FollowedEdits } from './edit-traces.ts';
import type { Outlet } from './outlet.ts';
import { followed, type DurabilityLevel, type Replication } from './replication.ts';
import type { Room } from './room.ts';
import type { EditTrace } from './tracing.ts';

/** Below what anybody waits for. */
const NOTHING_YET = -2;
/** Of a client's updates: held until they are durable, and sent back at once when they are. */
const ECHO_BYTES_MAX: number = 1024 * 1024;

export class SessionAcks {
  readonly #outlet: Outlet;
  readonly #level: DurabilityLevel;
  readonly #queue = new AckQueue();
  /** Null: acks are for this node's disk. */
  #replication: Replication | null = null;
  /** Up to there other regions must have everything, whoever wrote it: the client sent what was known already. */
  #provenSeq = -1;
  /** Null: none of the client's edits is followed. */
  #followed: FollowedEdits | null = null;
  #isForfeited = false;
  /** Null: nothing has been written, or acks are asked for by name. */
  #echoes: Echoes | null = null;
  #isAsked = false;
  /** The socket has to take a large echo before anything else is sent. */
  #isDraining = false;

  /** `level`: what an ack means to this client. */
  constructor(outlet: Outlet, level: DurabilityLevel) {
    this.#outlet = outlet;
    this.#level = level;
  }

  get isWaiting(): boolean {
    return this.#queue.isWaiting || this.isEchoing;
  }

  /** Acks are the echoes of what the client wrote, as long as it asks for none by name. */
  get isByEcho(): boolean {
    return this.#outlet.wire.acksByEcho === true && !this.#isAsked;
  }

  /** Something of the client's is not durable yet, and has not been sent back. */
  get isEchoing(): boolean {
    return this.#isDraining || this.#echoes?.isWaiting === true;
  }

  /** So much waits to be sent back that the client has to wait, too. [I6] */
  get isEchoFull(): boolean {
    return (this.#echoes?.bytes ?? 0) > ECHO_BYTES_MAX;
  }

  /** What the client wrote is sent back when it is durable. */
  echo(update: Uint8Array, seq: number): void {
    (this.#echoes ??= new Echoes()).add(update, seq, this.#replication?.localSeq ?? -1);
  }

  /** True while acks wait for what the client has and we have not. */
  get isHolding(): boolean {
    return this.#queue.isHolding && !this.#isForfeited;
  }

  enter(room: Room): void {
    if (this.#level === 'replicated') this.#replication = followed(room);
  }

  /** An edit of the client that is followed, until it is acked. */
  follow(trace: EditTrace, offer: Offer | Promise<Offer>): void {
    (this.#followed ??= new FollowedEdits()).add(trace, offer);
  }

  /** The client asks to be told when everything it sent so far is durable: `seq` of the room, at the latest. */
  request(room: Room, payload: Uint8Array, seq: number): void {
    this.#isAsked = true;
    this.#queue.request(payload, seq, this.#replication?.localSeq, room.context.timers.now());
    this.#followed?.requested(this.#level);
  }

  /** From now on requests wait for `release`: something that the client sent before them is still missing. */
  hold(): void {
    this.#queue.hold();
  }

  /** Something that the client sent will never be taken: nothing is acked any more, whatever comes. [I3] */
  forfeit(): void {
    this.#isForfeited = true;
    this.#queue.hold();
  }

  /** What was missing has been applied, at `seq` at the latest. */
  release(seq: number): void {
    if (this.#isForfeited) return;
    this.#queue.release(seq, this.#replication?.localSeq);
  }

  /** The client brought what was known already, up to `seq`: how far that got, nobody here knows. */
  mustProve(seq: number): void {
    this.#provenSeq = seq;
  }

  /** The room's durable sequence number has moved, or other regions are further: tells the client what is covered. */
  onDurable(room: Room | null, durableSeq: number): void {
    if (this.#isEchoing(room, durableSeq)) return;
    const payload = this.#queue.takeDurable(durableSeq, this.#replicatedSeq);
    if (payload === null) return;
    this.#send(payload);
    this.#followed?.acked(this.#queue.coveredSeq);
    if (room === null) return;
    const { stats, timers } = room.context;
    stats.onAck(this.#level, timers.now() - this.#queue.askedMs);
  }

  /** Other regions are asked for what is still waited for. */
  wantReplicas(): void {
    if (!this.isEchoing && (!this.#queue.isWaiting || this.#queue.isHolding)) return;
    const replication = this.#replication;
    replication?.want({ chainSeq: replication.localSeq, provenSeq: this.#provenSeq });
  }

  /**
   * Sends back what is durable, no more at once than a socket is given otherwise: a client gets its offline work back too,
   * and is not closed for not having read it yet. True while the socket has to drain first; then it goes on by itself.
   */
  #isEchoing(room: Room | null, durableSeq: number): boolean {
    const outlet = this.#outlet;
    while (this.#echoes !== null && !this.#isDraining) {
      const updates = this.#echoes.take(durableSeq, this.#replicatedSeq, ECHO_BYTES_MAX);
      if (updates.length === 0) break;
      for (const update of updates) outlet.send(outlet.wire.update(update));
      if (outlet.bufferedBytes <= ECHO_BYTES_MAX) continue;
      this.#isDraining = true;
      outlet.onDrain(() => {
        this.#isDraining = false;
        this.onDurable(room, durableSeq);
      });
    }
    return this.#isDraining;
  }

  /** Repeats the last ack; false when there is nothing to repeat. */
  repeat(): boolean {
    if (this.#isDraining) return true;
    const payload = this.#queue.lastDurable;
    return payload !== null && this.#send(payload);
  }

  /** Which of this node's updates another region has, as far as this client is concerned. */
  get #replicatedSeq(): number {
    const replication = this.#replication;
    if (replication === null) return Infinity;
    return replication.provenSeq >= this.#provenSeq ? replication.chainSeq : NOTHING_YET;
  }

  #send(payload: Uint8Array): boolean {
    const outlet = this.#outlet;
    if (outlet.ack !== undefined) return outlet.ack(payload);
    const frame = outlet.wire.ack(payload);
    if (frame !== null) outlet.send(frame);
    return frame !== null;
  }
}
