/** The change log: one suite over both stores. */
import { describe, expect, it } from 'vitest';
import type { ChangeRecord, DocumentStore } from '../../persistence/index.ts';
import { bytes, twins } from './store-twins.ts';

const recordsChanges = true;

async function append(store: DocumentStore, name: string, value: number): Promise<void> {
  await store.load(name);
  await store.append(name, bytes(value)).durable;
}

const words = (records: readonly ChangeRecord[]): string[] =>
  records.flatMap(({ changes }) => changes.map(({ kind, name }) => `${kind} ${name}`));

describe.each(twins)('$name: changes', ({ create }) => {
  it('are not kept unless the store is told to', async () => {
    const { store } = await create();
    await append(store, 'a', 1);
    await store.delete('a');
    expect(await store.changes.read(0, 10)).toEqual([]);
    expect(store.changes.bytes).toBe(0);
  });

  it('tell of every document created, changed and deleted, in order', async () => {
    const { store } = await create({ recordsChanges });
    await append(store, 'a', 1);
    await append(store, 'b', 1);
    await append(store, 'a', 2);
    await store.delete('b');
    await append(store, 'a', 3);
    const records = await store.changes.read(0, 100);
    expect(words(records)).toEqual([
      'created a',
      'created b',
      'changed a',
      'deleted b',
      'changed a',
    ]);
    expect(records.every(({ atMs }) => Math.abs(Date.now() - atMs) < 60_000)).toBe(true);
    const positions = records.map(({ position }) => position);
    expect(new Set(positions).size).toBe(positions.length);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(store.changes.position).toBeGreaterThanOrEqual(positions.at(-1) ?? Infinity);
    expect(words(await store.changes.read(positions[1] ?? 0, 2))).toEqual([
      'changed a',
      'deleted b',
    ]);
  });

  it('leave out what somebody else tells of', async () => {
    const { store } = await create({ recordsChanges });
    await store.load('theirs');
    await store.append('theirs', bytes(1), { isTold: true }).durable;
    await store.append('theirs', bytes(2)).durable;
    await store.load('both');
    // In one batch, and the first is theirs.
    const appends = [true, false, true].map((isTold, at) =>
      store.append('both', bytes(at), { isTold }),
    );
    await Promise.all(appends.map(({ durable }) => durable));
    await append(store, 'ours', 1);
    await store.append('ours', bytes(2), { isTold: true }).durable;
    await store.delete('theirs', { isTold: true });
    await store.delete('ours');
    expect(words(await store.changes.read(0, 100))).toEqual([
      'changed theirs',
      'changed both',
      'created ours',
      'deleted ours',
    ]);
  });

  it('are noted for who cannot tell them any more, without a write', async () => {
    const { store, reopen } = await create({ recordsChanges });
    await append(store, 'a', 1);
    await store.changes.note([
      { kind: 'changed', name: 'a' },
      { kind: 'deleted', name: 'never seen' },
    ]);
    await store.changes.note([]);
    await store.close();
    const again = await reopen();
    expect(words(await again.changes.read(0, 100))).toEqual([
      'created a',
      'changed a',
      'deleted never seen',
    ]);
    expect(await again.stat('never seen')).toBeNull();
    expect((await again.load('a')).tail).toHaveLength(1);
  });

  it('one batch is one record, and names a document once a kind', async () => {
    const { store } = await create({ recordsChanges });
    for (const name of ['a', 'b', 'c']) await store.load(name);
    const appends = ['a', 'b', 'a', 'a', 'b'].map((name, index) =>
      store.append(name, bytes(index)),
    );
    appends.push(store.append('c', bytes(9)));
    await Promise.all(appends.map(({ durable }) => durable));
    const records = await store.changes.read(0, 100);
    expect(records.length).toBe(1);
    expect(words(records).toSorted()).toEqual([
      'changed a',
      'changed b',
      'created a',
      'created b',
      'created c',
    ]);
    // A document is created before it is changed.
    expect(words(records).indexOf('created a')).toBeLessThan(words(records).indexOf('changed a'));
  });

  it('a compaction, a release, a repeated deletion and that of a document that never was are no changes', async () => {
    const { store } = await create({ recordsChanges });
    await append(store, 'a', 1);
    await store.compact('a', { upToSeq: 0, chunks: [bytes(7)], head: bytes() });
    store.release('a');
    await store.delete('ghost');
    await store.delete('a');
    await store.delete('a');
    await store.records.write([
      { key: { space: 'webhook', document: null, id: 'x' }, value: bytes(1) },
    ]);
    expect(words(await store.changes.read(0, 100))).toEqual(['created a', 'deleted a']);
  });

  it('a document that is deleted before its first update is on disk was created and deleted', async () => {
    const { store } = await create({ recordsChanges });
    await store.load('a');
    const { durable } = store.append('a', bytes(1));
    await store.delete('a');
    await durable;
    expect(words(await store.changes.read(0, 100))).toEqual(['created a', 'deleted a']);
  });

  it('positions increase over restarts, and what is trimmed is gone', async () => {
    const { store, reopen } = await create({ recordsChanges });
    await append(store, 'a', 1);
    await append(store, 'a', 2);
    const before = await store.changes.read(0, 10);
    await store.changes.trim(before[0]?.position ?? 0);
    expect(words(await store.changes.read(0, 10))).toEqual(['changed a']);
    await store.changes.trim(before[1]?.position ?? 0);
    expect(await store.changes.read(0, 10)).toEqual([]);
    expect(store.changes.bytes).toBe(0);
    await store.close();
    const next = await reopen();
    await append(next, 'a', 3);
    const [record] = await next.changes.read(0, 10);
    expect(record?.position).toBeGreaterThan(before[1]?.position ?? Infinity);
    expect(next.changes.bytes).toBeGreaterThan(0);
  });

  it('[I6] a log that nobody trims stays bounded, and its reader learns the newest state of every document', async () => {
    const changesBytesMax = 2_000;
    const { store, reopen } = await create({ recordsChanges, changesBytesMax });
    const names = Array.from({ length: 12 }, (_, index) => `document-${index}`);
    for (const name of names) await append(store, name, 0);
    const cursor = (await store.changes.read(0, 100))[5]?.position ?? 0;
    let largest = 0;
    for (let turn = 0; turn < 300; turn++) {
      const name = names[turn % 11] ?? '';
      await store.append(name, bytes(turn & 255)).durable;
      largest = Math.max(largest, store.changes.bytes);
    }
    await store.delete('document-3');
    // It is coalesced beside what is written; a few batches may come in between.
    expect(largest).toBeLessThan(2 * changesBytesMax);
    await store.close();
    const next = await reopen();
    expect(next.changes.bytes).toBeLessThan(2 * changesBytesMax);
    const rest = await next.changes.read(cursor, 1000);
    const positions = rest.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const newest = new Map<string, string>();
    const created = new Set<string>();
    for (const { changes } of rest) {
      for (const { kind, name } of changes) {
        newest.set(name, kind);
        if (kind === 'created') created.add(name);
      }
    }
    // Those after the cursor are still said to be created; the last one has never been changed since.
    for (const name of names.slice(6)) expect([name, created.has(name)]).toEqual([name, true]);
    expect(newest.get('document-3')).toBe('deleted');
    expect(newest.get('document-11')).toBe('created');
    expect([...newest.keys()].toSorted()).toEqual(names.toSorted());
  });
});
