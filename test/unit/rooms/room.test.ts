import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { BaseCache } from '../../../server/rooms/base-cache.ts';
import { RoomStats, type RoomContext, type RoomEvent } from '../../../server/rooms/context.ts';
import { Registry } from '../../../server/rooms/registry.ts';
import type { Room } from '../../../server/rooms/room.ts';
import { Session } from '../../../server/rooms/session.ts';
import { realTimers } from '../../../server/rooms/timers.ts';
import { scan } from '../../../server/rooms/updates/scan.ts';
import { Version } from '../../../server/rooms/updates/version.ts';
import { WorkerError } from '../../../server/rooms/workers/worker-error.ts';
import type { WorkerPool } from '../../../server/rooms/workers/worker-pool.ts';
import { RecordingOutlet } from '../../support/recording-outlet.ts';
import { waitUntil } from '../../support/wait-until.ts';

const limits = { inboxBytesMax: 1_000_000, sendBufferBytes: 1_000_000 };

function documentName(text: string): DocumentName {
  const name = parseDocumentName(text);
  if (name === null) throw new Error(`${text} is no document name`);
  return name;
}

interface House {
  registry: Registry;
  store: MemoryStore;
  events: RoomEvent[];
  /** Lets the worker answer what it was asked to scan. */
  answerScans: () => void;
  failScans: (error: Error) => void;
}

async function house(
  roomIdleMs: number = 60_000,
  given: { compactTailUpdates?: number; compact?: WorkerPool['compact'] } = {},
): Promise<House> {
  const store = new MemoryStore();
  await store.open();
  const waiting: { answer: () => void; fail: (error: Error) => void }[] = [];
  const workers = {
    compact: given.compact,
    // A room that was reset is guarded: everything is tried first.
    trial: () => Promise.resolve({ ok: true, reason: null, durationMs: 0 }),
    scan: (update: Uint8Array) =>
      new Promise((resolve, reject) => {
        waiting.push({
          answer: () => {
            resolve(scan(update));
          },
          fail: reject,
        });
      }),
  } as unknown as WorkerPool;
  const events: RoomEvent[] = [];
  const context: RoomContext = {
    store,
    workers,
    bases: new BaseCache(store, 1_000_000, realTimers),
    timers: realTimers,
    nextEpoch: () => 'epoch',
    limits: {
      documentBytesMax: 10_000_000,
      documentsOpenMax: 10,
      flushWindowMs: 16,
      roomIdleMs,
      compactTailUpdates: given.compactTailUpdates ?? 1_000_000,
      compactTailBytes: 100_000_000,
      compactTimeoutMs: 1000,
      trialTimeoutMs: 100,
      foreignStructs: 'count',
      presence: { stateBytesMax: 8192, stateDepthMax: 16 },
    },
    stats: new RoomStats(),
    sabotage: {},
    report: (event) => events.push(event),
  };
  return {
    registry: new Registry(context),
    store,
    events,
    answerScans: () => {
      for (const { answer } of waiting.splice(0)) answer();
    },
    failScans: (error) => {
      for (const { fail } of waiting.splice(0)) fail(error);
    },
  };
}

function enter(room: Room): { session: Session; outlet: RecordingOutlet } {
  const outlet = new RecordingOutlet();
  const session = new Session(outlet, limits);
  session.enter(room);
  session.receive({ type: 'sync-step-1', stateVector: Uint8Array.of(0) });
  return { session, outlet };
}

function textUpdate(length: number): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'x'.repeat(length));
  return Y.encodeStateAsUpdate(doc);
}

describe('Room', () => {
  it('[I1] asks every newcomer for what it has, and acks nothing before the answer', async () => {
    const { registry } = await house();
    const room = await registry.open(documentName('notes'));
    const { session, outlet } = enter(room);
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await waitUntil('synced', () => outlet.payloads('syncStep2').length === 1);
    expect(outlet.payloads('syncStep1')).toEqual([Uint8Array.of(0)]);
    expect(outlet.payloads('ack')).toEqual([]);
    session.receive({ type: 'sync-step-2', update: textUpdate(5) });
    await waitUntil('the ack', () => outlet.payloads('ack').length === 1);
    expect(room.durableSeq).toBe(room.appliedSeq);
    await registry.close();
  });

  it('handles messages in order: what follows a large update waits for it', async () => {
    const { registry, answerScans } = await house();
    const room = await registry.open(documentName('notes'));
    const { session, outlet } = enter(room);
    session.receive({ type: 'sync-step-2', update: textUpdate(100_000) });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await waitUntil('synced', () => outlet.payloads('syncStep2').length === 1);
    expect(outlet.payloads('ack')).toEqual([]);
    expect(room.appliedSeq).toBe(-1);
    answerScans();
    await waitUntil('the ack', () => outlet.payloads('ack').length === 1);
    expect(room.appliedSeq).toBe(0);
    await registry.close();
  });

  it('[I6] stops reading a connection whose inbox is full, and reads on when it is not', async () => {
    const { registry, answerScans } = await house();
    const room = await registry.open(documentName('notes'));
    const { session, outlet } = enter(room);
    session.receive({ type: 'sync-step-2', update: textUpdate(100_000) });
    for (let count = 0; count < 30; count += 1) {
      session.receive({ type: 'sync-step-2', update: textUpdate(50_000) });
    }
    expect(outlet.isReading).toBe(false);
    answerScans();
    await waitUntil('reading again', () => outlet.isReading);
    await registry.close();
  });

  it('tells a client that no worker is free to come back later, not that its document is gone', async () => {
    const { registry, failScans, events } = await house();
    const room = await registry.open(documentName('notes'));
    const { session, outlet } = enter(room);
    session.receive({ type: 'sync-step-2', update: textUpdate(100_000) });
    failScans(new WorkerError('queue-full'));
    await waitUntil('the goodbye', () => outlet.isClosed);
    expect(outlet.closeCode).toBe('overloaded');
    expect(events.map((event) => event.type)).toContain('session-failed');
    await registry.close();
  });

  it('an update that a worker was looking at when its room closed is not stored', async () => {
    const { registry, store, answerScans } = await house(10);
    const name = documentName('notes');
    const room = await registry.open(name);
    const { session, outlet } = enter(room);
    await waitUntil('synced', () => outlet.payloads('syncStep2').length === 1);
    session.receive({ type: 'update', update: textUpdate(100_000) });
    session.leave();
    await waitUntil('the room to close', () => room.isDisposed);
    answerScans();
    const again = await registry.open(name);
    expect(again).not.toBe(room);
    await new Promise((resolve) => setImmediate(resolve));
    expect(again.appliedSeq).toBe(-1);
    expect(store.queue.records).toBe(0);
    expect((await store.load(name)).lastSeq).toBe(-1);
    await registry.close();
  });

  it('a room that was reset leaves its successor alone', async () => {
    let resets = 0;
    // The first compaction finds a culprit: the room is reset. Later ones find nothing to do.
    const { registry } = await house(20, {
      compactTailUpdates: 1,
      compact: (parts) => {
        resets += 1;
        if (resets > 1) return new Promise(() => undefined);
        return Promise.resolve({
          chunks: [],
          head: new Version().encode(),
          outline: new Uint8Array(),
          digest: '',
          quarantined: parts.tail.map((_update, index) => ({ index, reason: 'test' })),
        });
      },
    });
    const name = documentName('notes');
    const first = enter(await registry.open(name));
    first.session.receive({ type: 'sync-step-2', update: textUpdate(5) });
    await waitUntil('the reset', () => first.outlet.closeCode === 'document-reset');

    const room = await registry.open(name);
    const second = enter(room);
    const startedMs = performance.now();
    await waitUntil('several idle periods', () => performance.now() - startedMs > 100);
    expect(await registry.open(name)).toBe(room);
    second.session.receive({ type: 'sync-step-2', update: textUpdate(7) });
    second.session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await waitUntil('the ack', () => second.outlet.payloads('ack').length === 1);
  });
});
