/**
 * Records of other parts on LevelDB: see `RecordStore` in store.ts. Everything goes through the one group commit,
 * so a record is as durable, as patient with a full disk, and as safe from half-written batches as an update is.
 *
 * Records of a document go with it: a write for a deleted document is refused, and what is queued before the
 * tombstone is removed with the rest.
 */
import type { DiskAccess } from './compactor.ts';
import type { Deletions } from './deletions.ts';
import { deletedError } from './document-read.ts';
import * as keys from './keys.ts';
import { describeRecord } from './offline-records.ts';
import {
  idOfRecordKey,
  keyOfRecord,
  parseRecordKey,
  recordsBehind,
  recordsOfSpace,
} from './record-keys.ts';
import * as values from './records.ts';
import {
  RECORD_LIMITS,
  StoreError,
  type RecordChange,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
} from './store.ts';

export interface LevelRecordsOptions extends DiskAccess {
  /** @throws StoreError `closed` */
  readonly assertOpen: () => void;
  /** A check for tombstones must know of those that it may have overlooked. */
  readonly deletions: Pick<Deletions, 'isRunning' | 'count'>;
}

/** @throws StoreError `record-too-large` */
export function assertBounds(changes: readonly RecordChange[]): void {
  const { valueBytesMax, idBytesMax, writeBytesMax, writeRecordsMax } = RECORD_LIMITS;
  let total = 0;
  for (const { key, value } of changes) {
    const bytes = value?.length ?? 0;
    total += bytes;
    if (bytes > valueBytesMax) tooLarge(`${key.space}: ${bytes} bytes, ${valueBytesMax} at most`);
    if (Buffer.byteLength(key.id, 'utf8') > idBytesMax)
      tooLarge(`${key.space}: its id is too long`);
  }
  if (total > writeBytesMax) tooLarge(`${total} bytes in one write, ${writeBytesMax} at most`);
  if (changes.length > writeRecordsMax) {
    tooLarge(`${changes.length} records in one write, ${writeRecordsMax} at most`);
  }
}

async function firstOf(found: AsyncIterable<Buffer>): Promise<Buffer | null> {
  for await (const key of found) return key;
  return null;
}

function tooLarge(what: string): never {
  throw new StoreError('record-too-large', `a record of ${what}`);
}

function damagedRecord(key: RecordKey): StoreError {
  return new StoreError(
    'record-damaged',
    `the ${describeRecord(key)} is damaged or of a newer version`,
  );
}

export class LevelRecords implements RecordStore {
  readonly #options: LevelRecordsOptions;
  /** Writes that have to look at tombstones first keep their order. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: LevelRecordsOptions) {
    this.#options = options;
  }

  async get(key: RecordKey): Promise<Uint8Array | null> {
    this.#options.assertOpen();
    const value = await this.#options.read((reader) => reader.get(keyOfRecord(key)));
    if (value === undefined) return null;
    const payload = values.decodeOpaque(value);
    if (payload === null) throw damagedRecord(key);
    return payload;
  }

  async list(query: Parameters<RecordStore['list']>[0]): Promise<readonly StoredRecord[]> {
    this.#options.assertOpen();
    const found: StoredRecord[] = [];
    if (query.limit <= 0) return found;
    return await this.#options.read(async (reader) => {
      for await (const [key, value] of reader.entries(recordsOfSpace(query))) {
        found.push({ id: idOfRecordKey(key, query), value: values.decodeOpaque(value) });
        if (found.length === query.limit) break;
      }
      return found;
    });
  }

  /** From document to document: what lies between their first records is not read. */
  async documents(query: Parameters<RecordStore['documents']>[0]): Promise<readonly string[]> {
    this.#options.assertOpen();
    const { space, limit } = query;
    const found: string[] = [];
    return await this.#options.read(async (reader) => {
      let last = query.after;
      while (found.length < limit) {
        const owner = await firstOf(reader.keys(recordsBehind(last)));
        const document = owner === null ? null : (parseRecordKey(owner)?.document ?? null);
        if (document === null) break;
        last = document;
        const own = await firstOf(reader.keys(recordsOfSpace({ space, document })));
        if (own !== null) found.push(document);
      }
      return found;
    });
  }

  async write(changes: readonly RecordChange[]): Promise<void> {
    const { assertOpen, committer } = this.#options;
    assertOpen();
    assertBounds(changes);
    if (changes.length === 0) return;
    const operations = changes.map(({ key, value }) => {
      return [keyOfRecord(key), value === null ? null : values.encodeOpaque(value)] as const;
    });
    const documents = new Set<string>();
    for (const { key, value } of changes) {
      if (value !== null && key.document !== null) documents.add(key.document);
    }
    if (documents.size === 0 && this.#waiting === 0) return await committer.write(operations);
    this.#waiting++;
    const queued = this.#turn.then(async () => {
      try {
        await this.#assertLive(documents);
        assertOpen();
        // From here to the queue nothing is awaited: a deletion that begins later finds the record, and removes it.
        return { durable: committer.write(operations) };
      } finally {
        this.#waiting--;
      }
    });
    this.#turn = queued.catch(() => undefined);
    await (
      await queued
    ).durable;
    return undefined;
  }

  /** @throws StoreError `document-deleted` */
  async #assertLive(documents: ReadonlySet<string>): Promise<void> {
    const { read, deletions } = this.#options;
    let seen: number;
    do {
      seen = deletions.count;
      await read(async (reader) => {
        for (const name of documents) {
          const value = await reader.get(keys.nameKey(name));
          const record = value === undefined ? null : values.decodeDocument(value);
          if (record !== null && record.deletedAtMs !== null) throw deletedError(name);
        }
      });
      for (const name of documents) if (deletions.isRunning(name)) throw deletedError(name);
      // One that has begun and ended since the snapshot was taken is not in it.
    } while (seen !== deletions.count);
  }
}
