/**
 * What one session is owed in acks: which requests wait, for which of the room's numbers, and, when the client wants
 * to know about other regions too, for how much of them. The numbers themselves are the room's. [I1]
 */
import { AckQueue } from './ack-queue.ts';
import type { Offer } from './admission.ts';
import { FollowedEdits } from './edit-traces.ts';
import type { Outlet } from './outlet.ts';
import { followed, type DurabilityLevel, type Replication } from './replication.ts';
import type { Room } from './room.ts';
import type { EditTrace } from './tracing.ts';

/** Below what anybody waits for. */
const NOTHING_YET = -2;

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

  /** `level`: what an ack means to this client. */
  constructor(outlet: Outlet, level: DurabilityLevel) {
    this.#outlet = outlet;
    this.#level = level;
  }

  get isWaiting(): boolean {
    return this.#queue.isWaiting;
  }

  /** True while acks wait for what the client has and we have not. */
  get isHolding(): boolean {
    return this.#queue.isHolding;
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
    this.#queue.request(payload, seq, this.#replication?.localSeq, room.context.timers.now());
    this.#followed?.requested(this.#level);
  }

  /** From now on requests wait for `release`: something that the client sent before them is still missing. */
  hold(): void {
    this.#queue.hold();
  }

  /** What was missing has been applied, at `seq` at the latest. */
  release(seq: number): void {
    this.#queue.release(seq, this.#replication?.localSeq);
  }

  /** The client brought what was known already, up to `seq`: how far that got, nobody here knows. */
  mustProve(seq: number): void {
    this.#provenSeq = seq;
  }

  /** The room's durable sequence number has moved, or other regions are further: tells the client what is covered. */
  onDurable(room: Room | null, durableSeq: number): void {
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
    if (!this.#queue.isWaiting || this.#queue.isHolding) return;
    const replication = this.#replication;
    replication?.want({ chainSeq: replication.localSeq, provenSeq: this.#provenSeq });
  }

  /** Repeats the last ack; false when there was none. */
  repeat(): boolean {
    const payload = this.#queue.lastDurable;
    if (payload !== null) this.#send(payload);
    return payload !== null;
  }

  /** Which of this node's updates another region has, as far as this client is concerned. */
  get #replicatedSeq(): number {
    const replication = this.#replication;
    if (replication === null) return Infinity;
    return replication.provenSeq >= this.#provenSeq ? replication.chainSeq : NOTHING_YET;
  }

  #send(payload: Uint8Array): void {
    const frame = this.#outlet.wire.ack(payload);
    if (frame !== null) this.#outlet.send(frame);
  }
}
