/**
 * The disk of the memory store: what is durable, what is queued, and everything that can go wrong in between.
 * Commits take `latencyMs`, fail while told to, and are lost in a crash but for a prefix.
 */
import type { StoreClock } from './clock.ts';
import {
  StoreError,
  type BaseInfo,
  type QuarantineEntry,
  type StoredUpdate,
  type StoreObserver,
  type StoreStatus,
} from './store.ts';

export interface QuarantinedUpdate extends QuarantineEntry {
  readonly bytes: Uint8Array;
}

/** A document on disk. Changed in place: copying a tail for every update would make long sessions quadratic. */
export interface Image {
  createdAtMs: number | null;
  isDeleted: boolean;
  base: BaseInfo | null;
  chunks: readonly Uint8Array[];
  tail: StoredUpdate[];
  lastSeq: number;
  quarantined: QuarantinedUpdate[];
}

export function emptyImage(createdAtMs: number | null): Image {
  return {
    createdAtMs,
    isDeleted: false,
    base: null,
    chunks: [],
    tail: [],
    lastSeq: -1,
    quarantined: [],
  };
}

/** One queued write: what it does to a document's durable image. */
interface Write {
  readonly name: string;
  readonly bytes: number;
  readonly apply: (image: Image) => void;
}

class Commit {
  readonly writes: Write[] = [];
  readonly durable: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.durable = new Promise<void>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.durable.catch(() => undefined); // see Batch in group-commit.ts
  }
}

/** As in the LevelDB store: what a small record costs beside its bytes. */
const RECORD_OVERHEAD_BYTES = 64;
const REFILL = 0.5;

export interface MemoryDiskOptions {
  readonly clock: StoreClock;
  readonly observer: StoreObserver;
  readonly queueBytesMax: number;
}

export class MemoryDisk {
  readonly #options: MemoryDiskOptions;
  images: Map<string, Image> = new Map();
  /** From the start of a commit to its confirmation. */
  latencyMs = 0;
  status: StoreStatus = 'closed';
  lastError: StoreError | null = null;
  records = 0;
  bytes = 0;
  isFull = false;
  /** Why writes fail; null: they don't. */
  failure: string | null = null;
  #queue: Commit[] = [];
  #inFlight: Commit | null = null;
  #timer: unknown = null;
  #failedAtMs = 0;
  #idle: (() => void)[] = [];

  constructor(options: MemoryDiskOptions) {
    this.#options = options;
  }

  enqueue(name: string, bytes: number, apply: (image: Image) => void): Promise<void> {
    let commit = this.#queue.at(-1);
    if (commit === undefined || commit === this.#inFlight) {
      commit = new Commit();
      this.#queue.push(commit);
    }
    const cost = bytes + RECORD_OVERHEAD_BYTES;
    commit.writes.push({ name, bytes: cost, apply });
    this.records++;
    this.bytes += cost;
    if (!this.isFull && this.bytes > this.#options.queueBytesMax) this.#setFull(true);
    this.#startCommit();
    return commit.durable;
  }

  isQueued(name: string): boolean {
    return this.#queue.some((commit) => commit.writes.some((write) => write.name === name));
  }

  /** Resolves when what is queued now is durable. */
  async settled(): Promise<void> {
    await this.#queue.at(-1)?.durable;
  }

  async whenIdle(deadlineMs: number): Promise<void> {
    if (this.#queue.length === 0) return;
    let timer: unknown = null;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      timer = this.#options.clock.setTimeout(resolve, deadlineMs);
    });
    this.#options.clock.clearTimeout(timer);
  }

  recover(): void {
    this.failure = null;
    if (this.status !== 'degraded') return;
    const { clock, observer } = this.#options;
    const rewrittenRecords = this.records;
    this.setStatus('open', null);
    observer.onRecovered?.({ rewrittenRecords, downtimeMs: clock.now() - this.#failedAtMs });
    this.#startCommit();
  }

  /** Nothing happens any more. Returns the images with a prefix of what was queued: `share` of it, 0 … 1. */
  crash(share: number): Map<string, Image> {
    this.#stop();
    this.status = 'closed';
    const volatile = this.#queue.flatMap((commit) => commit.writes);
    const kept = Math.floor(share * (volatile.length + 1));
    for (const write of volatile.slice(0, kept)) this.#apply(write);
    const images = this.images;
    this.images = new Map();
    return images;
  }

  /** Rejects what is not durable. */
  abandon(error: StoreError): void {
    this.#stop();
    for (const commit of this.#queue) commit.reject(error);
    this.#queue = [];
    this.setStatus('closed', null);
  }

  setStatus(status: StoreStatus, error: StoreError | null): void {
    this.status = status;
    this.lastError = error;
    this.#options.observer.onStatus?.(status, error);
  }

  #startCommit(): void {
    const commit = this.#queue[0];
    if (commit === undefined || this.#timer !== null || this.status !== 'open') return;
    const { clock } = this.#options;
    const startedAtMs = clock.now();
    // The batch is closed when its turn to be written comes, not before: what this tick appends goes with it.
    this.#timer = clock.setTimeout(() => {
      this.#inFlight = commit;
      this.#timer = clock.setTimeout(() => {
        this.#finishCommit(commit, startedAtMs);
      }, this.latencyMs);
    }, 0);
  }

  #finishCommit(commit: Commit, startedAtMs: number): void {
    const { clock, observer, queueBytesMax } = this.#options;
    this.#timer = null;
    this.#inFlight = null;
    if (this.failure !== null) {
      this.#failedAtMs = clock.now();
      this.setStatus('degraded', new StoreError('write-failed', this.failure));
      return;
    }
    this.#queue.shift();
    let bytes = 0;
    for (const write of commit.writes) {
      this.#apply(write);
      bytes += write.bytes;
    }
    this.records -= commit.writes.length;
    this.bytes -= bytes;
    commit.resolve();
    const durationMs = clock.now() - startedAtMs;
    observer.onCommit?.({ records: commit.writes.length, bytes, durationMs });
    if (this.isFull && this.bytes <= queueBytesMax * REFILL) this.#setFull(false);
    this.#startCommit();
    if (this.#queue.length > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #apply(write: Write): void {
    const image = this.images.get(write.name) ?? emptyImage(this.#options.clock.now());
    write.apply(image);
    this.images.set(write.name, image);
  }

  #stop(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#inFlight = null;
  }

  #setFull(isFull: boolean): void {
    this.isFull = isFull;
    this.#options.observer.onFull?.(isFull);
  }
}
