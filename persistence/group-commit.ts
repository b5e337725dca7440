/**
 * Group commit: the one queue that everything goes through on its way to the disk.
 *
 * One writer, one batch in flight. What arrives meanwhile fills the next batch, up to `batchBytesMax` or
 * `batchRecordsMax`; so batches grow by themselves under load and an idle node adds no latency. With several
 * batches outstanding, one that is queued behind a failed one could be appended after a torn record, report
 * success, and be gone at recovery. [I1]
 *
 *   append → filling batch → … → batch in flight → durable
 *                                   │ any error
 *                                   ▼
 *                                 halted: nothing more is written; the batch and the queue stay in memory
 *                                   │ resume(), after the owner has reopened and checked the database
 *                                   ▼
 *                                 the same batch again, byte for byte, then the queue
 *
 * All records of a batch share one promise. It is resolved in order of batches, and rejected only by `abandon`.
 */
import type { StoreClock } from './clock.ts';
import type { DocumentChange } from './store.ts';

/** Checksums of one document's consecutive updates in one batch, gathered until the batch is sealed. */
export interface SumsDraft {
  readonly batch: Batch;
  readonly firstSeq: number;
  readonly crcs: number[];
  /** Its first update is the document's first, and the change log is to say so. */
  readonly isCreating: boolean;
  /** How many of its updates the change log is to tell of. */
  untold: number;
  /** The document; it forgets the draft when the batch is sealed. */
  readonly owner: DraftOwner;
}

export interface DraftOwner {
  readonly name: string;
  readonly sumsPrefix: Buffer;
  draft: SumsDraft | null;
  /** When its newest update became part of a batch. */
  updatedAtMs: number | null;
  /** The commit whose change record names it already. */
  changedIn: number;
}

/** Operations in order; a value of null deletes the key. */
export class Batch {
  /** The number of this commit, given when it is sealed; 0 before. */
  commit = 0;
  readonly drafts: SumsDraft[] = [];
  /** Beside what its updates say: deletions, above all. For the change log. */
  readonly changes: DocumentChange[] = [];
  readonly keys: Buffer[] = [];
  readonly values: (Uint8Array | null)[] = [];
  readonly durable: Promise<void>;
  /** What callers handed over, not counting what `seal` adds. */
  records = 0;
  bytes = 0;
  /** What LevelDB gets, all told: bytes. */
  payloadBytes = 0;
  isSealed = false;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.durable = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever waits sees a rejection through their own `await`; a batch nobody waits for must not crash the node.
    this.durable.catch(() => undefined);
  }

  put(key: Buffer, value: Uint8Array | null): void {
    this.keys.push(key);
    this.values.push(value);
    this.payloadBytes += key.length + (value?.length ?? 0);
  }
}

export interface GroupCommitOptions {
  /** Writes one batch and confirms it: called with the next batch only after it has resolved. */
  readonly write: (batch: Batch) => Promise<void>;
  /** Adds what belongs to the batch as a whole; called once, right before its first write. */
  readonly seal: (batch: Batch) => void;
  readonly onHalt: (error: unknown) => void;
  /** The batch in flight has not been confirmed for this long; called again while it lasts. */
  readonly onStall: (stalledMs: number) => void;
  readonly onCommit: (batch: Batch, durationMs: number) => void;
  readonly onFull: (isFull: boolean) => void;
  readonly clock: StoreClock;
  /** Least time between the starts of two batches; the first after a pause starts at once. */
  readonly commitIntervalMs: number;
  readonly batchBytesMax: number;
  readonly batchRecordsMax: number;
  readonly queueBytesMax: number;
}

/** `isFull` ends when the queue has shrunk to this part of its limit, so that sockets don't flap. */
const REFILL = 0.5;

/** What a small operation costs beside its bytes (key, node, promise share), for the queue's bound. */
const RECORD_OVERHEAD_BYTES = 64;

/** A disk that takes longer than this is reported (a hung NFS mount, a dying disk). */
const STALL_MS = 10_000;

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Batch[] = [];
  #bytes = 0;
  #records = 0;
  #isFull = false;
  #isHalted = false;
  #isScheduled = false;
  #inFlight: Batch | null = null;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #stallTimer: unknown = null;
  #idle: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get records(): number {
    return this.#records;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get isHalted(): boolean {
    return this.#isHalted;
  }

  /**
   * The batch that the next `records` operations with `bytes` payload belong to. The caller puts them into it
   * at once, in the same tick; they are never split over two batches.
   */
  reserve(records: number, bytes: number): Batch {
    const { batchBytesMax, batchRecordsMax, queueBytesMax } = this.#options;
    const cost = bytes + records * RECORD_OVERHEAD_BYTES;
    let batch = this.#queue.at(-1);
    if (
      batch === undefined ||
      batch === this.#inFlight ||
      batch.isSealed ||
      batch.records + records > batchRecordsMax ||
      batch.bytes + cost > batchBytesMax
    ) {
      batch = new Batch();
      this.#queue.push(batch);
    }
    batch.records += records;
    batch.bytes += cost;
    this.#records += records;
    this.#bytes += cost;
    if (!this.#isFull && this.#bytes > queueBytesMax) this.#setFull(true);
    this.#schedule();
    return batch;
  }

  /** Queues operations that belong together: one batch, all or nothing. */
  write(
    operations: readonly (readonly [key: Buffer, value: Uint8Array | null])[],
    change?: DocumentChange,
  ): Promise<void> {
    let bytes = 0;
    for (const [key, value] of operations) bytes += key.length + (value?.length ?? 0);
    const batch = this.reserve(operations.length, bytes);
    for (const [key, value] of operations) batch.put(key, value);
    if (change !== undefined) batch.changes.push(change);
    return batch.durable;
  }

  /** Resolves when nothing is queued or in flight. */
  whenIdle(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** Goes on after a halt, with the failed batch first. */
  resume(): void {
    this.#isHalted = false;
    this.#schedule();
  }

  /** Gives up: everything that is not durable is rejected. Only for closing. */
  abandon(error: Error): void {
    this.#isHalted = true;
    if (this.#stallTimer !== null) this.#options.clock.clearTimeout(this.#stallTimer);
    const abandoned = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    this.#records = 0;
    for (const batch of abandoned) batch.reject(error);
    this.#settleIdle();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isHalted || this.#inFlight !== null) return;
    if (this.#queue.length === 0) return;
    this.#isScheduled = true;
    const { clock, commitIntervalMs } = this.#options;
    const elapsedMs = clock.now() - this.#lastStartMs;
    const waitMs = commitIntervalMs - elapsedMs;
    // A clock that was set back gives a negative elapsed time: then don't wait for it to catch up.
    // `setImmediate` runs after all sockets of this turn were read, so their updates share the batch.
    if (waitMs > 0 && elapsedMs >= 0) clock.setTimeout(this.#start, waitMs);
    else clock.setImmediate(this.#start);
  }

  readonly #start = (): void => {
    this.#isScheduled = false;
    const batch = this.#queue[0];
    if (batch === undefined || this.#isHalted || this.#inFlight !== null) return;
    this.#inFlight = batch;
    this.#lastStartMs = this.#options.clock.now();
    if (!batch.isSealed) {
      batch.isSealed = true;
      this.#options.seal(batch);
    }
    // One timer for many batches: it looks at what is in flight when it fires.
    this.#stallTimer ??= this.#options.clock.setTimeout(this.#watch, STALL_MS);
    this.#options.write(batch).then(this.#succeed, this.#halt);
  };

  readonly #succeed = (): void => {
    const batch = this.#inFlight;
    this.#inFlight = null;
    if (batch === null || this.#queue[0] !== batch) return; // abandoned meanwhile
    this.#queue.shift();
    this.#bytes -= batch.bytes;
    this.#records -= batch.records;
    const durationMs = this.#options.clock.now() - this.#lastStartMs;
    batch.resolve();
    this.#options.onCommit(batch, durationMs);
    const { queueBytesMax } = this.#options;
    if (this.#isFull && this.#bytes <= queueBytesMax * REFILL) this.#setFull(false);
    if (this.#queue.length === 0) this.#settleIdle();
    else this.#schedule();
  };

  readonly #watch = (): void => {
    this.#stallTimer = null;
    if (this.#inFlight === null) return;
    const stalledMs = this.#options.clock.now() - this.#lastStartMs;
    const isStalled = stalledMs >= STALL_MS;
    if (isStalled) this.#options.onStall(stalledMs);
    const waitMs = isStalled ? STALL_MS : STALL_MS - stalledMs;
    this.#stallTimer = this.#options.clock.setTimeout(this.#watch, waitMs);
  };

  readonly #halt = (error: unknown): void => {
    this.#inFlight = null;
    this.#isHalted = true;
    this.#options.onHalt(error);
  };

  #setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#options.onFull(isFull);
  }

  #settleIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
