/**
 * The disk of the memory store: what is durable, what is queued, and everything that can go wrong in between.
 * Commits take `latencyMs`, fail while told to, and are lost in a crash but for a prefix.
 */
import type { StoreClock } from './clock.ts';
import { coalesced } from './memory-records.ts';
import {
  StoreError,
  type BaseInfo,
  type ChangeKind,
  type ChangeRecord,
  type DocumentChange,
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
  updatedAtMs: number | null;
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
    updatedAtMs: null,
    isDeleted: false,
    base: null,
    chunks: [],
    tail: [],
    lastSeq: -1,
    quarantined: [],
  };
}

/** Everything that is on the disk. */
export interface DiskImage {
  readonly documents: Map<string, Image>;
  /** By owner and space, then by id. */
  readonly records: Map<string, Map<string, Uint8Array>>;
  changes: ChangeRecord[];
  /** Of the newest commit. */
  position: number;
}

/** One queued write: what it does to the image, and what the change log says of it. */
interface Write {
  /** The document that it writes to. */
  readonly name: string | null;
  readonly bytes: number;
  readonly apply: (image: DiskImage) => ChangeKind | undefined;
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
  readonly recordsChanges: boolean;
  readonly changesBytesMax: number;
}

export class MemoryDisk {
  readonly #options: MemoryDiskOptions;
  image: DiskImage = { documents: new Map(), records: new Map(), changes: [], position: 0 };
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

  get recordsChanges(): boolean {
    return this.#options.recordsChanges;
  }

  /** For records and the like: what belongs to no document that can be open. */
  enqueue(bytes: number, apply: (image: DiskImage) => void): Promise<void> {
    return this.#enqueue(null, bytes, (image) => {
      apply(image);
      return undefined;
    });
  }

  /** For the change log alone. */
  say({ name, kind }: DocumentChange): Promise<void> {
    return this.#enqueue(name, 0, () => kind);
  }

  /** `apply` changes the document in place and returns what the change log should say. */
  enqueueFor(
    name: string,
    bytes: number,
    apply: (image: Image, atMs: number, disk: DiskImage) => ChangeKind | undefined,
  ): Promise<void> {
    return this.#enqueue(name, bytes, (disk) => {
      const { documents } = disk;
      const atMs = this.#options.clock.now();
      const image = documents.get(name) ?? emptyImage(atMs);
      documents.set(name, image);
      return apply(image, atMs, disk);
    });
  }

  #enqueue(name: string | null, bytes: number, apply: Write['apply']): Promise<void> {
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

  /** Nothing happens any more. Returns the image with a prefix of what was queued: `share` of it, 0 … 1. */
  crash(share: number): DiskImage {
    this.#stop();
    this.status = 'closed';
    const volatile = this.#queue.flatMap((commit) => commit.writes);
    const kept = Math.floor(share * (volatile.length + 1));
    this.#apply(volatile.slice(0, kept));
    const { image } = this;
    this.image = { documents: new Map(), records: new Map(), changes: [], position: 0 };
    return image;
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
    this.#apply(commit.writes);
    for (const write of commit.writes) bytes += write.bytes;
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

  #apply(writes: readonly Write[]): void {
    const { clock, recordsChanges, changesBytesMax } = this.#options;
    const { image } = this;
    const position = image.position + 1;
    const changes: DocumentChange[] = [];
    for (const { name, apply } of writes) {
      const kind = apply(image);
      if (kind === undefined || name === null) continue;
      const isSaid = changes.some((change) => change.name === name && change.kind === kind);
      if (!isSaid) changes.push({ kind, name });
    }
    image.position = position;
    if (!recordsChanges || changes.length === 0) return;
    image.changes.push({ position, atMs: Math.trunc(clock.now()), changes });
    image.changes = coalesced(image.changes, changesBytesMax);
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
