/**
 * The store port: what rooms may rely on when they hand over an update, and what they may not.
 *
 * **What a resolved `append` promises.** The update is in a batch that the disk has confirmed (`sync: true`),
 * and so is every update that was appended to the same document before it. It survives `kill -9` and power
 * loss from that moment on. Nothing else may be called durable. [I1]
 *
 * **What an unresolved `append` means.** Unknown, not "not written": the update may be on disk after a crash.
 * While the disk refuses writes the promise simply stays pending: the store keeps the update in memory,
 * reports `degraded`, and writes it again after it has recovered. `append` rejects only with
 * `StoreError('closed')`, when the store closes for good before the update was durable. [I5]
 *
 * **Order.** Updates of one document become durable in the order of their `append` calls, and `durable`
 * promises resolve in that order. The sequence number of an update is fixed when `append` returns.
 *
 * **When what may be called.** `open` once, first. `append`, `compact` and `quarantine` on a document only
 * after its `load` has resolved. Reads (`load`, `readBase`, `list`) go on while the store is degraded as
 * long as the disk can be read. `close` last; it waits for what is queued up to its deadline.
 *
 * **Bounds.** The queue is bounded in bytes: above `queueBytesMax` the store reports `isFull`, and callers
 * stop reading from their sockets. Nothing that was appended is ever dropped. [I6]
 *
 * The store keeps bytes; it never decodes an update. What a head (an encoded version) means is the room's
 * business.
 */

/** One stored update. `seq` is the document's own counter: contiguous, from 0, never reused. */
export interface StoredUpdate {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** The compacted state of a document: chunks on disk, each a valid Yjs update that depends only on earlier ones. */
export interface BaseInfo {
  /** Changes with every compaction; a stale generation can no longer be read. */
  readonly generation: number;
  readonly chunkCount: number;
  /** Sum of the chunks' lengths, bytes. */
  readonly bytes: number;
  /** The version that the chunks add up to, in the room's encoding. Opaque to the store. */
  readonly head: Uint8Array;
  /** Where what lies in the chunks, in the room's encoding. Opaque to the store; null in bases of older builds. */
  readonly outline: Uint8Array | null;
  /** Every update with a `seq` up to this one is contained in the chunks. */
  readonly upToSeq: number;
}

/** What a document looks like on disk when it is opened. */
export interface StoredDocument {
  readonly base: BaseInfo | null;
  /** The updates since the base, in order of `seq`. */
  readonly tail: readonly StoredUpdate[];
  /** The highest sequence number in use, chunks included; -1 for a document that has never been stored. */
  readonly lastSeq: number;
  /** Milliseconds since the epoch; null where it was not recorded (written by y-leveldb). */
  readonly createdAtMs: number | null;
}

export interface Append {
  readonly seq: number;
  /** Resolves when the update is durable; rejects only with `StoreError('closed')`. */
  readonly durable: Promise<void>;
}

export interface CompactedBase {
  readonly upToSeq: number;
  readonly chunks: readonly Uint8Array[];
  readonly head: Uint8Array;
  readonly outline?: Uint8Array;
}

/** Why an update was taken out of a document's tail; kept beside it, for `syncline inspect`. */
export interface QuarantineEntry {
  readonly seq: number;
  readonly reason: string;
}

export interface DocumentSummary {
  readonly name: string;
  /** Milliseconds since the epoch; null where it was not recorded. */
  readonly createdAtMs: number | null;
  readonly isDeleted: boolean;
}

/**
 * `open`: writes become durable. `degraded`: a write failed; reads go on, appends wait, nothing is acked.
 * `closed`: before `open`, after `close`.
 */
export type StoreStatus = 'open' | 'degraded' | 'closed';

export interface StoreQueue {
  readonly records: number;
  readonly bytes: number;
}

/** Callbacks for logs and metrics; they must not throw and must return at once. */
export interface StoreObserver {
  readonly onStatus?: (status: StoreStatus, error: StoreError | null) => void;
  readonly onCommit?: (batch: { records: number; bytes: number; durationMs: number }) => void;
  readonly onRecovered?: (recovery: { rewrittenRecords: number; downtimeMs: number }) => void;
  readonly onFull?: (isFull: boolean) => void;
  /** The store was closed before this was durable: none of it was acked, its authors still have it. */
  readonly onAbandoned?: (queue: StoreQueue) => void;
}

export type StoreErrorCode =
  /** Another process (or this one) has the folder open; the message names its pid. */
  | 'locked'
  /** The folder as a whole is in doubt; the message says what was found and what to do. */
  | 'refused'
  /** One document is damaged; the others are served. */
  | 'document-damaged'
  /** One record of another part is damaged; the others are readable. */
  | 'record-damaged'
  /** A record, or a write of records, above its bound: the caller splits it. */
  | 'record-too-large'
  /** The document was deleted and stays so. */
  | 'document-deleted'
  /** A write did not reach the disk (yet); the store is recovering. */
  | 'write-failed'
  | 'read-failed'
  /** `readBase` with a generation that a compaction has replaced. */
  | 'stale-generation'
  | 'closed';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a write failed for want of space; LevelDB says so only in words, the file system by a code. */
export function isDiskFull(error: StoreError): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (/no space left|ENOSPC|EDQUOT|quota exceeded/i.test(cause.message)) return true;
  }
  return false;
}

/** What is known of a document without loading it. */
export interface DocumentStat {
  /** Milliseconds since the epoch; null where it was not recorded (written by y-leveldb). */
  readonly createdAtMs: number | null;
  /** When its newest update became part of a batch; null where it was not recorded (older builds, y-leveldb). */
  readonly updatedAtMs: number | null;
  readonly isDeleted: boolean;
}

/** Whose records: each space is one part's own, and no other part looks into it. */
export type RecordSpace =
  'snapshot' | 'snapshot-state' | 'snapshot-deleted' | 'revocation' | 'webhook' | 'dead-letter';

export interface RecordKey {
  readonly space: RecordSpace;
  /** The document that it belongs to and goes with; null for records of the node. */
  readonly document: string | null;
  readonly id: string;
}

export interface RecordChange {
  readonly key: RecordKey;
  /** Null removes it. The bytes must not be changed afterwards. */
  readonly value: Uint8Array | null;
}

export interface StoredRecord {
  readonly id: string;
  /** Null: damaged on disk; `get` says so with an error. The others are as good as ever. */
  readonly value: Uint8Array | null;
}

/** Bounds of records: a batch must not hold up acks. What is larger is split by its owner. */
export const RECORD_LIMITS = {
  /** One value: bytes. */
  valueBytesMax: 1_048_576,
  /** UTF-8 bytes of an id. */
  idBytesMax: 1024,
  /** All values of one write: bytes. */
  writeBytesMax: 4_194_304,
  writeRecordsMax: 256,
} as const;

/**
 * Small durable records of other parts of the node, opaque to the store, each sealed with a checksum. They go
 * through the same group commit as updates: a resolved `write` is on disk, all of it or (after a crash) nothing;
 * while the disk refuses writes it waits, as appends do. Reads return what is durable.
 */
export interface RecordStore {
  /** Null: there is none. @throws StoreError `record-damaged`, `read-failed`, `closed` */
  get(key: RecordKey): Promise<Uint8Array | null>;

  /**
   * Records of one space and document (`null`: of the node), in order of id (UTF-8 bytes), from `after`
   * (exclusive), at most `limit`. @throws StoreError `read-failed`, `closed`
   */
  list(query: {
    readonly space: RecordSpace;
    readonly document: string | null;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly StoredRecord[]>;

  /**
   * Names of documents that have records of a space, in an order of the store's own, from `after` (exclusive), at most `limit`.
   * @throws StoreError `read-failed`, `closed`
   */
  documents(query: {
    readonly space: RecordSpace;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly string[]>;

  /**
   * One synced batch. Writes take effect in the order of the calls.
   * @throws StoreError `record-too-large` (see RECORD_LIMITS), `document-deleted` (a value for a deleted document:
   * nothing was written), `closed`
   */
  write(changes: readonly RecordChange[]): Promise<void>;
}

export type ChangeKind = 'created' | 'changed' | 'deleted';

/** How a write is to be taken. */
export interface WriteWord {
  /** Somebody else tells of it: the change log does not. */
  readonly isTold?: boolean;
}

export interface DocumentChange {
  readonly kind: ChangeKind;
  readonly name: string;
}

/** What one batch did to which documents; in the same batch, so neither is there without the other. */
export interface ChangeRecord {
  /** Strictly increasing, over restarts and recoveries too; with gaps. */
  readonly position: number;
  readonly atMs: number;
  readonly changes: readonly DocumentChange[];
  /** What it said can no longer be read. */
  readonly isDamaged?: true;
}

/**
 * Which documents were created, changed or deleted, in order; kept only by stores that are told to, until it is
 * trimmed. Bounded: when it has grown above its limit it is coalesced, so that each document keeps one entry, at its
 * newest position (`created` outlives a later change, `deleted` replaces everything before it). So a reader
 * that is far behind learns the newest state of every document, not every step.
 */
export interface ChangeLog {
  /** Records after a position, at most `limit`; only durable ones. @throws StoreError `read-failed`, `closed` */
  read(after: number, limit: number): Promise<readonly ChangeRecord[]>;
  /**
   * Says of documents what no write here has said: changes that somebody else was to tell of, and cannot any more.
   * Resolves when it is durable, at once where nothing is kept. @throws StoreError `closed`
   */
  note(changes: readonly DocumentChange[]): Promise<void>;
  /** Forgets everything up to a position, inclusive. */
  trim(upTo: number): Promise<void>;
  /** The newest position in use. */
  readonly position: number;
  /** On disk: bytes. */
  readonly bytes: number;
}

export interface DocumentStore {
  readonly records: RecordStore;
  readonly changes: ChangeLog;
  readonly status: StoreStatus;
  /** The error behind `degraded`, else null. */
  readonly lastError: StoreError | null;
  readonly queue: StoreQueue;
  readonly isFull: boolean;

  /** @throws StoreError `locked`, `refused` */
  open(): Promise<void>;

  /**
   * Reads a document: its base's description and its tail, checksums and sequence verified.
   * A document that was never stored has `base: null`, an empty tail and `lastSeq: -1`; nothing is written.
   * Only what is durable is returned. After a `release` while appends were queued, `load` waits for them, even
   * if that takes as long as the disk is full: a room that opened without them would ack their repetition.
   * @throws StoreError `document-damaged`, `document-deleted`, `read-failed`, `closed`
   */
  load(name: string): Promise<StoredDocument>;

  /**
   * What is known of a document without loading it; null for one that was never stored.
   * @throws StoreError `document-damaged` (its index record), `read-failed`, `closed`
   */
  stat(name: string): Promise<DocumentStat | null>;

  /**
   * The chunks of a base as they lie on disk, checksums verified.
   * @throws StoreError `stale-generation`, `document-damaged`, `read-failed`, `closed`
   */
  readBase(name: string, generation: number): Promise<readonly Uint8Array[]>;

  /**
   * Queues an update for the next group commit. Synchronous: the order of calls is the order on disk. The
   * bytes must not be changed afterwards.
   * @throws StoreError `closed`, `document-deleted`
   */
  append(name: string, update: Uint8Array, word?: WriteWord): Append;

  /**
   * Replaces base and tail up to `upToSeq` by a new base. What it replaces is deleted only after the new
   * base was synced and read back; a crash anywhere leaves duplicates, never holes.
   * @throws StoreError `closed`, `document-damaged` (what was read back differs: nothing was deleted)
   */
  compact(name: string, base: CompactedBase): Promise<BaseInfo>;

  /** Moves updates out of the tail into quarantine records, in one synced batch. */
  quarantine(name: string, entries: readonly QuarantineEntry[]): Promise<void>;

  /** Documents in order of name, from `after` (exclusive), at most `limit`; tombstones only on request. */
  list(query: {
    prefix?: string;
    after?: string;
    limit: number;
    includeDeleted?: boolean;
  }): Promise<readonly DocumentSummary[]>;

  /** Writes a tombstone and removes everything of the document, `records` too. Later loads throw `document-deleted`. */
  delete(name: string, word?: WriteWord): Promise<void>;

  /**
   * The room has closed: the store forgets what it keeps in memory of the document, once nothing of it is
   * queued any more. A later `append` needs a new `load`.
   */
  release(name: string): void;

  /** Waits until everything queued is durable (at most `deadlineMs`), then releases the folder. */
  close(deadlineMs?: number): Promise<void>;
}
