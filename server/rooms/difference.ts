/**
 * What another node lacks of a document, as updates that each apply after the ones before: chunks of the base as they lie
 * on disk where it has nothing, the difference where it has a part, the tail, and last everything that is deleted,
 * because deletes advance no clock. Computed in a worker where that may take long.
 */
import * as Y from 'yjs';
import { INLINE_SCAN_BYTES_MAX } from '../protocol/limits.ts';
import { EMPTY_UPDATE } from './catch-up.ts';
import type { Room } from './room.ts';

/** Compactions that may come in between before the other one is left to ask again. */
const ATTEMPTS_MAX = 5;

export interface Replica {
  /** As Yjs encodes it, and decoded. */
  readonly stateVector: Uint8Array;
  readonly clocks: ReadonlyMap<number, number>;
  /** Its delete set is the room's. */
  readonly hasDeletes: boolean;
}

/** The room must be held. Null: it changes faster than it can be read. @throws StoreError, WorkerError */
export async function difference(
  room: Room,
  replica: Replica,
): Promise<readonly Uint8Array[] | null> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const { base } = room;
    const ofBase = await baseDifference(room, replica);
    if (room.base !== base) continue;
    // From here to the deletes in one turn.
    room.flush();
    const segments = room.tailSince(base?.upToSeq ?? -1);
    if (segments === null) continue;
    const deletes = replica.hasDeletes ? EMPTY_UPDATE : room.version.encodeDeletesAsUpdate();
    const tail = segments.map(({ bytes }) => bytes);
    const updates = [...ofBase, ...(await tailDifference(room, tail, replica)), deletes];
    const said = updates.filter((update) => update.byteLength > EMPTY_UPDATE.byteLength);
    // A document that was created without content travels as what it is.
    return said.length === 0 && room.version.isEmpty && room.exists ? [EMPTY_UPDATE] : said;
  }
  return null;
}

async function baseDifference(room: Room, replica: Replica): Promise<readonly Uint8Array[]> {
  const { base } = room;
  if (base === null || knows(replica, room.head.stateVector)) return [];
  const { chunks } = await room.loadBase();
  if (replica.clocks.size === 0) return chunks;
  return base.bytes <= INLINE_SCAN_BYTES_MAX
    ? chunks.map((chunk) => Y.diffUpdate(chunk, replica.stateVector))
    : await room.diffBase(replica.stateVector);
}

async function tailDifference(
  room: Room,
  tail: readonly Uint8Array[],
  replica: Replica,
): Promise<readonly Uint8Array[]> {
  if (tail.length === 0 || replica.clocks.size === 0) return tail;
  const bytes = tail.reduce((sum, update) => sum + update.byteLength, 0);
  if (bytes > INLINE_SCAN_BYTES_MAX) {
    // The tail builds on the base: by then the other one has that too.
    const clocks = laterOf(replica.clocks, room.head.stateVector);
    return await room.context.workers.diff({ chunks: [], tail }, Y.encodeStateVector(clocks));
  }
  const merged = tail.length === 1 ? (tail[0] as Uint8Array) : Y.mergeUpdates([...tail]);
  return [Y.diffUpdate(merged, replica.stateVector)];
}

function knows({ clocks }: Replica, needed: ReadonlyMap<number, number>): boolean {
  for (const [client, clock] of needed) if ((clocks.get(client) ?? 0) < clock) return false;
  return true;
}

function laterOf(
  one: ReadonlyMap<number, number>,
  other: ReadonlyMap<number, number>,
): Map<number, number> {
  const clocks = new Map(one);
  for (const [client, clock] of other) {
    if (clock > (clocks.get(client) ?? 0)) clocks.set(client, clock);
  }
  return clocks;
}
