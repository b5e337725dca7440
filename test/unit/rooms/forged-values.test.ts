/** Long map values that hide their key, on every way into a room; and in what an older build stored. */
import * as Y from 'yjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { INLINE_SCAN_BYTES_MAX } from '../../../server/protocol/limits.ts';
import { BaseCache } from '../../../server/rooms/base-cache.ts';
import { compactStored } from '../../../server/rooms/compact-stored.ts';
import { RoomStats, type RoomContext } from '../../../server/rooms/context.ts';
import { openRoom } from '../../../server/rooms/open-room.ts';
import { realTimers } from '../../../server/rooms/timers.ts';
import { Version } from '../../../server/rooms/updates/version.ts';
import { WorkerPool } from '../../../server/rooms/workers/worker-pool.ts';
import { forge, forgeItems, item } from '../../support/forge.ts';

const NAME = parseDocumentName('notes') as DocumentName;
const AUTHOR = { isClosed: false, canWrite: true };

/** A map in a root map with one value, as an editor makes it. */
const MAP = forgeItems(1, [
  { parent: 'root', key: 'map', content: { ref: 7, bytes: [1] } },
  { parent: [1, 0], key: 'k', text: 'v' },
]);
const HIDDEN = forgeItems(2, [{ origin: [1, 1], text: 'ab' }]);
const SPLIT = forge([], [[2, [1, 1]]]);
const DELETE_MAP = forge([], [[1, [0, 1]]]);
const REFUSED = { kind: 'refused', code: 'invalid-update', reason: 'map-value' };

let workers: WorkerPool;
let context: RoomContext;
let store: MemoryStore;

beforeEach(async () => {
  workers = new WorkerPool({ threadsMax: 2, queueMax: 8 });
  store = new MemoryStore();
  await store.open();
  context = {
    store,
    workers,
    bases: new BaseCache(store, 1_000_000, realTimers),
    timers: realTimers,
    nextEpoch: () => 'epoch',
    limits: {
      documentBytesMax: 10_000_000,
      documentsOpenMax: 10,
      flushWindowMs: 16,
      roomIdleMs: 60_000,
      compactTailUpdates: 1_000_000,
      compactTailBytes: 100_000_000,
      compactTimeoutMs: 10_000,
      trialTimeoutMs: 5_000,
      foreignStructs: 'count',
      presence: { stateBytesMax: 8192, stateDepthMax: 16 },
    },
    stats: new RoomStats(),
    sabotage: {},
    report: () => undefined,
  };
});

afterEach(async () => {
  context.bases.close();
  await workers.close();
  await store.close();
});

async function storeTail(...updates: readonly Uint8Array[]): Promise<void> {
  await store.load(NAME);
  for (const update of updates) await store.append(NAME, update).durable;
}

/** The base as a build wrote it that knew no homes. */
async function storeOldBase(...chunks: readonly Uint8Array[]): Promise<void> {
  await storeTail(...chunks);
  const stored = await store.load(NAME);
  const bare = new Version();
  const { base } = await compactStored(NAME, stored, context);
  bare.merge(Version.decode(base.head) as Version);
  await store.compact(NAME, {
    upToSeq: base.upToSeq,
    chunks: await store.readBase(NAME, base.generation),
    head: bare.encode(),
  });
}

describe('a long map value that hides its key is refused', () => {
  test('[I3] alone, behind what was just accepted', async () => {
    const room = await openRoom(NAME, context, false);
    expect(await room.offer(MAP, AUTHOR)).toEqual({ kind: 'accepted' });
    expect(await room.offer(HIDDEN, AUTHOR)).toEqual(REFUSED);
    expect(room.version.clockOf(2)).toBe(0);
  });

  test('[I3] in a large update, which is scanned in a worker', async () => {
    const room = await openRoom(NAME, context, false);
    await room.offer(MAP, AUTHOR);
    const large = forgeItems(2, [
      { parent: 'text', text: 'x'.repeat(2 * INLINE_SCAN_BYTES_MAX) },
      { origin: [1, 1], text: 'ab' },
    ]);
    expect(await room.offer(large, AUTHOR)).toEqual(REFUSED);
  });

  test('[I3] when it came before its origin, and what can be integrated of it is taken', async () => {
    const room = await openRoom(NAME, context, false);
    expect(await room.offer(HIDDEN, AUTHOR)).toEqual({ kind: 'gap' });
    expect(await room.offerIntegrablePart(HIDDEN, AUTHOR)).toBeNull();
    await room.offer(MAP, AUTHOR);
    expect(await room.offer(HIDDEN, AUTHOR)).toEqual(REFUSED);
    const patchy = forge([
      { client: 3, clock: 5, structs: [item({ origin: [3, 4] })] },
      { client: 2, structs: [item({ origin: [1, 1], text: 'ab' })] },
    ]);
    expect(await room.offer(patchy, AUTHOR)).toEqual({ kind: 'gap' });
    expect(await room.offerIntegrablePart(patchy, AUTHOR)).toEqual(REFUSED);
  });

  test('[I3] when it says that what it hides behind is text', async () => {
    const room = await openRoom(NAME, context, false);
    await room.offer(MAP, AUTHOR);
    const lie = forge([
      { client: 2, structs: [item({ origin: [1, 1], text: 'ab' })] },
      { client: 1, structs: [item({ parent: 'root' }), item({ parent: 'text' })] },
    ]);
    expect(await room.offer(lie, AUTHOR)).toEqual(REFUSED);
  });

  test('[I3] behind a value in a base that was stored without homes', async () => {
    await storeOldBase(MAP);
    expect(Version.decode((await store.load(NAME)).base?.head as Uint8Array)?.knowsHomes).toBe(
      false,
    );
    const room = await openRoom(NAME, context, false);
    expect(room.version.knowsHomes).toBe(true);
    expect(await room.offer(HIDDEN, AUTHOR)).toEqual(REFUSED);
    expect(room.isGuarded).toBe(false);
  });

  test('[I3] behind a value in the tail', async () => {
    await storeTail(MAP);
    const room = await openRoom(NAME, context, false);
    expect(await room.offer(HIDDEN, AUTHOR)).toEqual(REFUSED);
  });
});

describe('one that an older build stored', () => {
  test.each([
    ['in the base', async () => await storeOldBase(MAP, HIDDEN)],
    ['in the tail', async () => await storeTail(MAP, HIDDEN)],
  ])(
    '%s: all is tried first, and the delete that Yjs throws on is refused',
    async (_where, put) => {
      await put();
      const room = await openRoom(NAME, context, false);
      expect(room.isGuarded).toBe(true);
      expect(await room.offer(SPLIT, AUTHOR)).toEqual({ kind: 'accepted' });
      room.flush();
      expect(await room.offer(DELETE_MAP, AUTHOR)).toMatchObject({
        kind: 'refused',
        reason: 'cost',
      });
      const honest = new Y.Doc();
      honest.getText('text').insert(0, 'honest');
      expect(await room.offer(Y.encodeStateAsUpdate(honest), AUTHOR)).toEqual({ kind: 'accepted' });
      room.dispose('draining');
    },
  );
});

test('[I2] what another node has taken is taken, and watched from then on: no node stays apart for ever', async () => {
  const room = await openRoom(NAME, context, false);
  const remote = { ...AUTHOR, isRemote: true } as const;
  expect(room.offer(MAP, AUTHOR)).toMatchObject({ kind: 'accepted' });
  expect(room.offer(HIDDEN, AUTHOR)).toEqual(REFUSED);
  expect(room.isGuarded).toBe(false);
  expect(room.offer(HIDDEN, remote)).toMatchObject({ kind: 'accepted' });
  expect(room.isGuarded).toBe(true);
  // Whatever would break Yjs is still found by trying it.
  expect(await room.offer(SPLIT, AUTHOR)).toMatchObject({ kind: 'accepted' });
  expect(await room.offer(DELETE_MAP, AUTHOR)).toMatchObject({ kind: 'refused' });
  // No update at all is none from another node either.
  expect(room.offer(Uint8Array.of(1, 2, 3), remote)).toMatchObject({ kind: 'refused' });
});
