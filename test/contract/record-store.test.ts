/** Records of other parts, and what is known of a document without loading it: one suite over both stores. */
import { describe, expect, it } from 'vitest';
import { RECORD_LIMITS, type RecordChange, type RecordKey } from '../../persistence/index.ts';
import { waitUntil } from '../support/wait-until.ts';
import { bytes, codeOf, twins } from './store-twins.ts';

/** So that times differ. */
async function nextMillisecond(): Promise<void> {
  const nowMs = Date.now();
  await waitUntil('the next millisecond', () => Date.now() > nowMs + 1);
}

const node = (id: string): RecordKey => ({ space: 'revocation', document: null, id });
const snapshot = (document: string, id: string): RecordKey => ({ space: 'snapshot', document, id });

describe.each(twins)('$name: records', ({ create }) => {
  it('[I1] what was written is read after a restart, and what was removed is not', async () => {
    const { store, reopen } = await create();
    const { records } = store;
    expect(await records.get(node('a'))).toBeNull();
    await records.write([
      { key: node('a'), value: bytes(1) },
      { key: node('b'), value: bytes() },
      { key: node('c'), value: bytes(3) },
    ]);
    await records.write([
      { key: node('a'), value: bytes(2, 2) },
      { key: node('c'), value: null },
      { key: node('never there'), value: null },
    ]);
    await store.close();
    const next = await reopen();
    expect(await next.records.get(node('a'))).toEqual(bytes(2, 2));
    expect(await next.records.get(node('b'))).toEqual(bytes());
    expect(await next.records.get(node('c'))).toBeNull();
  });

  it('writes take effect in the order of the calls, of documents and of the node', async () => {
    const { store } = await create();
    const writes = Array.from({ length: 20 }, (_, index) => {
      const key = index % 3 === 0 ? snapshot('doc', 'x') : node('x');
      return store.records.write([
        { key, value: bytes(index) },
        { key: node('last'), value: bytes(index) },
      ]);
    });
    await Promise.all(writes);
    expect(await store.records.get(node('x'))).toEqual(bytes(19));
    expect(await store.records.get(snapshot('doc', 'x'))).toEqual(bytes(18));
    expect(await store.records.get(node('last'))).toEqual(bytes(19));
  });

  it('lists one space of one owner, in order of code points, page by page', async () => {
    const { store } = await create();
    const ids = ['b', 'a/10', 'a', 'a/2', '\ufffd', '😀', ''];
    const document = 'doc';
    for (const id of ids) {
      await store.records.write([
        { key: snapshot(document, id), value: bytes(id.length) },
        { key: snapshot('do', id), value: bytes(99) },
        { key: { space: 'snapshot-state', document, id }, value: bytes(98) },
        { key: { space: 'snapshot', document: null, id }, value: bytes(97) },
      ]);
    }
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const query = { space: 'snapshot', document, limit: 2 } as const;
      const page = await store.records.list(after === undefined ? query : { ...query, after });
      if (page.length === 0) break;
      for (const { id, value } of page) expect(value).toEqual(bytes(id.length));
      found.push(...page.map(({ id }) => id));
      after = found.at(-1);
    }
    expect(found).toEqual(['', 'a', 'a/10', 'a/2', 'b', '\ufffd', '😀']);
    expect(await store.records.list({ space: 'snapshot', document, limit: 0 })).toEqual([]);
    const ofNode = await store.records.list({ space: 'snapshot', document: null, limit: 100 });
    expect(ofNode.length).toBe(ids.length);
  });

  it('owners do not see one another, whatever documents and ids contain', async () => {
    const { store } = await create();
    const documents = [null, '', 'a', 'ab', 'snapshot', '\u0000', 'a\u0000b', 'ä'.repeat(100)];
    for (const [index, document] of documents.entries()) {
      const key = { space: 'snapshot', document, id: 'b\u0000' } as const;
      await store.records.write([{ key, value: bytes(index) }]);
    }
    for (const [index, document] of documents.entries()) {
      const [record, ...rest] = await store.records.list({
        space: 'snapshot',
        document,
        limit: 9,
      });
      expect(record).toEqual({ id: 'b\u0000', value: bytes(index) });
      expect(rest).toEqual([]);
    }
  });

  it('says which documents have records of a space, page by page', async () => {
    const { store } = await create();
    const documents = [
      '',
      'a',
      'ab',
      'snapshot',
      '\u0000',
      'a\u0000b',
      'ä'.repeat(100),
      'z'.repeat(200),
    ];
    await store.records.write([{ key: node('of the node'), value: bytes(1) }]);
    for (const document of [...documents, 'other space', 'removed']) {
      const space = document === 'other space' ? 'snapshot-state' : 'snapshot';
      const changes = ['1', '2'].map((id) => ({ key: { space, document, id }, value: bytes(1) }));
      await store.records.write(changes as RecordChange[]);
    }
    for (const id of ['1', '2']) {
      await store.records.write([{ key: snapshot('removed', id), value: null }]);
    }
    const found: string[] = [];
    for (let after: string | undefined; ;) {
      const query = { space: 'snapshot', limit: 3 } as const;
      const page = await store.records.documents(after === undefined ? query : { ...query, after });
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(3);
      found.push(...page);
      after = page.at(-1);
    }
    expect(found.toSorted()).toEqual(documents.toSorted());
    expect(await store.records.documents({ space: 'webhook', limit: 9 })).toEqual([]);
  });

  it('[I6] a record at its bound is taken; above it nothing of the write is', async () => {
    const { store } = await create();
    const { valueBytesMax, writeBytesMax, writeRecordsMax, idBytesMax } = RECORD_LIMITS;
    const largest = new Uint8Array(valueBytesMax).fill(7);
    await store.records.write([{ key: node('i'.repeat(idBytesMax)), value: largest }]);
    expect((await store.records.get(node('i'.repeat(idBytesMax))))?.length).toBe(valueBytesMax);
    const small = { key: node('small'), value: bytes(1) };
    const many = (count: number, length: number) =>
      Array.from({ length: count }, (_, index) => ({
        key: node(`many-${index}`),
        value: largest.subarray(0, length),
      }));
    await store.records.write(many(writeRecordsMax, 1));
    const tooLarge = [
      [small, { key: node('x'), value: new Uint8Array(valueBytesMax + 1) }],
      [small, { key: node('i'.repeat(idBytesMax + 1)), value: bytes(1) }],
      [small, ...many(writeRecordsMax, 1)],
      [small, ...many(writeBytesMax / valueBytesMax, valueBytesMax)],
    ];
    for (const changes of tooLarge) {
      expect(await codeOf(store.records.write(changes))).toBe('record-too-large');
    }
    expect(await store.records.get(small.key)).toBeNull();
  });

  it('a deleted document takes its records along, and gets no new ones', async () => {
    const { store, reopen } = await create();
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    await store.records.write([{ key: snapshot('a', '1'), value: bytes(1) }]);
    await store.records.write([{ key: snapshot('ab', '1'), value: bytes(2) }]);
    const before = codeOf(store.records.write([{ key: snapshot('a', '2'), value: bytes(2) }]));
    const deletion = store.delete('a');
    const after = codeOf(store.records.write([{ key: snapshot('a', '3'), value: bytes(3) }]));
    await deletion;
    expect(['resolved', 'document-deleted']).toContain(await before);
    expect(await after).toBe('document-deleted');
    const late = [
      { key: node('with it'), value: bytes(1) },
      { key: snapshot('a', '4'), value: bytes(4) },
    ];
    expect(await codeOf(store.records.write(late))).toBe('document-deleted');
    await store.records.write([{ key: snapshot('a', '1'), value: null }]); // removing is always right
    await store.close();
    const next = await reopen();
    const left = await next.records.list({ space: 'snapshot', document: 'a', limit: 9 });
    expect(left).toEqual([]);
    expect(await next.records.get(node('with it'))).toBeNull();
    expect(await next.records.get(snapshot('ab', '1'))).toEqual(bytes(2));
  });

  it('when the store is closed, records say so', async () => {
    const { store } = await create();
    const { records } = store;
    const write = records.write([{ key: node('a'), value: bytes(1) }]);
    await store.close();
    await write;
    expect(await codeOf(records.get(node('a')))).toBe('closed');
    expect(await codeOf(records.list({ space: 'snapshot', document: null, limit: 1 }))).toBe(
      'closed',
    );
    expect(await codeOf(records.documents({ space: 'snapshot', limit: 1 }))).toBe('closed');
    expect(await codeOf(records.write([{ key: node('a'), value: bytes(1) }]))).toBe('closed');
    expect(await codeOf(store.stat('a'))).toBe('closed');
    expect(await codeOf(store.changes.read(0, 1))).toBe('closed');
    expect(await codeOf(store.changes.trim(1))).toBe('closed');
  });
});

describe.each(twins)('$name: stat', ({ create }) => {
  it('a document that was never stored has none', async () => {
    const { store } = await create();
    expect(await store.stat('a')).toBeNull();
    await store.load('a');
    expect(await store.stat('a')).toBeNull();
  });

  it('tells when a document was created and last updated, after a restart and a compaction, too', async () => {
    const { store, reopen } = await create();
    const startMs = Date.now() - 1; // the store's clock has fractions and may be behind by one
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    const first = await store.stat('a');
    expect(first).toMatchObject({ isDeleted: false });
    const createdAtMs = first?.createdAtMs ?? 0;
    expect(createdAtMs).toBeGreaterThanOrEqual(startMs);
    await nextMillisecond();
    await store.append('a', bytes(2)).durable;
    const second = await store.stat('a');
    expect(second?.createdAtMs).toBe(createdAtMs);
    expect(second?.updatedAtMs).toBeGreaterThan(first?.updatedAtMs ?? Infinity);
    await nextMillisecond();
    await store.compact('a', { upToSeq: 1, chunks: [bytes(3)], head: bytes() });
    expect(await store.stat('a')).toEqual(second);
    await store.close();
    const next = await reopen();
    expect(await next.stat('a')).toEqual(second);
    await next.load('a');
    await next.compact('a', { upToSeq: 1, chunks: [bytes(4)], head: bytes() });
    expect(await next.stat('a')).toEqual(second);
    await next.append('a', bytes(5)).durable;
    expect((await next.stat('a'))?.updatedAtMs).toBeGreaterThan(second?.updatedAtMs ?? Infinity);
  });

  it('a tombstone has the time of the deletion', async () => {
    const { store } = await create();
    await store.load('a');
    await store.append('a', bytes(1)).durable;
    const before = await store.stat('a');
    await store.delete('a');
    const after = await store.stat('a');
    expect(after).toMatchObject({ isDeleted: true, createdAtMs: before?.createdAtMs });
    expect(after?.updatedAtMs).toBeGreaterThanOrEqual(before?.updatedAtMs ?? Infinity);
    await store.delete('ghost');
    expect(await store.stat('ghost')).toMatchObject({ isDeleted: true, createdAtMs: null });
  });
});
