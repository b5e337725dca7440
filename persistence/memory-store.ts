/**
 * The store's twin in memory: the same contract, no disk, an independent implementation (it is the model that
 * the contract suite holds the LevelDB store against). Two images: `durable` is what a crash leaves, `queue`
 * is what was appended since and will become durable after `latencyMs`.
 *
 * For tests and the simulation it can be told to fail writes (`failWrites`), to be slow (`latencyMs`), and to
 * crash (`crash`, which returns the store that the next process would open).
 */
import { systemClock, type StoreClock } from './clock.ts';
import {
  StoreError,
  type Append,
  type BaseInfo,
  type CompactedBase,
  type DocumentStore,
  type DocumentSummary,
  type QuarantineEntry,
  type StoredDocument,
  type StoredUpdate,
  type StoreObserver,
  type StoreQueue,
  type StoreStatus,
} from './store.ts';

export interface MemoryStoreOptions {
  readonly clock?: StoreClock;
  readonly observer?: StoreObserver;
  /** From the start of a commit to its confirmation; may be changed while the store runs. */
  readonly latencyMs?: number;
  readonly queueBytesMax?: number;
}

/** Changed in place by writes: copying a tail for every update would make long sessions quadratic. */
interface Image {
  createdAtMs: number | null;
  isDeleted: boolean;
  base: BaseInfo | null;
  chunks: readonly Uint8Array[];
  tail: StoredUpdate[];
  lastSeq: number;
  quarantined: QuarantinedUpdate[];
}

export interface QuarantinedUpdate extends QuarantineEntry {
  readonly bytes: Uint8Array;
}

/** One queued write: what it does to a document's durable image. */
interface Write {
  readonly name: string;
  readonly bytes: number;
  readonly apply: (image: Image) => void;
}

interface Commit {
  readonly writes: Write[];
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface OpenDocument {
  nextSeq: number;
  isDeleted: boolean;
  /** Its room is gone, but something of it is still queued. */
  isReleased: boolean;
  generation: number;
}

const CLOSE_DEADLINE_MS = 10_000;
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** As in the LevelDB store: what a small record costs beside its bytes. */
const RECORD_OVERHEAD_BYTES = 64;
const REFILL = 0.5;

function emptyImage(createdAtMs: number | null): Image {
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

function newCommit(): Commit {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const durable = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  durable.catch(() => undefined); // see Batch in group-commit.ts
  return { writes: [], durable, resolve, reject };
}

export class MemoryStore implements DocumentStore {
  readonly #clock: StoreClock;
  readonly #observer: StoreObserver;
  readonly #queueBytesMax: number;
  readonly #documents = new Map<string, OpenDocument>();
  #images = new Map<string, Image>();
  #status: StoreStatus = 'closed';
  #lastError: StoreError | null = null;
  #queue: Commit[] = [];
  #inFlight: Commit | null = null;
  #timer: unknown = null;
  #records = 0;
  #bytes = 0;
  #isFull = false;
  #isFailing = false;
  #isFrozen = false;
  #failedAtMs = 0;
  #failReason = '';
  #idle: (() => void)[] = [];
  latencyMs: number;

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#observer = options.observer ?? {};
    this.#queueBytesMax = options.queueBytesMax ?? QUEUE_BYTES_MAX;
    this.latencyMs = options.latencyMs ?? 0;
  }

  get status(): StoreStatus {
    return this.#status;
  }

  get lastError(): StoreError | null {
    return this.#lastError;
  }

  get queue(): StoreQueue {
    return { records: this.#records, bytes: this.#bytes };
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  open(): Promise<void> {
    this.#setStatus('open', null);
    return Promise.resolve();
  }

  async load(name: string): Promise<StoredDocument> {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open?.isReleased === true) {
      // What the former room has appended and is not durable yet must be seen.
      open.isReleased = false;
      while (this.#isQueued(name)) await this.#queue.at(-1)?.durable;
      this.#assertOpen();
    }
    const image = this.#images.get(name);
    if (image?.isDeleted === true || open?.isDeleted === true) throw deleted(name);
    if (open === undefined) {
      this.#documents.set(name, {
        nextSeq: (image?.lastSeq ?? -1) + 1,
        isDeleted: false,
        isReleased: false,
        generation: image?.base?.generation ?? 0,
      });
    }
    return {
      base: image?.base ?? null,
      tail: image?.tail.slice() ?? [],
      lastSeq: image?.lastSeq ?? -1,
      createdAtMs: image?.createdAtMs ?? null,
    };
  }

  async readBase(name: string, generation: number): Promise<readonly Uint8Array[]> {
    this.#assertOpen();
    const image = this.#images.get(name);
    if (image?.base?.generation === generation) return image.chunks;
    throw new StoreError('stale-generation', `${name}: base ${generation} was replaced`);
  }

  append(name: string, update: Uint8Array): Append {
    const open = this.#writable(name);
    const seq = open.nextSeq++;
    const durable = this.#enqueue(name, update.length, (image) => {
      image.tail.push({ seq, bytes: update });
      image.lastSeq = seq;
    });
    return { seq, durable };
  }

  async compact(name: string, base: CompactedBase): Promise<BaseInfo> {
    const open = this.#writable(name);
    const info: BaseInfo = {
      generation: ++open.generation,
      chunkCount: base.chunks.length,
      bytes: base.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      head: base.head,
      upToSeq: base.upToSeq,
    };
    // Chunks take numbers of the document, as on disk.
    open.nextSeq += base.chunks.length;
    const lastSeq = open.nextSeq - 1;
    await this.#enqueue(name, info.bytes, (image) => {
      image.base = info;
      image.chunks = base.chunks;
      image.tail = image.tail.filter((update) => update.seq > base.upToSeq);
      image.lastSeq = Math.max(image.lastSeq, lastSeq);
    });
    return info;
  }

  quarantine(name: string, entries: readonly QuarantineEntry[]): Promise<void> {
    this.#writable(name);
    const reasons = new Map(entries.map((entry) => [entry.seq, entry.reason]));
    return this.#enqueue(name, 0, (image) => {
      for (const { seq, bytes } of image.tail) {
        const reason = reasons.get(seq);
        if (reason !== undefined) image.quarantined.push({ seq, reason, bytes });
      }
      image.tail = image.tail.filter((update) => !reasons.has(update.seq));
    });
  }

  async list(query: {
    prefix?: string;
    after?: string;
    limit: number;
    includeDeleted?: boolean;
  }): Promise<readonly DocumentSummary[]> {
    this.#assertOpen();
    const { prefix = '', after, limit, includeDeleted = false } = query;
    const found = [...this.#images]
      .filter(([name, image]) => name.startsWith(prefix) && (includeDeleted || !image.isDeleted))
      .map(([name, { createdAtMs, isDeleted }]) => ({ name, createdAtMs, isDeleted }))
      .filter(({ name }) => after === undefined || compareNames(name, after) > 0)
      .toSorted((a, b) => compareNames(a.name, b.name));
    return found.slice(0, limit);
  }

  async delete(name: string): Promise<void> {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open !== undefined) open.isDeleted = true;
    await this.#enqueue(name, 0, (image) => {
      const createdAtMs = image.lastSeq < 0 ? null : image.createdAtMs;
      Object.assign(image, emptyImage(createdAtMs), { isDeleted: true });
    });
  }

  release(name: string): void {
    // Keeps the next number for as long as something is queued, or a later load would hand it out again.
    const open = this.#documents.get(name);
    if (open === undefined) return;
    open.isReleased = true;
    if (!this.#isQueued(name)) this.#documents.delete(name);
  }

  async close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    if (this.#status === 'closed') return;
    if (this.#queue.length > 0) {
      let timer: unknown = null;
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        timer = this.#clock.setTimeout(resolve, deadlineMs);
      });
      if (timer !== null) this.#clock.clearTimeout(timer);
    }
    this.#stop();
    const error = new StoreError('closed', 'the store was closed before the update was durable');
    for (const commit of this.#queue) commit.reject(error);
    this.#queue = [];
    this.#setStatus('closed', null);
  }

  // ---- what only tests and the simulation call ------------------------------------------------------------------

  /** From now on every write fails, until `recover`. */
  failWrites(reason: string = 'no space left on device'): void {
    this.#isFailing = true;
    this.#failReason = reason;
  }

  /** The disk works again: the failed batch and the queue are written, and acked. */
  recover(): void {
    this.#isFailing = false;
    if (this.#status !== 'degraded') return;
    const rewrittenRecords = this.#records;
    this.#setStatus('open', null);
    this.#observer.onRecovered?.({
      rewrittenRecords,
      downtimeMs: this.#clock.now() - this.#failedAtMs,
    });
    this.#startCommit();
  }

  /**
   * `kill -9`, or a power cut: this store never answers again, and what it returns is what the next process
   * finds: everything durable, and a prefix of what was queued. Not yet open.
   */
  crash(random: () => number, options: MemoryStoreOptions = {}): MemoryStore {
    this.#stop();
    this.#isFrozen = true;
    this.#status = 'closed';
    const next = new MemoryStore({
      clock: this.#clock,
      observer: this.#observer,
      latencyMs: this.latencyMs,
      queueBytesMax: this.#queueBytesMax,
      ...options,
    });
    const volatile = this.#queue.flatMap((commit) => commit.writes);
    const kept = Math.floor(random() * (volatile.length + 1));
    for (const write of volatile.slice(0, kept)) this.#apply(this.#images, write);
    next.#images = this.#images;
    this.#images = new Map();
    return next;
  }

  /** What `quarantine` has set aside. */
  quarantined(name: string): readonly QuarantinedUpdate[] {
    return this.#images.get(name)?.quarantined ?? [];
  }

  #assertOpen(): void {
    if (this.#status === 'closed') throw new StoreError('closed', 'the store is closed');
  }

  #writable(name: string): OpenDocument {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open === undefined) throw new Error(`${name}: written to before it was loaded`);
    if (open.isDeleted) throw deleted(name);
    return open;
  }

  #isQueued(name: string): boolean {
    return this.#queue.some((commit) => commit.writes.some((write) => write.name === name));
  }

  #enqueue(name: string, bytes: number, apply: (image: Image) => void): Promise<void> {
    let commit = this.#queue.at(-1);
    if (commit === undefined || commit === this.#inFlight) {
      commit = newCommit();
      this.#queue.push(commit);
    }
    const cost = bytes + RECORD_OVERHEAD_BYTES;
    commit.writes.push({ name, bytes: cost, apply });
    this.#records++;
    this.#bytes += cost;
    if (!this.#isFull && this.#bytes > this.#queueBytesMax) this.#setFull(true);
    this.#startCommit();
    return commit.durable;
  }

  #apply(images: Map<string, Image>, write: Write): void {
    const image = images.get(write.name) ?? emptyImage(this.#clock.now());
    write.apply(image);
    images.set(write.name, image);
  }

  #startCommit(): void {
    const commit = this.#queue[0];
    if (commit === undefined || this.#inFlight !== null || this.#timer !== null) return;
    if (this.#isFrozen || this.#status !== 'open') return;
    const startedAtMs = this.#clock.now();
    // The batch is closed when its turn to be written comes, not before: what this tick appends goes with it.
    this.#timer = this.#clock.setTimeout(() => {
      this.#inFlight = commit;
      this.#timer = this.#clock.setTimeout(() => {
        this.#finishCommit(commit, startedAtMs);
      }, this.latencyMs);
    }, 0);
  }

  #finishCommit(commit: Commit, startedAtMs: number): void {
    this.#timer = null;
    this.#inFlight = null;
    if (this.#isFailing) {
      this.#failedAtMs = this.#clock.now();
      this.#setStatus('degraded', new StoreError('write-failed', this.#failReason));
      return;
    }
    this.#queue.shift();
    let bytes = 0;
    for (const write of commit.writes) {
      this.#apply(this.#images, write);
      bytes += write.bytes;
    }
    this.#records -= commit.writes.length;
    this.#bytes -= bytes;
    commit.resolve();
    const durationMs = this.#clock.now() - startedAtMs;
    this.#observer.onCommit?.({ records: commit.writes.length, bytes, durationMs });
    if (this.#isFull && this.#bytes <= this.#queueBytesMax * REFILL) this.#setFull(false);
    if (this.#queue.length > 0) {
      this.#startCommit();
      return;
    }
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #stop(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#inFlight = null;
  }

  #setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#observer.onFull?.(isFull);
  }

  #setStatus(status: StoreStatus, error: StoreError | null): void {
    this.#status = status;
    this.#lastError = error;
    this.#observer.onStatus?.(status, error);
  }
}

function deleted(name: string): StoreError {
  return new StoreError('document-deleted', `document ${JSON.stringify(name)} was deleted`);
}

/** As LevelDB orders keys: by UTF-8 bytes, which is by code points, not by UTF-16 units as `<` does. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
