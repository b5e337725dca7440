/**
 * The store's twin in memory: the same contract, no disk, an independent implementation (it is the model that
 * the contract suite holds the LevelDB store against). `memory-disk.ts` is its disk.
 *
 * For tests and the simulation it can be told to fail writes (`failWrites`), to be slow (`latencyMs`), and to
 * crash (`crash`, which returns the store that the next process would open).
 */
import { isOwnedBy, MemoryChanges, MemoryRecords } from './memory-records.ts';
import { systemClock, type StoreClock } from './clock.ts';
import {
  emptyImage,
  MemoryDisk,
  type MemoryDiskOptions,
  type QuarantinedUpdate,
} from './memory-disk.ts';
import {
  StoreError,
  type Append,
  type BaseInfo,
  type ChangeLog,
  type CompactedBase,
  type DocumentStat,
  type DocumentStore,
  type DocumentSummary,
  type QuarantineEntry,
  type RecordStore,
  type StoredDocument,
  type StoreObserver,
  type StoreQueue,
  type StoreStatus,
  type WriteWord,
} from './store.ts';

export interface MemoryStoreOptions {
  readonly clock?: StoreClock;
  readonly observer?: StoreObserver;
  /** From the start of a commit to its confirmation; may be changed while the store runs. */
  readonly latencyMs?: number;
  readonly queueBytesMax?: number;
  /** Keeps the change log. */
  readonly recordsChanges?: boolean;
  readonly changesBytesMax?: number;
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
const CHANGES_BYTES_MAX = 16 * 1024 * 1024;

export class MemoryStore implements DocumentStore {
  readonly #options: MemoryDiskOptions;
  readonly #disk: MemoryDisk;
  readonly #documents = new Map<string, OpenDocument>();
  readonly records: RecordStore;
  readonly changes: ChangeLog;

  constructor(options: MemoryStoreOptions = {}) {
    this.#options = {
      clock: options.clock ?? systemClock,
      observer: options.observer ?? {},
      queueBytesMax: options.queueBytesMax ?? QUEUE_BYTES_MAX,
      recordsChanges: options.recordsChanges ?? false,
      changesBytesMax: options.changesBytesMax ?? CHANGES_BYTES_MAX,
    };
    this.#disk = new MemoryDisk(this.#options);
    this.#disk.latencyMs = options.latencyMs ?? 0;
    this.records = new MemoryRecords(this.#disk, (name) => this.#isDeleted(name));
    this.changes = new MemoryChanges(this.#disk);
  }

  get status(): StoreStatus {
    return this.#disk.status;
  }

  get lastError(): StoreError | null {
    return this.#disk.lastError;
  }

  get queue(): StoreQueue {
    return { records: this.#disk.records, bytes: this.#disk.bytes };
  }

  get isFull(): boolean {
    return this.#disk.isFull;
  }

  get latencyMs(): number {
    return this.#disk.latencyMs;
  }

  /** From the start of a commit to its confirmation: a slow disk. */
  set latencyMs(ms: number) {
    this.#disk.latencyMs = ms;
  }

  open(): Promise<void> {
    this.#disk.setStatus('open', null);
    return Promise.resolve();
  }

  async load(name: string): Promise<StoredDocument> {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open?.isReleased === true) {
      // What the former room has appended and is not durable yet must be seen.
      open.isReleased = false;
      while (this.#disk.isQueued(name)) await this.#disk.settled();
      this.#assertOpen();
    }
    const image = this.#disk.image.documents.get(name);
    if (this.#isDeleted(name)) throw deleted(name);
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

  async stat(name: string): Promise<DocumentStat | null> {
    this.#assertOpen();
    const image = this.#disk.image.documents.get(name);
    if (image === undefined) return null;
    const { createdAtMs, updatedAtMs, isDeleted } = image;
    return { createdAtMs, updatedAtMs, isDeleted };
  }

  async readBase(name: string, generation: number): Promise<readonly Uint8Array[]> {
    this.#assertOpen();
    const image = this.#disk.image.documents.get(name);
    if (image?.base?.generation === generation) return image.chunks;
    throw new StoreError('stale-generation', `${name}: base ${generation} was replaced`);
  }

  append(name: string, update: Uint8Array, { isTold = false }: WriteWord = {}): Append {
    const open = this.#writable(name);
    const seq = open.nextSeq++;
    const durable = this.#disk.enqueueFor(name, update.length, (image, atMs) => {
      const isFirst = image.lastSeq < 0;
      image.tail.push({ seq, bytes: update });
      image.lastSeq = seq;
      image.updatedAtMs = atMs;
      if (isTold) return undefined;
      return isFirst ? 'created' : 'changed';
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
      outline: base.outline ?? null,
      upToSeq: base.upToSeq,
    };
    // Chunks take numbers of the document, as on disk.
    open.nextSeq += base.chunks.length;
    const lastSeq = open.nextSeq - 1;
    await this.#disk.enqueueFor(name, info.bytes, (image) => {
      image.base = info;
      image.chunks = base.chunks;
      image.tail = image.tail.filter((update) => update.seq > base.upToSeq);
      image.lastSeq = Math.max(image.lastSeq, lastSeq);
      return undefined;
    });
    return info;
  }

  quarantine(name: string, entries: readonly QuarantineEntry[]): Promise<void> {
    this.#writable(name);
    const reasons = new Map(entries.map((entry) => [entry.seq, entry.reason]));
    return this.#disk.enqueueFor(name, 0, (image) => {
      for (const { seq, bytes } of image.tail) {
        const reason = reasons.get(seq);
        if (reason !== undefined) image.quarantined.push({ seq, reason, bytes });
      }
      image.tail = image.tail.filter((update) => !reasons.has(update.seq));
      return undefined;
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
    const found = [...this.#disk.image.documents]
      .filter(([name, image]) => name.startsWith(prefix) && (includeDeleted || !image.isDeleted))
      .map(([name, { createdAtMs, isDeleted }]) => ({ name, createdAtMs, isDeleted }))
      .filter(({ name }) => after === undefined || compareNames(name, after) > 0)
      .toSorted((a, b) => compareNames(a.name, b.name));
    return found.slice(0, limit);
  }

  async delete(name: string, { isTold = false }: WriteWord = {}): Promise<void> {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open !== undefined) open.isDeleted = true;
    await this.#disk.enqueueFor(name, 0, (image, atMs, { records }) => {
      for (const folder of records.keys()) if (isOwnedBy(folder, name)) records.delete(folder);
      const wasStored = image.lastSeq >= 0;
      const createdAtMs = wasStored ? image.createdAtMs : null;
      Object.assign(image, emptyImage(createdAtMs), { isDeleted: true, updatedAtMs: atMs });
      return wasStored && !isTold ? 'deleted' : undefined;
    });
  }

  release(name: string): void {
    // Keeps the next number for as long as something is queued, or a later load would hand it out again.
    const open = this.#documents.get(name);
    if (open === undefined) return;
    open.isReleased = true;
    if (!this.#disk.isQueued(name)) this.#documents.delete(name);
  }

  async close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    if (this.status === 'closed') return;
    await this.#disk.whenIdle(deadlineMs);
    if (this.queue.records > 0) this.#options.observer.onAbandoned?.(this.queue);
    this.#disk.abandon(
      new StoreError('closed', 'the store was closed before the update was durable'),
    );
  }

  // ---- what only tests and the simulation call ------------------------------------------------------------------

  /** From now on every write fails, until `recover`. */
  failWrites(reason: string = 'no space left on device'): void {
    this.#disk.failure = reason;
  }

  /** The disk works again: the failed batch and the queue are written, and acked. */
  recover(): void {
    this.#disk.recover();
  }

  /**
   * `kill -9`, or a power cut: this store never answers again, and what it returns is what the next process
   * finds: everything durable, and a prefix of what was queued. Not yet open.
   */
  crash(random: () => number, options: MemoryStoreOptions = {}): MemoryStore {
    const next = new MemoryStore({ ...this.#options, latencyMs: this.latencyMs, ...options });
    next.#disk.image = this.#disk.crash(random());
    return next;
  }

  /** What `quarantine` has set aside. */
  quarantined(name: string): readonly QuarantinedUpdate[] {
    return this.#disk.image.documents.get(name)?.quarantined ?? [];
  }

  #isDeleted(name: string): boolean {
    const isTombstone = this.#disk.image.documents.get(name)?.isDeleted === true;
    return isTombstone || this.#documents.get(name)?.isDeleted === true;
  }

  #assertOpen(): void {
    if (this.status === 'closed') throw new StoreError('closed', 'the store is closed');
  }

  #writable(name: string): OpenDocument {
    this.#assertOpen();
    const open = this.#documents.get(name);
    if (open === undefined) throw new Error(`${name}: written to before it was loaded`);
    if (open.isDeleted) throw deleted(name);
    return open;
  }
}

function deleted(name: string): StoreError {
  return new StoreError('document-deleted', `document ${JSON.stringify(name)} was deleted`);
}

/** As LevelDB orders keys: by UTF-8 bytes, which is by code points, not by UTF-16 units as `<` does. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
