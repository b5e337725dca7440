/** Rooms, their registry and their facade over a store, without a node around them; closed with the test. */
import { randomUUID } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { DocumentStore } from '../../persistence/store.ts';
import { parseDocumentName, type DocumentName } from '../../server/protocol/document-name.ts';
import { BaseCache } from '../../server/rooms/base-cache.ts';
import {
  RoomStats,
  type RoomContext,
  type RoomEvent,
  type RoomLimits,
} from '../../server/rooms/context.ts';
import { Documents } from '../../server/rooms/documents.ts';
import { Registry } from '../../server/rooms/registry.ts';
import { Session } from '../../server/rooms/session.ts';
import { realTimers } from '../../server/rooms/timers.ts';
import { WorkerPool } from '../../server/rooms/workers/worker-pool.ts';
import { RecordingOutlet } from './recording-outlet.ts';

export interface RoomHouse {
  readonly store: DocumentStore;
  readonly context: RoomContext & { readonly workers: WorkerPool };
  readonly registry: Registry;
  readonly documents: Documents;
  readonly events: RoomEvent[];
}

const MIB = 1024 * 1024;

/** The store must be open; it stays the caller's. */
export function openRooms(
  store: DocumentStore,
  limits: Partial<RoomLimits> & { readonly writeTimeoutMs?: number } = {},
): RoomHouse {
  const workers = new WorkerPool({ threadsMax: 2, queueMax: 1000 });
  const events: RoomEvent[] = [];
  const context: RoomHouse['context'] = {
    store,
    workers,
    bases: new BaseCache(store, 64 * MIB, realTimers),
    timers: realTimers,
    nextEpoch: randomUUID,
    limits: {
      documentBytesMax: 64 * MIB,
      documentsOpenMax: 2000,
      flushWindowMs: 16,
      roomIdleMs: 60_000,
      compactTailUpdates: 1_000_000,
      compactTailBytes: 1_000 * MIB,
      compactTimeoutMs: 30_000,
      trialTimeoutMs: 1_000,
      foreignStructs: 'count',
      presence: { stateBytesMax: 8192, stateDepthMax: 16 },
      ...limits,
    },
    stats: new RoomStats(),
    sabotage: {},
    report: (event) => events.push(event),
  };
  const registry = new Registry(context);
  const documents = new Documents(registry, context, {
    writeTimeoutMs: limits.writeTimeoutMs ?? 10_000,
  });
  onTestFinished(async () => {
    await registry.close();
    await workers.close();
  });
  return { store, context, registry, documents, events };
}

export function documentName(text: string): DocumentName {
  const name = parseDocumentName(text);
  if (name === null) throw new Error(`${text} is no document name`);
  return name;
}

/** A connection in a document's room, synced from nothing. */
export async function connect(
  { registry }: RoomHouse,
  name: DocumentName,
): Promise<{ readonly session: Session; readonly outlet: RecordingOutlet }> {
  const outlet = new RecordingOutlet();
  const session = new Session(outlet, { inboxBytesMax: MIB, sendBufferBytes: MIB });
  session.enter(await registry.open(name));
  session.receive({ type: 'sync-step-1', stateVector: Uint8Array.of(0) });
  return { session, outlet };
}
