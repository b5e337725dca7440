/**
 * Snapshots as records of the store: what is known of one in space `snapshot`, so that listing reads little, and its
 * state, gzipped and in pieces that one record can hold, in `snapshot-state`.
 *
 * A snapshot of several writes is announced as incomplete first and completed last. One that a crash left incomplete
 * is seen by nobody and is removed when the document gets its next one.
 */
import { RECORD_LIMITS, StoreError, type RecordStore } from '../../persistence/store.ts';
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

/** First byte of a record of either space. */
const FORMAT = 1;
const PIECE_BYTES = RECORD_LIMITS.valueBytesMax - 1;
/** Pieces that fit into one write, beside what is known of the snapshot. */
const PIECES_PER_WRITE = Math.floor(RECORD_LIMITS.writeBytesMax / RECORD_LIMITS.valueBytesMax) - 1;
const PAGE = 256;
/** Pieces are read as they are removed. */
const PIECES_PAGE = 4;

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
      const value = await this.#records.get(pieceKeyOf(document, id, index));
      // Somebody is removing it at this moment.
      if (value === null) return null;
      if (value[0] !== FORMAT) throw damaged(id);
      pieces.push(value.subarray(1));
    }
    return { info: infoOf(stored), gzipped: new Uint8Array(Buffer.concat(pieces)) };
  }

  /** Also of one that is damaged or incomplete. False: there is none. @throws StoreError */
  async delete(document: DocumentName, id: string): Promise<boolean> {
    if (!(await this.#has(document, id))) return false;
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
        isLast ? [...changes, { key: keyOf(document, id), value: null }] : changes,
      );
      if (isLast) return true;
    }
  }

  /** Removes what crashes have left. Nobody may be writing a snapshot of the document. @throws StoreError */
  async sweep(document: DocumentName): Promise<void> {
    for (const { id, isComplete } of await this.#listStored(document)) {
      if (!isComplete) await this.delete(document, id);
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
