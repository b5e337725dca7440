/**
 * What every document store must do: one suite, run over the LevelDB store and its twin in memory. The twin is
 * an independent implementation, so what both do is what the port says.
 */
import { describe, expect, it } from 'vitest';
import { StoreError, type DocumentStore } from '../../persistence/index.ts';
import { bytes, codeOf, twins } from './store-twins.ts';

const plain = (chunks: readonly Uint8Array[]): number[][] => chunks.map((chunk) => [...chunk]);

async function tailOf(store: DocumentStore, name: string): Promise<[number, number[]][]> {
  return (await store.load(name)).tail.map(({ seq, bytes: update }) => [seq, [...update]]);
}

describe.each(twins)('$name', ({ create }) => {
  it('[I8] a document that was never stored is empty, and loading it writes nothing', async () => {
    const { store } = await create();
    const document = await store.load('new');
    expect(document).toEqual({ base: null, tail: [], lastSeq: -1, createdAtMs: null });
    expect(store.queue.records).toBe(0);
    expect(await store.list({ limit: 10 })).toEqual([]);
  });

  it('[I1] updates are loaded as they were appended, in order, after a restart', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    const appends = [1, 2, 3].map((value) => store.append('a', bytes(value, value)));
    expect(appends.map(({ seq }) => seq)).toEqual([0, 1, 2]);
    await Promise.all(appends.map(({ durable }) => durable));
    expect(store.queue).toEqual({ records: 0, bytes: 0 });
    await store.close();
    const next = await reopen();
    const document = await next.load('a');
    expect(await tailOf(next, 'a')).toEqual([
      [0, [1, 1]],
      [1, [2, 2]],
      [2, [3, 3]],
    ]);
    expect(document.lastSeq).toBe(2);
    expect(document.base).toBeNull();
    expect(document.createdAtMs).toBeGreaterThan(1_700_000_000_000);
    expect(next.append('a', bytes(4)).seq).toBe(3);
  });

  it('[I1] `durable` resolves in the order of the appends', async () => {
    const { store } = await create();
    await store.load('a');
    await store.load('b');
    const order: number[] = [];
    const waits = Array.from({ length: 600 }, async (_, index) => {
      await store.append(index % 3 === 0 ? 'b' : 'a', bytes(index & 255)).durable;
      order.push(index);
    });
    await Promise.all(waits);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('documents do not see one another, whatever their names contain', async () => {
    const { store, reopen } = await create();
    const names = ['', 'a', 'a/b', 'ab', 'a\u0000b', 'ä', '😀', 'update', 'a'.repeat(300), 'v1_sv'];
    for (const [index, name] of names.entries()) {
      await store.load(name);
      await store.append(name, bytes(index)).durable;
    }
    await store.close();
    const next = await reopen();
    for (const [index, name] of names.entries()) {
      expect(await tailOf(next, name)).toEqual([[0, [index]]]);
    }
    expect((await next.list({ limit: 100 })).length).toBe(names.length);
  });

  it('a base replaces the tail up to its seq, and is read back chunk by chunk', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    for (let value = 0; value < 5; value++) await store.append('a', bytes(value)).durable;
    const info = await store.compact('a', {
      upToSeq: 2,
      chunks: [bytes(10, 11), bytes(12)],
      head: bytes(9, 9),
      outline: bytes(8),
    });
    expect(info).toEqual({ ...info, chunkCount: 2, bytes: 3, upToSeq: 2, head: bytes(9, 9) });
    expect(plain(await store.readBase('a', info.generation))).toEqual([[10, 11], [12]]);
    const { seq, durable } = store.append('a', bytes(5));
    expect(seq).toBeGreaterThanOrEqual(5);
    await durable;
    await store.close();
    const next = await reopen();
    const document = await next.load('a');
    expect({
      ...document.base,
      head: [...(document.base?.head ?? [])],
      outline: [...(document.base?.outline ?? [])],
    }).toEqual({
      ...info,
      head: [9, 9],
      outline: [8],
    });
    expect(document.tail.map((update) => [...update.bytes])).toEqual([[3], [4], [5]]);
    expect(document.lastSeq).toBe(seq);
    expect(plain(await next.readBase('a', info.generation))).toEqual([[10, 11], [12]]);
  });

  it('a base that was replaced can no longer be read', async () => {
    const { store } = await create();
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    const input = { upToSeq: 0, chunks: [bytes(1)], head: bytes() };
    const first = await store.compact('a', input);
    const second = await store.compact('a', { ...input, chunks: [bytes(2), bytes(3)] });
    expect(second.outline).toBe(null);
    expect(second.generation).not.toBe(first.generation);
    expect(await codeOf(store.readBase('a', first.generation))).toBe('stale-generation');
    expect(plain(await store.readBase('a', second.generation))).toEqual([[2], [3]]);
    expect((await store.load('a')).tail).toEqual([]);
  });

  it('appends go on while a compaction runs, and none is lost', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    await store.append('a', bytes(0)).durable;
    const chunks = Array.from({ length: 20 }, (_, index) => new Uint8Array(200_000).fill(index));
    const compaction = store.compact('a', { upToSeq: 0, chunks, head: bytes() });
    const appends: Promise<void>[] = [];
    for (let value = 1; value <= 50; value++) {
      appends.push(store.append('a', bytes(value)).durable);
      await Promise.race([appends.at(-1), compaction]);
    }
    const info = await compaction;
    await Promise.all(appends);
    await store.close();
    const next = await reopen();
    const { tail } = await next.load('a');
    expect(tail.map((update) => update.bytes[0])).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect((await next.readBase('a', info.generation)).length).toBe(20);
  });

  it('two compactions in a row keep what came between them', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    for (let value = 0; value < 4; value++) await store.append('a', bytes(value)).durable;
    await store.compact('a', { upToSeq: 1, chunks: [bytes(100)], head: bytes() });
    const last = store.append('a', bytes(4));
    await last.durable;
    await store.compact('a', { upToSeq: 2, chunks: [bytes(101)], head: bytes() });
    await store.close();
    const next = await reopen();
    const { tail, base } = await next.load('a');
    expect(tail.map((update) => update.bytes[0])).toEqual([3, 4]);
    expect(plain(await next.readBase('a', base?.generation ?? -1))).toEqual([[101]]);
  });

  it('a quarantined update leaves the tail, and the rest stays loadable', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    for (let value = 0; value < 4; value++) await store.append('a', bytes(value)).durable;
    await store.quarantine('a', [
      { seq: 1, reason: 'throws' },
      { seq: 3, reason: 'too slow' },
    ]);
    const { seq, durable } = store.append('a', bytes(9));
    expect(seq).toBe(4);
    await durable;
    await store.close();
    const next = await reopen();
    expect(await tailOf(next, 'a')).toEqual([
      [0, [0]],
      [2, [2]],
      [4, [9]],
    ]);
    expect((await next.load('a')).lastSeq).toBe(4);
  });

  it('a number is never used twice, not even of a quarantined last update', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    await store.append('a', bytes(0)).durable;
    await store.append('a', bytes(1)).durable;
    await store.quarantine('a', [{ seq: 1, reason: 'throws' }]);
    await store.close();
    const next = await reopen();
    expect((await next.load('a')).lastSeq).toBe(1);
    expect(next.append('a', bytes(2)).seq).toBe(2);
  });

  it('a deleted document stays deleted, and says so', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    await store.compact('a', { upToSeq: 0, chunks: [bytes(7)], head: bytes() });
    const late = store.append('a', bytes(2));
    await store.delete('a');
    await late.durable;
    expect(await codeOf(store.load('a'))).toBe('document-deleted');
    expect(() => store.append('a', bytes(3))).toThrow(StoreError);
    await store.close();
    const next = await reopen();
    expect(await codeOf(next.load('a'))).toBe('document-deleted');
    expect(await next.list({ limit: 10 })).toEqual([]);
    const [tombstone] = await next.list({ limit: 10, includeDeleted: true });
    expect(tombstone).toMatchObject({ name: 'a', isDeleted: true });
  });

  it('a document that was never stored can be deleted, so that it never appears', async () => {
    const { store } = await create();
    await store.delete('ghost');
    expect(await codeOf(store.load('ghost'))).toBe('document-deleted');
    const summaries = await store.list({ limit: 1, includeDeleted: true });
    expect(summaries).toEqual([{ name: 'ghost', createdAtMs: null, isDeleted: true }]);
  });

  it('lists by prefix, page by page, in order of code points', async () => {
    const { store } = await create();
    // U+FFFD sorts before 😀 by code point and after it by UTF-16 unit.
    const names = ['b', 'a/2', 'a/10', 'a', 'a/\ufffd', 'a/😀', 'a0', 'c'];
    for (const name of names) {
      await store.load(name);
      await store.append(name, bytes(1)).durable;
    }
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const query = after === undefined ? { limit: 2 } : { limit: 2, after };
      const page = await store.list(query);
      if (page.length === 0) break;
      found.push(...page.map((summary) => summary.name));
      after = found.at(-1);
    }
    expect(found).toEqual(['a', 'a/10', 'a/2', 'a/\ufffd', 'a/😀', 'a0', 'b', 'c']);
    const inFolder = await store.list({ prefix: 'a/', limit: 10 });
    expect(inFolder.map((summary) => summary.name)).toEqual(['a/10', 'a/2', 'a/\ufffd', 'a/😀']);
    const rest = await store.list({ prefix: 'a/', after: 'a/2', limit: 1 });
    expect(rest.map((summary) => summary.name)).toEqual(['a/\ufffd']);
    expect(await store.list({ prefix: 'a/', after: 'b', limit: 9 })).toEqual([]);
  });

  it('[I6] is full above its limit, says so once, and never drops anything', async () => {
    const { store } = await create({ queueBytesMax: 10_000 });
    await store.load('a');
    const appends = Array.from({ length: 40 }, () => store.append('a', new Uint8Array(1_000)));
    expect(store.isFull).toBe(true);
    expect(store.queue.bytes).toBeGreaterThan(10_000);
    await Promise.all(appends.map(({ durable }) => durable));
    expect(store.isFull).toBe(false);
    expect((await store.load('a')).tail.length).toBe(40);
  });

  it('a room that closes and opens again sees everything, also what was just appended', async () => {
    const { store } = await create();
    await store.load('a');
    store.append('a', bytes(1));
    store.release('a');
    const again = await store.load('a');
    expect(again.tail.length).toBe(1);
    expect(again.lastSeq).toBe(0);
    expect(store.append('a', bytes(2)).seq).toBe(1);
  });

  it('a released document must be loaded again before it is written to', async () => {
    const { store } = await create();
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    store.release('a');
    await store.load('b');
    await store.append('b', bytes(1)).durable;
    expect(() => store.append('a', bytes(2))).toThrow('before it was loaded');
    await store.load('a');
    expect(store.append('a', bytes(2)).seq).toBe(1);
  });

  it('close waits for what is queued; afterwards everything says closed', async () => {
    const { store } = await create();
    await store.load('a');
    const { durable } = store.append('a', bytes(1));
    await store.close();
    await durable;
    expect(store.status).toBe('closed');
    expect(() => store.append('a', bytes(2))).toThrow(StoreError);
    expect(await codeOf(store.load('a'))).toBe('closed');
    expect(await codeOf(store.readBase('a', 1))).toBe('closed');
    expect(await codeOf(store.list({ limit: 1 }))).toBe('closed');
    expect(await codeOf(store.delete('a'))).toBe('closed');
    await store.close();
  });
});
