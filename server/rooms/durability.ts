/**
 * How far a room is on disk, and who waits for that: sessions with acks, and requests. Numbers, never booleans:
 * what is appended while a batch is in flight is not in it. [I1]
 */
import type { Append } from '../../persistence/store.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Timers } from './timers.ts';
import { Waits } from './waits.ts';

/** What of a room is in one group commit. Appends that share a batch share its promise. */
interface RoomBatch {
  readonly durable: Promise<void>;
  /** The last one in it. */
  seq: number;
  updates: number;
  bytes: number;
}

/** A session, as far as this is concerned. */
export interface AckWaiter {
  onDurable(durableSeq: number): void;
}

export class Durability {
  readonly #onDurable: (batch: { readonly updates: number; readonly bytes: number }) => void;
  readonly #sessions = new Set<AckWaiter>();
  readonly #requests: Waits;
  #seq: number;
  #lastBatch: RoomBatch | null = null;

  /** `seq`: what is on disk at the start. */
  constructor(
    seq: number,
    timers: Timers,
    onDurable: (batch: { readonly updates: number; readonly bytes: number }) => void,
  ) {
    this.#seq = seq;
    this.#requests = new Waits(timers);
    this.#onDurable = onDurable;
  }

  get seq(): number {
    return this.#seq;
  }

  /** An update of `bytes` bytes was appended. */
  track({ seq, durable }: Append, bytes: number): void {
    const batch = this.#batchOf(durable);
    batch.seq = seq;
    batch.updates += 1;
    batch.bytes += bytes;
  }

  add(session: AckWaiter): void {
    this.#sessions.add(session);
  }

  remove(session: AckWaiter): void {
    this.#sessions.delete(session);
  }

  /** Resolves when `seq` is on disk. @throws ProtocolError `store-unavailable`, StoreError `closed` */
  async when(seq: number, timeoutMs: number): Promise<void> {
    if (await this.#requests.until(() => this.#seq >= seq, timeoutMs)) return;
    throw new ProtocolError(
      'store-unavailable',
      'The disk has not confirmed the write in time: the outcome is unknown, and repeating it is safe.',
    );
  }

  /** Sessions look whether what they wait for has come. */
  tell(): void {
    for (const session of this.#sessions) session.onDurable(this.#seq);
  }

  /** Requests that wait are told this instead. */
  fail(error: () => Error): void {
    this.#requests.fail(error);
  }

  #batchOf(durable: Promise<void>): RoomBatch {
    if (this.#lastBatch?.durable === durable) return this.#lastBatch;
    const batch: RoomBatch = { durable, seq: this.#seq, updates: 0, bytes: 0 };
    this.#lastBatch = batch;
    durable.then(
      () => {
        this.#reached(batch);
      },
      // The store was closed before the disk had it: never acked, and the client still has it. [I5]
      (error: Error) => {
        this.fail(() => error);
      },
    );
    return batch;
  }

  #reached(batch: RoomBatch): void {
    this.#seq = batch.seq;
    this.tell();
    this.#requests.look();
    this.#onDurable(batch);
  }
}
