import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  StoreError,
  type RecordChange,
  type RecordStore,
  type StoredRecord,
} from '../../../persistence/store.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { SnapshotRecords, type SnapshotInfo } from '../../../server/rooms/snapshot-records.ts';
import { twins } from '../../contract/store-twins.ts';
import { documentName } from '../../support/room-house.ts';

const A = documentName('a');
const B = documentName('b');

function info(id: string): SnapshotInfo {
  return { id, label: 'läbel', createdAtMs: 17, author: 'ann', digest: 'd', bytes: 3 };
}

function noise(bytes: number): Uint8Array {
  return randomFillSync(new Uint8Array(bytes));
}

async function countOf(records: RecordStore, document: DocumentName): Promise<number> {
  const lists = (['snapshot', 'snapshot-state'] as const).map((space) =>
    records.list({ space, document, limit: 1000 }),
  );
  return (await Promise.all(lists)).flat().length;
}

/** Passes everything on, until the process "dies" before one of its writes. */
class Dying implements RecordStore {
  readonly #records: RecordStore;
  #left: number;
  constructor(records: RecordStore, writes: number) {
    this.#records = records;
    this.#left = writes;
  }
  get(key: Parameters<RecordStore['get']>[0]): Promise<Uint8Array | null> {
    return this.#records.get(key);
  }
  list(query: Parameters<RecordStore['list']>[0]): Promise<readonly StoredRecord[]> {
    return this.#records.list(query);
  }
  documents(query: Parameters<RecordStore['documents']>[0]): Promise<readonly string[]> {
    return this.#records.documents(query);
  }
  async write(changes: readonly RecordChange[]): Promise<void> {
    if (this.#left-- <= 0) throw new StoreError('closed', 'dead');
    await this.#records.write(changes);
  }
}

describe.each(twins)('snapshots in a $name', ({ create }) => {
  it.each([0, 1, 1_048_575, 1_048_576, 9_000_000])('%i bytes come back', async (length) => {
    const { store, reopen } = await create();
    const state = noise(length);
    await new SnapshotRecords(store.records).write(A, info('x'), state);
    await store.close();
    const records = new SnapshotRecords((await reopen()).records);
    expect(await records.info(A, 'x')).toEqual(info('x'));
    const found = await records.gzippedState(A, 'x');
    expect(found?.info).toEqual(info('x'));
    expect(Buffer.compare(found?.gzipped ?? noise(9), state)).toBe(0);
  });

  it('are listed in order of id, each document for itself', async () => {
    const { store } = await create();
    const records = new SnapshotRecords(store.records);
    for (let at = 300; at > 0; at--) {
      await records.write(A, info(String(at).padStart(4, '0')), noise(1));
    }
    await records.write(B, info('other'), noise(1));
    const ids = (await records.list(A)).map(({ id }) => id);
    expect(ids).toHaveLength(300);
    expect(ids).toEqual(ids.toSorted());
    expect(await records.info(A, 'other')).toBeNull();
    expect(await records.gzippedState(A, 'other')).toBeNull();
    expect(await records.delete(A, 'other')).toBe(false);
    expect(await records.list(B)).toHaveLength(1);
  });

  it('leave nothing behind when they are deleted', async () => {
    const { store } = await create();
    const records = new SnapshotRecords(store.records);
    await records.write(A, info('x'), noise(9_000_000));
    await records.write(A, info('x2'), noise(10));
    expect(await records.delete(A, 'x')).toBe(true);
    expect(await records.delete(A, 'x')).toBe(false);
    expect(await countOf(store.records, A)).toBe(2);
    expect((await records.gzippedState(A, 'x2'))?.gzipped).toHaveLength(10);
  });

  it('[I1] of several writes: after a crash between any two it is not there, and swept away', async () => {
    const { store } = await create();
    for (let writes = 0; ; writes++) {
      const dying = new SnapshotRecords(new Dying(store.records, writes));
      const isWritten = await dying.write(A, info('x'), noise(9_000_000)).then(
        () => true,
        () => false,
      );
      const records = new SnapshotRecords(store.records);
      if (isWritten) {
        expect(writes).toBeGreaterThan(2);
        expect(await records.list(A)).toHaveLength(1);
        return;
      }
      expect(await records.list(A)).toEqual([]);
      expect(await records.info(A, 'x')).toBeNull();
      expect(await records.gzippedState(A, 'x')).toBeNull();
      await records.sweep(A);
      expect(await countOf(store.records, A)).toBe(0);
      // Another node may have it whole: nobody has deleted it.
      expect((await records.known(A)).deleted).toEqual([]);
    }
  });

  it('of another format are damaged, and can be deleted', async () => {
    const { store } = await create();
    const records = new SnapshotRecords(store.records);
    await records.write(A, info('x'), noise(10));
    await records.write(A, info('y'), noise(10));
    const key = { space: 'snapshot', document: A, id: 'x' } as const;
    await store.records.write([{ key, value: Uint8Array.of(99) }]);
    await expect(records.info(A, 'x')).rejects.toMatchObject({ code: 'record-damaged' });
    expect((await records.list(A)).map(({ id }) => id)).toEqual(['y']);
    expect(await records.delete(A, 'x')).toBe(true);
    expect(await countOf(store.records, A)).toBe(2);
  });

  it('are remembered when they are deleted, also those that were never here', async () => {
    const { store, reopen } = await create();
    const records = new SnapshotRecords(store.records);
    for (const id of ['x', 'y', 'z']) await records.write(A, info(id), noise(10));
    await records.delete(A, 'y');
    await records.bury(A, ['z', 'never here']);
    await records.bury(B, ['w']);
    expect(await countOf(store.records, A)).toBe(2);
    await store.close();
    const again = new SnapshotRecords((await reopen()).records);
    expect(await again.known(A)).toEqual({
      snapshots: [info('x')],
      deleted: ['never here', 'y', 'z'],
    });
    const documents: DocumentName[] = [];
    for await (const document of again.documents()) documents.push(document);
    expect(new Set(documents)).toEqual(new Set([A, B]));
  });

  it('[I6] deleted ones are remembered up to a thousand, the newest', async () => {
    const { store } = await create();
    const records = new SnapshotRecords(store.records);
    const ids = Array.from({ length: 1_300 }, (_, at) => String(at).padStart(4, '0'));
    // As a crash leaves them that came before the oldest were forgotten.
    const key = { space: 'snapshot-deleted', document: A, id: '0' } as const;
    await records.bury(A, ids);
    await store.records.write([{ key, value: Uint8Array.of(1) }]);
    expect((await records.known(A)).deleted).toEqual(ids.slice(300));
    expect(
      await store.records.list({ space: 'snapshot-deleted', document: A, limit: 2_000 }),
    ).toHaveLength(1_001);
  });

  it.each([1, 1_048_574, 1_048_575, 1_048_576, 3_000_000])(
    '%i bytes come in slices',
    async (length) => {
      const { store } = await create();
      const records = new SnapshotRecords(store.records);
      const state = noise(length);
      await records.write(A, info('x'), state);
      const slices: Uint8Array[] = [];
      for (let offset = 0; offset < length;) {
        const slice = await records.slice(A, 'x', offset, 400_000);
        expect(slice?.size).toBe(length);
        expect(slice?.bytes.length).toBeGreaterThan(0);
        slices.push(slice?.bytes ?? noise(9));
        offset += slices.at(-1)?.length ?? 0;
      }
      expect(Buffer.compare(Buffer.concat(slices), state)).toBe(0);
      expect((await records.slice(A, 'x', length, 9))?.bytes.length ?? 0).toBe(0);
      expect((await records.slice(A, 'x', 2 ** 40, 9))?.bytes.length ?? 0).toBe(0);
      expect(await records.slice(A, 'y', 0, 9)).toBeNull();
    },
  );
});
