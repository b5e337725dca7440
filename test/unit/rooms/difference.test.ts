/** What another node lacks, whatever it has: base and tail small or large, and it may know any part of either. */
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { difference } from '../../../server/rooms/difference.ts';
import { readStateVector } from '../../../server/rooms/updates/version.ts';
import { canonicalOf } from '../../support/cluster-stage.ts';
import { documentName, openRooms } from '../../support/room-house.ts';
import { seededRandom } from '../../support/random.ts';
import { waitUntil } from '../../support/wait-until.ts';

const notes = documentName('notes');
const UPDATES = 12;
const BASE_UPDATES = 8;

/** Some delete what others have written, as people do. */
function updatesOf(valueBytes: number): readonly Uint8Array[] {
  const random = seededRandom(valueBytes);
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (let index = 0; index < UPDATES; index += 1) {
    const value = Array.from({ length: valueBytes }, () =>
      String.fromCharCode(97 + random.below(26)),
    );
    if (index % 2 === 0) doc.getText('text').insert(0, value.join(''));
    else doc.getMap('map').set('value', value.join(''));
  }
  return updates;
}

describe('the difference to another node', () => {
  it.each([
    ['small', 10],
    ['larger than what is looked at in the event loop', 40 * 1024],
  ])('is all that it lacks, of a base and a tail that are %s', async (_what, valueBytes) => {
    const updates = updatesOf(valueBytes);
    const store = new MemoryStore();
    await store.open();
    onTestFinished(() => store.close(0));
    const { documents, registry, context } = openRooms(store, { compactTailUpdates: BASE_UPDATES });
    const { room, release } = await registry.borrow(notes);
    onTestFinished(release);
    for (const update of updates.slice(0, BASE_UPDATES)) {
      await documents.write(notes, update, { isCreating: true });
    }
    await waitUntil('compacted', () => context.stats.compactions === 1 && room.base !== null);
    for (const update of updates.slice(BASE_UPDATES)) await documents.write(notes, update);
    expect(room.tailSince(room.base?.upToSeq ?? -1)?.length).toBeGreaterThan(0);

    const whole = new Y.Doc();
    for (const update of updates) Y.applyUpdate(whole, update);
    for (let known = 0; known <= UPDATES; known += 1) {
      const replica = new Y.Doc();
      for (const update of updates.slice(0, known)) Y.applyUpdate(replica, update);
      const stateVector = Y.encodeStateVector(replica);
      const clocks = readStateVector(stateVector, stateVector.length) ?? new Map<number, number>();
      const lacking = await difference(room, { stateVector, clocks, hasDeletes: false });
      for (const update of lacking ?? []) {
        Y.applyUpdate(replica, update);
        expect(replica.store.pendingStructs, `of one that knows ${known}`).toBeNull();
      }
      expect(canonicalOf(replica), `of one that knows ${known}`).toBe(canonicalOf(whole));
    }
  });
});
