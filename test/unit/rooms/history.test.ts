import * as Y from 'yjs';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import type { Documents } from '../../../server/rooms/documents.ts';
import { History, type HistoryContext } from '../../../server/rooms/history.ts';
import { realTimers } from '../../../server/rooms/timers.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { documentName, openRooms, type RoomHouse } from '../../support/room-house.ts';

const A = documentName('a');

interface House extends RoomHouse {
  readonly history: History;
}

async function house(
  store: MemoryStore = new MemoryStore(),
  changes: (house: RoomHouse) => Partial<HistoryContext> = () => ({}),
): Promise<House> {
  await store.open();
  const rooms = openRooms(store, { writeTimeoutMs: 300 });
  let random = 0;
  const history = new History({
    documents: rooms.documents,
    store,
    workers: rooms.context.workers,
    timers: realTimers,
    limits: {
      snapshotsMax: 10,
      writeTimeoutMs: 300,
      contentBytesMax: 1_000_000,
      contentTimeoutMs: 10_000,
      documentBytesMax: 1_000_000,
      restoreTimeoutMs: 10_000,
    },
    random: () => ++random,
    ...changes(rooms),
  });
  return { ...rooms, history };
}

function typed(text: string, clientId: number): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

async function textOf({ documents }: RoomHouse): Promise<string> {
  const { parts } = await documents.state(A, null);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Buffer.concat(parts));
  return doc.getText('text').toString();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof ProtocolError ? error.code : String(error);
  }
  return 'resolved';
}

describe('history', () => {
  it('ids sort by time, also when the clock was set back', async () => {
    let nowMs = 2_000_000;
    const { documents, history } = await house(new MemoryStore(), () => ({
      timers: { ...realTimers, wallClock: () => (nowMs -= 1000) },
    }));
    await documents.create(A, typed('x', 1));
    const made: string[] = [];
    for (let round = 0; round < 5; round++) made.push((await history.create(A, null, 'ann')).id);
    expect(made).toEqual(made.toSorted());
    const listed = (await history.list(A, null, 10)).map(({ id }) => id);
    expect(listed).toEqual(made.toReversed());
  });

  it('the author of a restore is nobody who has written before', async () => {
    const rooms = await house();
    const { documents, history } = rooms;
    // The test's dice give 1, 2, 3, …; 1 is used up by the id of the snapshot.
    await documents.create(A, typed('two', 2));
    await documents.write(A, typed('three', 3));
    const { id } = await history.create(A, null, 'ann');
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Buffer.concat((await documents.state(A, null)).parts));
    doc.clientID = 5;
    doc.getText('text').delete(0, 8);
    await documents.write(A, Y.encodeStateAsUpdate(doc));
    const { stateVector } = await history.restore(A, id);
    expect([...Y.decodeStateVector(stateVector).keys()].toSorted((a, b) => a - b)).toEqual([
      2, 3, 4,
    ]);
    expect(await textOf(rooms)).toHaveLength(8);
  });

  it('a document that was reset meanwhile is restored from its new state', async () => {
    let gaps = 0;
    const rooms = await house(new MemoryStore(), ({ documents }) => ({
      documents: {
        version: (name) => documents.version(name),
        state: (name, since) => documents.state(name, since),
        write: async (name, update) => {
          if (gaps++ < 2) throw new ProtocolError('update-gap');
          return await documents.write(name, update);
        },
      } satisfies Pick<Documents, 'version' | 'state' | 'write'>,
    }));
    await rooms.documents.create(A, typed('old', 1));
    const { id } = await rooms.history.create(A, null, 'ann');
    await rooms.documents.write(A, typed('new', 2));
    expect(await codeOf(rooms.history.restore(A, id))).toBe('resolved');
    expect(await textOf(rooms)).toBe('old');
    await rooms.documents.write(A, typed('newer', 9));
    gaps = -10;
    expect(await codeOf(rooms.history.restore(A, id))).toBe('update-gap');
  });

  it('[I5] R23 while the disk takes no writes it says so at once, and reads go on', async () => {
    const store = new MemoryStore();
    const { documents, history } = await house(store);
    await documents.create(A, typed('x', 1));
    const { id } = await history.create(A, 'kept', 'ann');
    store.failWrites();
    void store.append(A, typed('y', 2));
    await waitUntil('the store is degraded', () => store.status === 'degraded');
    expect(await codeOf(history.create(A, null, 'ann'))).toBe('store-unavailable');
    expect(await codeOf(history.delete(A, id))).toBe('store-unavailable');
    expect((await history.info(A, id)).label).toBe('kept');
    store.recover();
    expect(await codeOf(history.delete(A, id))).toBe('resolved');
  });

  it('[I5] a disk that hangs is waited for no longer than WRITE_TIMEOUT_MS', async () => {
    const store = new MemoryStore();
    const { documents, history } = await house(store);
    await documents.create(A, typed('x', 1));
    store.latencyMs = 2_000;
    expect(await codeOf(history.create(A, null, 'ann'))).toBe('store-unavailable');
  });

  it('an id that is none finds nothing, whatever it looks like', async () => {
    const { documents, history } = await house();
    await documents.create(A, typed('x', 1));
    for (const id of [
      '',
      '.',
      '../a',
      '__proto__',
      'now',
      '0'.repeat(5000),
      '000000000000-00000000',
    ]) {
      expect(await codeOf(history.info(A, id))).toBe('snapshot-not-found');
      expect(await codeOf(history.gzippedState(A, id))).toBe('snapshot-not-found');
      expect(await codeOf(history.delete(A, id))).toBe('snapshot-not-found');
      expect(await codeOf(history.restore(A, id))).toBe('snapshot-not-found');
    }
  });
});
