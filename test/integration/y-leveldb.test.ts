/**
 * [I10] y-leveldb itself as the judge of our on-disk layout: what it reads from a folder of ours, what we read
 * from a folder of its, and what is left after it has rewritten a document in between.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { keyEncoding, LeveldbPersistence } from 'y-leveldb';
import * as Y from 'yjs';
import { LevelStore, type DocumentStore } from '../../persistence/index.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A document that is typed into; collects its updates. */
class Writer {
  readonly doc = new Y.Doc();
  readonly updates: Uint8Array[] = [];

  constructor(clientId: number) {
    this.doc.clientID = clientId;
    this.doc.on('update', (update: Uint8Array) => this.updates.push(update));
  }

  /** Inserts at the front or deletes, so that updates depend on one another in both ways. */
  type(count: number): Uint8Array[] {
    const text = this.doc.getText('text');
    const before = this.updates.length;
    for (let i = 0; i < count; i++) {
      if (i % 5 === 4) text.delete(0, 1);
      else text.insert(i % 2 === 0 ? 0 : text.length, `${before + i},`);
    }
    return this.updates.slice(before);
  }
}

interface Content {
  readonly text: string;
  /** Nothing waits for an update that is missing. */
  readonly isComplete: boolean;
}

function contentOf(updates: readonly Uint8Array[]): Content {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  const isComplete = doc.store.pendingStructs === null && doc.store.pendingDs === null;
  return { text: doc.getText('text').toJSON(), isComplete };
}

async function withStore<T>(folder: string, use: (store: DocumentStore) => Promise<T>): Promise<T> {
  const store = new LevelStore({ folder });
  await store.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function withYLevel<T>(
  folder: string,
  use: (level: LeveldbPersistence) => Promise<T>,
): Promise<T> {
  const level = new LeveldbPersistence(folder);
  try {
    return await use(level);
  } finally {
    await level.destroy();
  }
}

async function readAll(store: DocumentStore, name: string): Promise<Uint8Array[]> {
  const { base, tail } = await store.load(name);
  const chunks = base === null ? [] : await store.readBase(name, base.generation);
  return [...chunks, ...tail.map((update) => update.bytes)];
}

async function appendAll(
  store: DocumentStore,
  name: string,
  updates: readonly Uint8Array[],
): Promise<number> {
  await store.load(name);
  let lastSeq = -1;
  let last = Promise.resolve();
  for (const update of updates) ({ seq: lastSeq, durable: last } = store.append(name, update));
  await last;
  return lastSeq;
}

/** What Syncline serves of a document. */
function served(folder: string, name: string): Promise<Content> {
  return withStore(folder, async (store) => contentOf(await readAll(store, name)));
}

/** What should be served: everything that was typed. */
function typed(writer: Writer): Content {
  return { text: writer.doc.getText('text').toJSON(), isComplete: true };
}

/** A folder of ours: 40 updates, the first 20 compacted into two chunks. */
async function writeFolder(folder: string, writer: Writer): Promise<void> {
  await withStore(folder, async (store) => {
    const first = writer.type(20);
    const upToSeq = await appendAll(store, 'doc', first);
    const half = Y.mergeUpdates(first.slice(0, 10));
    const rest = Y.mergeUpdates(first.slice(10));
    const compaction = store.compact('doc', {
      upToSeq,
      chunks: [half, rest],
      head: Uint8Array.of(1),
    });
    await appendAll(store, 'doc', writer.type(20));
    await compaction;
    await appendAll(store, 'other', new Writer(2).type(3));
  });
}

describe('a folder that Syncline wrote', () => {
  it('[I10] getYDoc, getStateVector, getAllDocNames and metas work on it', async () => {
    const folder = join(tempDir(), 'data');
    const writer = new Writer(1);
    await writeFolder(folder, writer);
    await withYLevel(folder, async (level) => {
      expect(await level.getAllDocNames()).toEqual(['doc', 'other']);
      const doc = await level.getYDoc('doc');
      expect(doc.getText('text').toJSON()).toBe(writer.doc.getText('text').toJSON());
      expect(doc.store.pendingStructs).toBeNull();
      await level.setMeta('doc', 'title', { value: 'kept' });
      expect(await level.getStateVector('doc')).toEqual(Y.encodeStateVector(writer.doc));
    });
    expect(await served(folder, 'doc')).toEqual(typed(writer));
    await withYLevel(folder, async (level) => {
      expect(await level.getMeta('doc', 'title')).toEqual({ value: 'kept' });
      expect([...(await level.getMetas('doc')).keys()]).toEqual(['title']);
    });
  });

  it('[I10] it is served after y-leveldb has rewritten a document, and again after we have', async () => {
    const folder = join(tempDir(), 'data');
    const writer = new Writer(1);
    await writeFolder(folder, writer);
    await withYLevel(folder, (level) => level.getStateVector('doc')); // this flushes
    expect(await served(folder, 'doc')).toEqual(typed(writer));
    await withStore(folder, (store) => appendAll(store, 'doc', writer.type(5)));
    expect(await served(folder, 'doc')).toEqual(typed(writer));
    await withYLevel(folder, async (level) => {
      expect(await level.getStateVector('doc')).toEqual(Y.encodeStateVector(writer.doc));
    });
    await withStore(folder, async (store) => {
      const { lastSeq } = await store.load('doc');
      const chunks = [Y.mergeUpdates(await readAll(store, 'doc'))];
      await store.compact('doc', { upToSeq: lastSeq, chunks, head: Uint8Array.of() });
      await appendAll(store, 'doc', writer.type(5));
    });
    expect(await served(folder, 'doc')).toEqual(typed(writer));
  });

  it('[I10] getYDoc of more than 500 updates rewrites it; we serve what is left', async () => {
    const folder = join(tempDir(), 'data');
    const writer = new Writer(1);
    await withStore(folder, async (store) => {
      await appendAll(store, 'doc', writer.type(300));
      await store.compact('doc', {
        upToSeq: 99,
        chunks: [Y.mergeUpdates(writer.updates.slice(0, 100))],
        head: Uint8Array.of(),
      });
      await appendAll(store, 'doc', writer.type(350));
    });
    await withYLevel(folder, async (level) => {
      const doc = await level.getYDoc('doc');
      expect(doc.getText('text').toJSON()).toBe(writer.doc.getText('text').toJSON());
    });
    const left = await withStore(folder, (store) => store.load('doc'));
    expect(left.base).toBeNull();
    expect(left.tail.length).toBe(1);
    expect(await served(folder, 'doc')).toEqual(typed(writer));
  });

  it('[I10] updates that y-leveldb appended behind ours are served, also over a number that we had skipped', async () => {
    const folder = join(tempDir(), 'data');
    const writer = new Writer(1);
    await writeFolder(folder, writer);
    const foreign = new Writer(3);
    await withStore(folder, async (store) => {
      // The last update is set aside: y-leveldb will give its number to the next one.
      const seq = await appendAll(store, 'doc', [Uint8Array.of(0, 0)]);
      await store.quarantine('doc', [{ seq, reason: 'nothing in it' }]);
    });
    await withYLevel(folder, async (level) => {
      for (const update of foreign.type(4)) await level.storeUpdate('doc', update);
    });
    for (const update of foreign.updates) Y.applyUpdate(writer.doc, update);
    expect(await served(folder, 'doc')).toEqual(typed(writer));
    await withStore(folder, (store) => appendAll(store, 'doc', writer.type(3)));
    expect(await served(folder, 'doc')).toEqual(typed(writer));
  });

  it('[I10] a document that y-leveldb cleared and began anew is served as the new one', async () => {
    const folder = join(tempDir(), 'data');
    await writeFolder(folder, new Writer(1));
    const anew = new Writer(4);
    await withYLevel(folder, async (level) => {
      await level.clearDocument('doc');
      for (const update of anew.type(12)) await level.storeUpdate('doc', update);
    });
    expect(await served(folder, 'doc')).toEqual(typed(anew));
    await withStore(folder, (store) => appendAll(store, 'doc', anew.type(30)));
    expect(await served(folder, 'doc')).toEqual(typed(anew));
  });
});

describe('a folder that y-leveldb wrote', () => {
  it('[I10] is served as it is: names, content, and further writing from both sides', async () => {
    const folder = join(tempDir(), 'data');
    mkdirSync(folder, { recursive: true });
    const writer = new Writer(1);
    const other = new Writer(2);
    await withYLevel(folder, async (level) => {
      for (const update of writer.type(30)) await level.storeUpdate('a long name/ä', update);
      for (const update of other.type(3)) await level.storeUpdate('b', update);
      await level.flushDocument('b');
    });
    await withStore(folder, async (store) => {
      const names = (await store.list({ limit: 10 })).map((summary) => summary.name);
      expect(names).toEqual(['a long name/ä', 'b']);
      expect((await store.load('b')).createdAtMs).toBeNull();
    });
    expect(await served(folder, 'a long name/ä')).toEqual(typed(writer));
    expect(await served(folder, 'b')).toEqual(typed(other));
    await withStore(folder, (store) => appendAll(store, 'b', other.type(10)));
    expect(await served(folder, 'b')).toEqual(typed(other));
    await withYLevel(folder, async (level) => {
      for (const update of other.type(10)) await level.storeUpdate('b', update);
      expect(await level.getStateVector('b')).toEqual(Y.encodeStateVector(other.doc));
    });
    expect(await served(folder, 'b')).toEqual(typed(other));
  });

  it('[I10] a document whose first update y-leveldb did not get to write is empty, and can be written to', async () => {
    const folder = join(tempDir(), 'data');
    mkdirSync(folder, { recursive: true });
    const writer = new Writer(1);
    await withYLevel(folder, async (level) => {
      await level.storeUpdate('doc', Y.encodeStateAsUpdate(new Y.Doc()));
    });
    const level = new ClassicLevel<Uint8Array>(folder, { keyEncoding: 'view' });
    await level.del(keyEncoding.encode(['v1', 'doc', 'update', 0]));
    await level.close();
    expect(await served(folder, 'doc')).toEqual({ text: '', isComplete: true });
    await withStore(folder, (store) => appendAll(store, 'doc', writer.type(20)));
    expect(await served(folder, 'doc')).toEqual(typed(writer));
  });
});
