/** What the facade does when the disk is slow, full or hangs, and when many ask at the same time. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { LeveldbPersistence } from 'y-leveldb';
import * as Y from 'yjs';
import { LevelStore } from '../../../persistence/level-store.ts';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { StoreError } from '../../../persistence/store.ts';
import type { ErrorCode } from '../../../server/protocol/errors.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import type { DocumentState } from '../../../server/rooms/documents.ts';
import { cut } from '../../../server/rooms/updates/cut.ts';
import { load, serverVersionOf } from '../../support/docs.ts';
import { connect, documentName, openRooms } from '../../support/room-house.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const notes = documentName('notes');
const NOTHING = Uint8Array.of(0);

async function memoryStore(latencyMs = 0): Promise<MemoryStore> {
  const store = new MemoryStore({ latencyMs });
  await store.open();
  onTestFinished(() => store.close(0));
  return store;
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  try {
    await work;
    return 'resolved';
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

function typed(clientId: number, text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

const textOf = ({ parts }: DocumentState): string =>
  load([Buffer.concat(parts)])
    .getText('text')
    .toJSON();

/** A stored document of `clients` clients with a base in several chunks. */
async function storeBase(
  store: MemoryStore,
  name = notes,
  text = 'x'.repeat(300_000),
): Promise<Y.Doc> {
  const doc = load([typed(1, text), typed(2, 'two')]);
  const chunks = cut(Y.encodeStateAsUpdate(doc), 64 * 1024);
  await store.load(name);
  await store.append(name, Y.encodeStateAsUpdate(doc)).durable;
  await store.compact(name, { upToSeq: 0, chunks, head: serverVersionOf(doc).encodeHead() });
  store.release(name);
  return doc;
}

describe('Documents, when the disk fails', () => {
  it('[I5] R23 takes no write while the store is degraded, and nothing of it later', async () => {
    const store = await memoryStore();
    const { documents } = openRooms(store);
    await documents.create(notes, typed(1, 'abc'));
    store.failWrites();
    const stuck = documents.write(notes, typed(2, 'before it was known'));
    await waitUntil('degraded', () => store.status === 'degraded');
    for (const attempt of [
      () => documents.write(notes, typed(3, 'x')),
      () => documents.write(notes, typed(1, 'abc')),
      () => documents.sync(notes, NOTHING, typed(3, 'x')),
      () => documents.create(documentName('new'), null),
      () => documents.copy(notes, documentName('new')),
      () => documents.delete(notes),
    ]) {
      expect(await codeOf(attempt())).toBe('store-unavailable');
    }
    store.recover();
    await stuck;
    expect(textOf(await documents.state(notes, null))).not.toContain('x');
    expect(await codeOf(documents.write(notes, typed(3, 'x')))).toBe('resolved');
  });

  it('[I5] R23 a write that the disk does not confirm in time is unknown, and may be repeated', async () => {
    const store = await memoryStore();
    const { documents } = openRooms(store, { writeTimeoutMs: 40 });
    await documents.create(notes, null);
    store.latencyMs = 200;
    const error = await documents.write(notes, typed(2, 'slow')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'store-unavailable' });
    expect((error as Error).message).toContain('unknown');
    // Its repetition is redundant, and yet not acknowledged before the disk has the first.
    expect(await codeOf(documents.write(notes, typed(2, 'slow')))).toBe('store-unavailable');
    store.latencyMs = 0;
    await waitUntil('written', async () => (await store.load(notes)).tail.length === 2);
    expect((await documents.write(notes, typed(2, 'slow'))).isRedundant).toBe(true);
    expect((await store.load(notes)).tail).toHaveLength(2);
  });

  it('[I5] a write that waits when the store closes is not acknowledged', async () => {
    const store = await memoryStore();
    const { documents } = openRooms(store);
    await documents.create(notes, null);
    store.failWrites();
    const write = codeOf(documents.write(notes, typed(2, 'lost')));
    await waitUntil('degraded', () => store.status === 'degraded');
    await store.close(0);
    expect(await write).toBe('store-unavailable');
  });

  it('R22 serves what is in memory while the store is degraded, and says so; a room is kept for its writes', async () => {
    const store = await memoryStore();
    const { documents, registry } = openRooms(store, { roomIdleMs: 1, writeTimeoutMs: 500 });
    await documents.create(notes, typed(1, 'abc'));
    expect((await documents.state(notes, null)).isDurable).toBe(true);
    store.failWrites();
    expect(await codeOf(documents.write(notes, typed(2, 'more')))).toBe('store-unavailable');
    expect(store.status).toBe('degraded');
    const state = await documents.state(notes, null);
    expect(textOf(state)).toContain('more');
    expect(state.isDurable).toBe(false);
    expect(registry.openCount).toBe(1);
    store.recover();
    await waitUntil('idle', () => registry.openCount === 0);
    const after = await documents.state(notes, null);
    expect(textOf(after)).toContain('more');
    expect(after.isDurable).toBe(true);
  });

  it('R22 a document that cannot be read is store-unavailable, in bounded time', async () => {
    const store = await memoryStore();
    await storeBase(store);
    const readBase = store.readBase.bind(store);
    const { documents } = openRooms(store, { writeTimeoutMs: 30 });
    store.readBase = () => Promise.reject(new Error('unknown to the facade'));
    await expect(documents.state(notes, null)).rejects.toThrow('unknown to the facade');
    store.readBase = readBase;
    let fail: ((error: Error) => void) | null = null;
    store.load = () =>
      new Promise((_resolve, reject) => {
        fail = reject;
      });
    expect(await codeOf(documents.state(documentName('other'), null))).toBe('store-unavailable');
    expect(await codeOf(documents.state(notes, null))).toBe('resolved');
    (fail as ((error: Error) => void) | null)?.(new StoreError('read-failed', 'at last'));
  });

  it('[I6] takes no write while the queue to the disk is full', async () => {
    const store = new MemoryStore({ latencyMs: 100, queueBytesMax: 1000 });
    await store.open();
    onTestFinished(() => store.close(0));
    const { documents } = openRooms(store);
    const first = documents.create(notes, typed(1, 'x'.repeat(2000)));
    await waitUntil('full', () => store.isFull);
    expect(await codeOf(documents.write(notes, typed(2, 'y')))).toBe('overloaded');
    await first;
    expect(await codeOf(documents.write(notes, typed(2, 'y')))).toBe('resolved');
  });
});

describe('Documents, when many ask', () => {
  it('R18 [I6] a thousand reads of a cold document share one read and one assembly', async () => {
    const store = await memoryStore();
    await storeBase(store);
    let reads = 0;
    const readBase = store.readBase.bind(store);
    store.readBase = async (name, generation) => {
      reads += 1;
      await new Promise(setImmediate);
      return await readBase(name, generation);
    };
    const { documents } = openRooms(store);
    const states = await Promise.all(
      Array.from({ length: 1000 }, () => documents.state(notes, null)),
    );
    expect(reads).toBe(1);
    const [first] = states;
    for (const { parts } of states) expect(parts).toBe(first?.parts);
  });

  it('R18 [I6] cold reads of other documents wait for their turn, and past a limit are told to come back', async () => {
    const store = await memoryStore();
    const names = Array.from({ length: 300 }, (_, at) => documentName(`doc ${at}`));
    for (const name of names) await storeBase(store, name, 'small');
    let reading = 0;
    let readingMax = 0;
    const readBase = store.readBase.bind(store);
    const gate: (() => void)[] = [];
    store.readBase = async (name, generation) => {
      reading += 1;
      readingMax = Math.max(readingMax, reading);
      await new Promise<void>((resolve) => gate.push(resolve));
      reading -= 1;
      return await readBase(name, generation);
    };
    const { documents } = openRooms(store);
    const codes = names.map((name) => codeOf(documents.state(name, null)));
    const opener = setInterval(() => {
      for (const resolve of gate.splice(0)) resolve();
    }, 1);
    const outcome = await Promise.all(codes);
    clearInterval(opener);
    expect(readingMax).toBe(4);
    expect(outcome.filter((code) => code === 'resolved').length).toBe(260);
    expect(outcome.filter((code) => code === 'overloaded').length).toBe(40);
  });

  it('a room without connections stays open for a read that takes long', async () => {
    const store = await memoryStore();
    await storeBase(store);
    await storeBase(store, documentName('clock'), 'small');
    const readBase = store.readBase.bind(store);
    let answer: (() => void) | null = null;
    store.readBase = async (name, generation) => {
      if (name === notes) await new Promise<void>((resolve) => (answer = resolve));
      return await readBase(name, generation);
    };
    const { documents, registry } = openRooms(store, { roomIdleMs: 5 });
    const state = documents.state(notes, null);
    await waitUntil('open', () => registry.find(notes) !== null);
    const room = registry.find(notes);
    // As long as another room needs to go idle, twice.
    for (let round = 0; round < 2; round++) {
      await documents.version(documentName('clock'));
      await waitUntil('idle', () => registry.find(documentName('clock')) === null);
    }
    expect(registry.find(notes)).toBe(room);
    (answer as (() => void) | null)?.();
    await state;
    await waitUntil('idle', () => registry.openCount === 0);
  });

  it('a base that is replaced while it is read is not mixed with the tail of the next', async () => {
    const store = await memoryStore();
    await storeBase(store);
    const readBase = store.readBase.bind(store);
    let answer: (() => void) | null = null;
    store.readBase = async (name, generation) => {
      const chunks = await readBase(name, generation);
      // Only the first: the compaction reads it too.
      if (answer === null) await new Promise<void>((resolve) => (answer = resolve));
      return chunks;
    };
    const { documents, context } = openRooms(store, { compactTailUpdates: 5 });
    const state = documents.state(notes, null);
    await waitUntil('reading', () => answer !== null);
    for (let at = 0; at < 5; at++) await documents.write(notes, typed(10 + at, `(${at})`));
    await waitUntil('compacted', () => context.stats.compactions === 1);
    await documents.write(notes, typed(20, '(late)'));
    (answer as (() => void) | null)?.();
    const text = textOf(await state);
    for (const part of ['(0)', '(4)', '(late)', 'two']) expect(text).toContain(part);
  });

  it('a base without an outline is served all the same, divided where a state vector points into it', async () => {
    const store = await memoryStore();
    const doc = await storeBase(store);
    const { documents } = openRooms(store);
    expect(textOf(await documents.state(notes, null))).toBe(doc.getText('text').toJSON());
    const since = Y.encodeStateVector(new Map([[1, 99_999]]));
    const state = await documents.state(notes, since);
    const { from } = Y.parseUpdateMeta(Buffer.concat(state.parts));
    expect(from).toEqual(
      new Map([
        [1, 99_999],
        [2, 0],
      ]),
    );
    expect(state.bytes).toBeGreaterThan(200_000);
    expect(state.bytes).toBeLessThan(201_000);
  });

  it('parts are views of what is in memory anyway, and change with the document', async () => {
    const store = await memoryStore();
    await storeBase(store);
    const { documents, context } = openRooms(store);
    const first = await documents.state(notes, null);
    const { chunks } = await context.bases.get(notes, 1);
    const buffers = new Set(chunks.map(({ buffer }) => buffer));
    const viewed = first.parts.filter(({ buffer }) => buffers.has(buffer as ArrayBuffer));
    expect(viewed.reduce((sum, part) => sum + part.byteLength, 0)).toBeGreaterThan(300_000 - 1000);
    await documents.write(notes, typed(9, 'new'));
    const second = await documents.state(notes, null);
    expect(second.digest).not.toBe(first.digest);
    expect(textOf(second)).toContain('new');
    expect(textOf(first)).not.toContain('new');
  });

  it('a large tail is outlined in a worker, and states stay right while it grows and merges', async () => {
    const store = await memoryStore();
    const { documents } = openRooms(store);
    const doc = new Y.Doc();
    doc.clientID = 3;
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (let at = 0; at < 150; at++) doc.getText('text').insert(0, `${at},`.repeat(500));
    for (const update of updates) {
      await documents.write(notes, update, { isCreating: true });
      if (updates.indexOf(update) % 40 === 39) await documents.state(notes, null);
    }
    const [first, ...others] = await Promise.all(
      Array.from({ length: 50 }, () => documents.state(notes, null)),
    );
    expect(textOf(first as DocumentState)).toBe(doc.getText('text').toJSON());
    for (const other of others) expect(other.digest).toBe(first?.digest);
  });

  it('a state that is read while everybody writes is one moment of the document, never a mixture', async () => {
    const store = await memoryStore(1);
    const house = openRooms(store, { compactTailUpdates: 60, roomIdleMs: 5 });
    const doc = new Y.Doc();
    doc.clientID = 3;
    const progress = { isDone: false };
    const reader = (async () => {
      let reads = 0;
      while (!progress.isDone) {
        await new Promise(setImmediate);
        const state = await house.documents.state(notes, null).catch(() => null);
        if (state === null) continue;
        const replica = load([Buffer.concat(state.parts)]);
        expect(replica.store.pendingStructs).toBe(null);
        expect(Y.encodeStateVector(replica)).toEqual(state.stateVector);
        // The writer counts in both: what a text says and what its map says are of one update.
        const map = replica.getMap('map').get('length');
        if (map !== undefined) expect(replica.getText('text').length).toBe(map);
        reads += 1;
      }
      return reads;
    })();
    const { session } = await connect(house, notes);
    doc.on('update', (update: Uint8Array) => {
      session.receive({ type: 'update', update });
    });
    for (let at = 0; at < 300; at++) {
      doc.transact(() => {
        const text = doc.getText('text');
        text.insert(text.length >> 1, 'ab');
        if (at % 3 === 0) text.delete(0, 1);
        doc.getMap('map').set('length', text.length);
      });
      if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await waitUntil('compacted', () => house.context.stats.compactions > 1);
    progress.isDone = true;
    expect(await reader).toBeGreaterThan(10);
  });
});

describe('Documents and y-leveldb', () => {
  it('[I10] a document created without content is one for y-leveldb too', async () => {
    const folder = tempDir();
    const store = new LevelStore({ folder });
    await store.open();
    const { documents, registry } = openRooms(store);
    await documents.create(notes, null);
    await registry.close();
    await store.close();
    const theirs = new LeveldbPersistence(folder);
    expect(await theirs.getAllDocNames()).toEqual(['notes']);
    expect((await theirs.getYDoc('notes')).toJSON()).toEqual({});
    await theirs.storeUpdate('notes', typed(1, 'theirs'));
    await theirs.destroy();
    const again = new LevelStore({ folder });
    await again.open();
    onTestFinished(() => again.close());
    expect(textOf(await openRooms(again).documents.state(notes, null))).toBe('theirs');
  });
});
