/**
 * Snapshots as records of the store: what is known of one in space `snapshot`, so that listing reads little, and its
 * state, gzipped and in pieces that one record can hold, in `snapshot-state`. Ids of deleted ones stay in `snapshot-deleted`:
 * another node that has one must not bring it back.
 *
 * A snapshot of several writes is announced as incomplete first and completed last. One that a crash left incomplete
 * is seen by nobody and is removed when the document gets its next one.
 */
import {
  RECORD_LIMITS,
  StoreError,
  type RecordChange,
  type RecordStore,
} from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';

export interface SnapshotInfo {
  /** Sorts by time of creation. */
  readonly id: string;
  readonly label: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
  /** Subject of who made it. */
  readonly author: string;
  /** Digest of the version that it holds. */
  readonly digest: string;
  /** Of the state as one update, uncompressed. */
  readonly bytes: number;
}

/** Characters of a label. */
export const LABEL_LENGTH_MAX = 200;

/** Time and chance, as `History` makes them. */
export function isSnapshotId(text: string): boolean {
  return /^[0-9a-f]{12}-[0-9a-f]{8}$/.test(text);
}

/** First byte of a record of either space. */
const FORMAT = 1;
const PIECE_BYTES = RECORD_LIMITS.valueBytesMax - 1;
/** Pieces that fit into one write, beside what is known of the snapshot. */
const PIECES_PER_WRITE = Math.floor(RECORD_LIMITS.writeBytesMax / RECORD_LIMITS.valueBytesMax) - 1;
const PAGE = 256;
/** What stands for one that was deleted. */
const GONE: Uint8Array = Uint8Array.of(FORMAT);
/**
 * Deleted ones of a document that are remembered, the newest: a node that was away while more were deleted may bring the
 * oldest of them back.
 */
export const DELETED_MAX = 1_000;
/** Pieces are read as they are removed. */
const PIECES_PAGE = 4;

/** All that there is to know of a document's snapshots, but their states. */
export interface SnapshotList {
  /** Oldest first; one whose record is damaged is left out. */
  readonly snapshots: readonly SnapshotInfo[];
  /** Ids of those that were deleted, in order: the newest, `DELETED_MAX` at most. */
  readonly deleted: readonly string[];
}

/** Some of what other nodes ask for, and how many bytes there are of it. */
export interface Slice {
  readonly size: number;
  readonly bytes: Uint8Array;
}

interface Stored extends SnapshotInfo {
  readonly pieces: number;
  readonly isComplete: boolean;
}

export class SnapshotRecords {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** All of a document, oldest first; one whose record is damaged is left out. @throws StoreError */
  async list(document: DocumentName): Promise<readonly SnapshotInfo[]> {
    return (await this.#listStored(document)).filter((stored) => stored.isComplete).map(infoOf);
  }

  /** @throws StoreError */
  async known(document: DocumentName): Promise<SnapshotList> {
    // Before the oldest are forgotten there may be more: all nodes must go by the same ones.
    const deleted = (await this.#listDeleted(document)).slice(-DELETED_MAX);
    const gone = new Set(deleted);
    // A node that deletes while this is read has the id in both; it is going.
    const snapshots = (await this.list(document)).filter(({ id }) => !gone.has(id));
    return { snapshots, deleted };
  }

  /** Documents that have or had any, in the store's order, page by page. @throws StoreError */
  async *documents(): AsyncIterable<DocumentName> {
    for (const space of ['snapshot', 'snapshot-deleted'] as const) {
      for (let after: string | null = null; ;) {
        const query: Parameters<RecordStore['documents']>[0] = { space, limit: PAGE };
        const page: readonly string[] = await this.#records.documents(
          after === null ? query : { ...query, after },
        );
        yield* page as readonly DocumentName[];
        after = page.at(-1) ?? null;
        if (page.length < PAGE) break;
      }
    }
  }

  /** Durable when it resolves. @throws StoreError */
  async write(document: DocumentName, info: SnapshotInfo, gzipped: Uint8Array): Promise<void> {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < gzipped.byteLength; at += PIECE_BYTES) {
      pieces.push(withFormat(gzipped.subarray(at, at + PIECE_BYTES)));
    }
    const stored: Stored = { ...info, pieces: pieces.length, isComplete: true };
    const complete = { key: keyOf(document, info.id), value: encode(stored) };
    const changes = pieces.map((value, index) => ({
      key: pieceKeyOf(document, info.id, index),
      value,
    }));
    if (changes.length > PIECES_PER_WRITE) {
      await this.#records.write([{ ...complete, value: encode({ ...stored, isComplete: false }) }]);
      while (changes.length > PIECES_PER_WRITE) {
        await this.#records.write(changes.splice(0, PIECES_PER_WRITE));
      }
    }
    await this.#records.write([...changes, complete]);
  }

  /** Null: there is none. @throws StoreError `record-damaged`, … */
  async info(document: DocumentName, id: string): Promise<SnapshotInfo | null> {
    const stored = await this.#find(document, id);
    return stored === null ? null : infoOf(stored);
  }

  /** Null: there is none. @throws StoreError `record-damaged`, … */
  async gzippedState(
    document: DocumentName,
    id: string,
  ): Promise<{ readonly info: SnapshotInfo; readonly gzipped: Uint8Array<ArrayBuffer> } | null> {
    const stored = await this.#find(document, id);
    if (stored === null) return null;
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < stored.pieces; index++) {
      const piece = await this.#piece(document, id, index);
      // Somebody is removing it at this moment.
      if (piece === null) return null;
      pieces.push(piece);
    }
    return { info: infoOf(stored), gzipped: new Uint8Array(Buffer.concat(pieces)) };
  }

  /** Of the gzipped state. Null: there is none. @throws StoreError */
  async slice(
    document: DocumentName,
    id: string,
    offset: number,
    bytesMax: number,
  ): Promise<Slice | null> {
    const stored = await this.#find(document, id);
    if (stored === null || stored.pieces === 0) return null;
    const last = await this.#piece(document, id, stored.pieces - 1);
    const index = Math.floor(offset / PIECE_BYTES);
    const piece = index === stored.pieces - 1 ? last : await this.#piece(document, id, index);
    if (last === null || piece === null) return null;
    const from = offset - index * PIECE_BYTES;
    return {
      size: (stored.pieces - 1) * PIECE_BYTES + last.byteLength,
      bytes: piece.subarray(from, from + bytesMax),
    };
  }

  /** Also of one that is damaged or incomplete; its id is remembered. False: there is none. @throws StoreError */
  async delete(document: DocumentName, id: string): Promise<boolean> {
    if (!(await this.#has(document, id))) return false;
    await this.#remove(document, id, [{ key: deletedKeyOf(document, id), value: GONE }]);
    await this.#forgetOldest(document);
    return true;
  }

  /** As `delete`, also of what was never here. @throws StoreError */
  async bury(document: DocumentName, ids: readonly string[]): Promise<void> {
    const absent: RecordChange[] = [];
    for (const id of ids) {
      const gone = { key: deletedKeyOf(document, id), value: GONE };
      if (await this.#has(document, id)) await this.#remove(document, id, [gone]);
      else absent.push(gone);
    }
    for (let at = 0; at < absent.length; at += PAGE) {
      await this.#records.write(absent.slice(at, at + PAGE));
    }
    await this.#forgetOldest(document);
  }

  /** `last` goes with its own record. */
  async #remove(
    document: DocumentName,
    id: string,
    last: readonly RecordChange[] = [],
  ): Promise<void> {
    for (;;) {
      const found = await this.#records.list({
        space: 'snapshot-state',
        document,
        after: `${id}.`,
        limit: PIECES_PAGE,
      });
      const pieces = found.filter((record) => record.id.startsWith(`${id}.`));
      const changes = pieces.map((record) => ({
        key: { space: 'snapshot-state' as const, document, id: record.id },
        value: null,
      }));
      const isLast = pieces.length < PIECES_PAGE;
      // Its own record goes last: until then it can be found and removed.
      await this.#records.write(
        isLast ? [...changes, { key: keyOf(document, id), value: null }, ...last] : changes,
      );
      if (isLast) return;
    }
  }

  async #forgetOldest(document: DocumentName): Promise<void> {
    const ids = await this.#listDeleted(document);
    const forgotten = ids.slice(0, Math.max(0, ids.length - DELETED_MAX));
    for (let at = 0; at < forgotten.length; at += PAGE) {
      await this.#records.write(
        forgotten
          .slice(at, at + PAGE)
          .map((id) => ({ key: deletedKeyOf(document, id), value: null })),
      );
    }
  }

  async #listDeleted(document: DocumentName): Promise<readonly string[]> {
    const ids: string[] = [];
    for (;;) {
      const page = await this.#records.list({
        space: 'snapshot-deleted',
        document,
        after: ids.at(-1) ?? '',
        limit: PAGE,
      });
      ids.push(...page.map(({ id }) => id));
      if (page.length < PAGE) return ids;
    }
  }

  async #piece(document: DocumentName, id: string, index: number): Promise<Uint8Array | null> {
    const value = await this.#records.get(pieceKeyOf(document, id, index));
    if (value !== null && value[0] !== FORMAT) throw damaged(id);
    return value?.subarray(1) ?? null;
  }

  /** Removes what crashes have left. Nobody may be writing a snapshot of the document. @throws StoreError */
  async sweep(document: DocumentName): Promise<void> {
    for (const { id, isComplete } of await this.#listStored(document)) {
      if (!isComplete) await this.#remove(document, id);
    }
  }

  async #listStored(document: DocumentName): Promise<readonly Stored[]> {
    const all: Stored[] = [];
    let after = '';
    for (;;) {
      const page = await this.#records.list({ space: 'snapshot', document, after, limit: PAGE });
      for (const { id, value } of page) {
        const stored = value === null ? null : decode(id, value);
        if (stored !== null) all.push(stored);
        after = id;
      }
      if (page.length < PAGE) return all;
    }
  }

  async #find(document: DocumentName, id: string): Promise<Stored | null> {
    const value = await this.#records.get(keyOf(document, id));
    if (value === null) return null;
    const stored = decode(id, value);
    if (stored === null) throw damaged(id);
    return stored.isComplete ? stored : null;
  }

  async #has(document: DocumentName, id: string): Promise<boolean> {
    try {
      return (await this.#records.get(keyOf(document, id))) !== null;
    } catch (error) {
      if (error instanceof StoreError && error.code === 'record-damaged') return true;
      throw error;
    }
  }
}

function keyOf(
  document: DocumentName,
  id: string,
): { readonly space: 'snapshot'; readonly document: DocumentName; readonly id: string } {
  return { space: 'snapshot', document, id };
}

function pieceKeyOf(
  document: DocumentName,
  id: string,
  index: number,
): { readonly space: 'snapshot-state'; readonly document: DocumentName; readonly id: string } {
  return { space: 'snapshot-state', document, id: `${id}.${String(index).padStart(5, '0')}` };
}

function deletedKeyOf(
  document: DocumentName,
  id: string,
): { readonly space: 'snapshot-deleted'; readonly document: DocumentName; readonly id: string } {
  return { space: 'snapshot-deleted', document, id };
}

function infoOf({ id, label, createdAtMs, author, digest, bytes }: Stored): SnapshotInfo {
  return { id, label, createdAtMs, author, digest, bytes };
}

function encode({ id: _id, ...rest }: Stored): Uint8Array {
  return withFormat(Buffer.from(JSON.stringify(rest)));
}

/** Null: of another format. The store's checksum has said already that the bytes are ours. */
function decode(id: string, value: Uint8Array): Stored | null {
  if (value[0] !== FORMAT) return null;
  const rest = JSON.parse(Buffer.from(value.subarray(1)).toString()) as Omit<Stored, 'id'>;
  return { id, ...rest };
}

function withFormat(bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(bytes.byteLength + 1);
  value[0] = FORMAT;
  value.set(bytes, 1);
  return value;
}

function damaged(id: string): StoreError {
  return new StoreError('record-damaged', `the records of snapshot ${id} are of another format`);
}
