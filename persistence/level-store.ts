/**
 * The store on LevelDB: composes the database (one folder, reopened after failures), the group commit (one
 * queue to the disk) and the documents that are open. What it promises stands in `store.ts`.
 */
import { randomUUID } from 'node:crypto';
import { systemClock, type StoreClock } from './clock.ts';
import { compactDocument, deleteUpdates, writePortions, type DiskAccess } from './compactor.ts';
import { LevelChanges } from './change-log.ts';
import { Database } from './database.ts';
import { Deletions } from './deletions.ts';
import { adoptDocuments, listDocuments } from './documents.ts';
import {
  deletedError,
  readBaseRecord,
  readChunks,
  readDocument,
  readStat,
  type DocumentImage,
} from './document-read.ts';
import { GroupCommit } from './group-commit.ts';
import type { Reader } from './level-handle.ts';
import { OpenDocument, sealSums } from './open-document.ts';
import { quarantineUpdates } from './quarantine.ts';
import { DEFAULTS, type LevelStoreOptions } from './level-store-options.ts';
import { levelMedium } from './level-medium.ts';
import { LevelRecords } from './record-store.ts';
import { Recovery } from './recovery.ts';
import type { BaseRecord } from './records.ts';
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
import { messageOf } from './strict-open.ts';

const CLOSE_DEADLINE_MS = 10_000;

export class LevelStore implements DocumentStore {
  readonly #clock: StoreClock;
  readonly #observer: StoreObserver;
  readonly #recovery: Recovery;
  readonly #database: Database;
  readonly #committer: GroupCommit;
  readonly #changes: LevelChanges;
  readonly records: RecordStore;
  readonly #documents = new Map<string, OpenDocument>();
  readonly #loads = new Map<string, Promise<StoredDocument>>();
  readonly #chores = new Set<Promise<void>>();
  readonly #deletions: Deletions;
  readonly #now: () => number;
  #isClosing = false;

  constructor(options: LevelStoreOptions) {
    const clock = options.clock ?? systemClock;
    const observer = options.observer ?? {};
    const sabotage = options.sabotage ?? {};
    this.#clock = clock;
    this.#observer = observer;
    this.#now = () => clock.now();
    const settings = { ...DEFAULTS, ...options };
    const { folder, writeBufferSize, acceptDataLoss = false } = settings;
    const database = new Database({
      folder,
      medium: options.medium ?? levelMedium,
      clock,
      writeBufferSize,
      acceptDataLoss,
      sabotage,
      newId: options.newId ?? randomUUID,
    });
    const recovery = new Recovery({ database, committer: () => this.#committer, clock, observer });
    this.#database = database;
    this.#recovery = recovery;
    this.#committer = new GroupCommit({
      write: (batch) => database.write(batch),
      seal: (batch) => {
        const atMs = clock.now();
        database.seal(batch);
        this.#changes.seal(batch, atMs);
        sealSums(batch, atMs);
      },
      onHalt: (error) => {
        recovery.failed(error);
      },
      onStall: (stalledMs) => {
        recovery.stalled(stalledMs);
      },
      onCommit: ({ records, bytes }, durationMs) => {
        recovery.confirmed();
        observer.onCommit?.({ records, bytes, durationMs });
      },
      onFull: (isFull) => {
        observer.onFull?.(isFull);
      },
      clock,
      commitIntervalMs: settings.commitIntervalMs,
      batchBytesMax: settings.batchBytesMax,
      batchRecordsMax: settings.batchRecordsMax,
      queueBytesMax: settings.queueBytesMax,
    });
    const assertOpen = (): void => {
      this.#assertOpen();
    };
    this.#changes = new LevelChanges({
      ...this.#access(null),
      isRecording: settings.recordsChanges,
      bytesMax: settings.changesBytesMax,
      commit: () => database.commit,
      assertOpen,
      inBackground: (chore) => {
        this.#inBackground(chore);
      },
    });
    this.#deletions = new Deletions((name) => this.#access(name));
    this.records = new LevelRecords({
      ...this.#access(null),
      assertOpen,
      deletions: this.#deletions,
    });
  }

  get changes(): ChangeLog {
    return this.#changes;
  }

  get status(): StoreStatus {
    return this.#recovery.status;
  }

  get lastError(): StoreError | null {
    return this.#recovery.lastError;
  }

  get queue(): StoreQueue {
    return { records: this.#committer.records, bytes: this.#committer.bytes };
  }

  get isFull(): boolean {
    return this.#committer.isFull;
  }

  async open(): Promise<void> {
    await this.#database.open();
    this.#recovery.start();
    try {
      await adoptDocuments(this.#access(null));
      await this.#changes.start();
    } catch (error) {
      await this.close(0);
      throw error;
    }
    this.#inBackground(this.#deletions.finishAll());
  }

  async load(name: string): Promise<StoredDocument> {
    this.#assertOpen();
    const running = this.#loads.get(name);
    if (running !== undefined) return await running;
    const load = this.#load(name).finally(() => this.#loads.delete(name));
    this.#loads.set(name, load);
    return await load;
  }

  async stat(name: string): Promise<DocumentStat | null> {
    this.#assertOpen();
    return await this.#read(name, (reader) => readStat(reader, name));
  }

  async readBase(name: string, generation: number): Promise<readonly Uint8Array[]> {
    this.#assertOpen();
    return await this.#read(name, async (reader) => {
      const base = await readBaseRecord(reader, name);
      if (base?.generation !== generation) {
        throw new StoreError(
          'stale-generation',
          `document ${JSON.stringify(name)}: base ${generation} was replaced by ${base?.generation ?? 'none'}`,
        );
      }
      return await readChunks(reader, name, base.chunks);
    });
  }

  append(name: string, update: Uint8Array, { isTold = false }: WriteWord = {}): Append {
    const document = this.#writable(name);
    const { seq, batch } = document.append(this.#committer, update, this.#now, isTold);
    return { seq, durable: batch.durable };
  }

  /** For archives: stores a document under its old date. @throws Error if it exists */
  async restore(name: string, update: Uint8Array, createdAtMs: number | null): Promise<void> {
    const { lastSeq } = await this.load(name);
    if (lastSeq >= 0) throw new Error(`document ${JSON.stringify(name)} exists`);
    this.#writable(name).createdAtMs = createdAtMs;
    await this.append(name, update).durable;
    this.release(name);
  }

  async compact(name: string, base: CompactedBase): Promise<BaseInfo> {
    const document = this.#writable(name);
    return await document.inTurn(async () => {
      this.#writable(name);
      return baseInfo(await compactDocument(this.#access(name), document, base));
    });
  }

  async quarantine(name: string, entries: readonly QuarantineEntry[]): Promise<void> {
    const document = this.#writable(name);
    await document.inTurn(async () => {
      await quarantineUpdates(this.#access(name), document, entries, this.#now());
    });
  }

  async list(query: {
    prefix?: string;
    after?: string;
    limit: number;
    includeDeleted?: boolean;
  }): Promise<readonly DocumentSummary[]> {
    this.#assertOpen();
    return await this.#read(null, (reader) => listDocuments(reader, query));
  }

  async delete(name: string, { isTold = false }: WriteWord = {}): Promise<void> {
    this.#assertOpen();
    await this.#deletions.run(name, async () => {
      // A load that has begun before must not open the document behind the tombstone's back.
      await this.#loads.get(name)?.catch(() => undefined);
      const document = this.#documents.get(name);
      if (document !== undefined) {
        document.isDeleted = true;
        await document.turn;
      }
      return { deletedAtMs: this.#now(), hasBeenStored: document?.isListed ?? false, isTold };
    });
  }

  release(name: string): void {
    const document = this.#documents.get(name);
    if (document === undefined) return;
    document.isReleased = true;
    // Its next number must outlive what is queued, or a later load would hand it out again.
    void document.whenSettled().then(() => {
      if (document.isReleased && this.#documents.get(name) === document) {
        this.#documents.delete(name);
      }
    });
  }

  async close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    if (this.status === 'closed' || this.#isClosing) return;
    this.#isClosing = true;
    await this.#drain(deadlineMs);
    this.#recovery.stop();
    if (this.queue.records > 0) this.#observer.onAbandoned?.(this.queue);
    this.#committer.abandon(
      new StoreError('closed', 'the store was closed before the update was durable'),
    );
    await this.#database.close();
  }

  async #load(name: string): Promise<StoredDocument> {
    const open = this.#documents.get(name);
    if (open?.isReleased === true) {
      // What the former room has appended and is not durable yet must be seen.
      open.isReleased = false;
      await open.settled;
      this.#assertOpen();
    }
    const isDeleted = this.#deletions.isRunning(name) || open?.isDeleted === true;
    if (isDeleted) throw deletedError(name);
    const image = await this.#read(name, (reader) => readDocument(reader, name)).catch(
      (error: unknown) => {
        if (error instanceof StoreError && error.code === 'document-deleted') {
          this.#inBackground(this.#deletions.finish(name));
        }
        throw error;
      },
    );
    if (open === undefined) {
      const document = new OpenDocument(name, image);
      this.#documents.set(name, document);
      this.#cleanUp(document, image);
    }
    return {
      base: image.base === null ? null : baseInfo(image.base),
      tail: image.tail,
      lastSeq: image.lastSeq,
      createdAtMs: image.record?.createdAtMs ?? null,
    };
  }

  /** Deletes what a crash has left. Queued before any append, so nothing new can be meant. */
  #cleanUp(document: OpenDocument, image: DocumentImage): void {
    const operations = [...deleteUpdates(document, image.orphans)];
    if (operations.length > 0) {
      this.#inBackground(document.inTurn(() => writePortions(this.#committer, operations)));
    }
    if (image.stale.length > 0) {
      this.#inBackground(this.#committer.write(image.stale.map((key) => [key, null] as const)));
    }
  }

  /** Cleaning up: `close` waits for it, and if it fails the next load, or the next start, does it again. */
  #inBackground(chore: Promise<void>): void {
    const settled = chore
      .catch(() => undefined)
      .finally(() => {
        this.#chores.delete(settled);
      });
    this.#chores.add(settled);
  }

  #assertOpen(): void {
    if (this.status === 'closed') throw new StoreError('closed', 'the store is closed');
  }

  #writable(name: string): OpenDocument {
    this.#assertOpen();
    const document = this.#documents.get(name);
    if (document === undefined) throw new Error(`${name}: written to before it was loaded`);
    if (document.isDeleted) throw deletedError(name);
    return document;
  }

  #access(name: string | null): DiskAccess {
    return { committer: this.#committer, read: (read) => this.#read(name, read) };
  }

  /** `name`: whose reading this is; null for reads that concern no single document. */
  async #read<T>(name: string | null, read: (reader: Reader) => Promise<T>): Promise<T> {
    try {
      return await this.#database.read(read);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      this.#assertOpen();
      const isDamage = (error as { code?: unknown }).code === 'LEVEL_CORRUPTION';
      const what = name === null ? 'the index' : `document ${JSON.stringify(name)}`;
      throw new StoreError(
        isDamage && name !== null ? 'document-damaged' : 'read-failed',
        `${what}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  async #drain(deadlineMs: number): Promise<void> {
    let timer: unknown = null;
    const deadline = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, deadlineMs);
    });
    const idle = Promise.all(this.#chores).then(() => this.#committer.whenIdle());
    await Promise.race([idle, deadline]);
    this.#clock.clearTimeout(timer);
  }
}

function baseInfo(base: BaseRecord): BaseInfo {
  return {
    generation: base.generation,
    chunkCount: base.chunks.length,
    bytes: base.chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    head: base.head,
    outline: base.outline ?? null,
    upToSeq: base.upToSeq,
  };
}
