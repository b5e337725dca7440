/**
 * One document on one node, and a peer of another region, with nothing but the bookkeeping of replicated acks between
 * them: updates are numbers, the channel loses and delays, the peer's disk is slow. What the peer really has on disk is
 * known here, so that every claim can be checked.
 */
import type { DocumentName } from '../../server/protocol/document-name.ts';
import type { Received } from '../../server/fanout/exchange.ts';
import type { Message } from '../../server/fanout/messages.ts';
import { Receipts } from '../../server/fanout/receipts.ts';
import { ReplicatedAcks } from '../../server/fanout/replicated-acks.ts';
import { Replication } from '../../server/rooms/replication.ts';
import type { VirtualTimers } from './virtual-timers.ts';

const DOCUMENT = 'notes' as DocumentName;
const EPOCH = '00000000000000aa';
const ORIGIN = { origin: 'a', epoch: EPOCH, region: 'eu' };

export interface Weather {
  /** Of each message, in either direction. */
  readonly drop: number;
  readonly delayMsMax: number;
}

export class ReplicaModel {
  readonly acks: ReplicatedAcks;
  readonly receipts: Receipts;
  readonly replication: Replication;
  weather: Weather = { drop: 0, delayMsMax: 1 };
  /** What the origin has accepted: position is the store's number; true: written there. */
  readonly updates: boolean[] = [];
  /** Of the peer: which updates it has in memory, in order of its own store; and how many of those are on disk. */
  readonly peer: number[] = [];
  peerDurable = 0;
  isPeerDiskStuck = false;
  readonly #timers: VirtualTimers;
  readonly #random: () => number;
  #busSeq = 0;
  #lastSeq = 0;
  #flushed = 0;

  constructor(timers: VirtualTimers, random: () => number) {
    this.#timers = timers;
    this.#random = random;
    this.acks = new ReplicatedAcks({
      region: 'eu',
      epoch: EPOCH,
      timers,
      probe: () => {
        this.flush();
        const seq = this.#next();
        const version = this.updates.length;
        this.#carry(() => this.#onProbe(seq, version));
        return seq;
      },
    });
    this.replication = new Replication(
      DOCUMENT,
      () => this.updates.length - 1,
      this.acks,
      timers,
      () => undefined,
    );
    this.receipts = new Receipts({
      region: 'us',
      timers,
      send: (message) => this.#carry(() => this.acks.onDurable(this.#fromPeer(message))),
      durableSeqOf: () => this.peerDurable - 1,
    });
  }

  /** What of the origin's updates is on the peer's disk. */
  get onPeerDisk(): ReadonlySet<number> {
    return new Set(this.peer.slice(0, this.peerDurable));
  }

  write(isLocal: boolean): void {
    this.updates.push(isLocal);
    if (isLocal) this.replication.accepted(this.updates.length - 1);
    // Other nodes' updates reach the peer by themselves, or do not.
    else if (this.#random() < 0.5) this.#carry(() => this.#take([this.updates.length - 1]));
  }

  /** Publishes what was written here; `isTooLarge`: or not. */
  flush(isTooLarge: boolean = false): void {
    const locals: number[] = [];
    for (let seq = this.#flushed; seq < this.updates.length; seq += 1) {
      if (this.updates[seq] === true) locals.push(seq);
    }
    this.#flushed = this.updates.length;
    const last = locals.at(-1);
    if (last === undefined) return;
    if (isTooLarge) {
      this.acks.unsent(this.replication, last);
      return;
    }
    const previousSeq = this.#lastSeq;
    const seq = this.#next();
    this.acks.sent(this.replication, seq, last);
    this.#carry(() => {
      this.#take(locals);
      this.receipts.note(ORIGIN, DOCUMENT, previousSeq, seq, this.peer.length - 1);
    });
  }

  /** The peer's disk gets on. */
  commit(): void {
    if (this.isPeerDiskStuck) return;
    this.peerDurable = this.peer.length;
    this.receipts.durable(DOCUMENT, this.peerDurable - 1);
  }

  #next(): number {
    this.#busSeq += 1 + Math.floor(this.#random() * 3);
    this.#lastSeq = this.#busSeq;
    return this.#busSeq;
  }

  #onProbe(seq: number, version: number): void {
    const hasAll = this.peer.length >= version && new Set(this.peer).size >= version;
    if (hasAll && Math.max(...this.peer, -1) < version) {
      this.receipts.covered(ORIGIN, DOCUMENT, seq, this.peer.length - 1);
      return;
    }
    // Asks; the answer has everything up to the last number.
    this.#carry(() => {
      this.flush();
      const upToSeq = this.#lastSeq;
      const all = [...this.updates.keys()];
      this.#carry(() => {
        this.#take(all);
        this.receipts.covered(ORIGIN, DOCUMENT, upToSeq, this.peer.length - 1);
      });
    });
  }

  #take(updates: readonly number[]): void {
    for (const update of updates) if (!this.peer.includes(update)) this.peer.push(update);
  }

  #carry(deliver: () => void): void {
    const { drop, delayMsMax } = this.weather;
    if (this.#random() < drop) return;
    this.#timers.setTimeout(deliver, this.#random() * delayMsMax);
  }

  #fromPeer(message: Message): Received {
    const traceparent = null;
    return { origin: 'b', epoch: '00000000000000bb', region: 'us', seq: 1, traceparent, message };
  }
}
