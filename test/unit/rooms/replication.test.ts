import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { Registry } from '../../../server/rooms/registry.ts';
import { followed, levelOf, type Replication } from '../../../server/rooms/replication.ts';
import { Session } from '../../../server/rooms/session.ts';
import { RecordingOutlet } from '../../support/recording-outlet.ts';
import { documentName, openRooms } from '../../support/room-house.ts';
import { waitUntil } from '../../support/wait-until.ts';

const limits = { inboxBytesMax: 1_000_000, sendBufferBytes: 1_000_000 };
const EMPTY = Uint8Array.of(0, 0);
const text = (value: string): Uint8Array => {
  const doc = new Y.Doc();
  doc.getText('t').insert(0, value);
  return Y.encodeStateAsUpdate(doc);
};

async function enter(): Promise<{
  session: Session;
  acks: () => number;
  replication: Replication;
  wanted: Replication[];
  isDurable: () => Promise<void>;
}> {
  const store = new MemoryStore();
  await store.open();
  const wanted: Replication[] = [];
  const house = openRooms(store);
  const registry = new Registry({
    ...house.context,
    replicas: { wanted: (replication) => wanted.push(replication), seek: () => undefined },
  });
  onTestFinished(async () => {
    await registry.close();
  });
  const room = await registry.open(documentName('notes'));
  // Somebody was here before.
  void room.offer(text('before'), { isClosed: false, canWrite: true });
  const outlet = new RecordingOutlet();
  const session = new Session(outlet, limits, 'replicated');
  session.enter(room);
  session.receive({ type: 'sync-step-1', stateVector: Uint8Array.of(0) });
  session.receive({ type: 'sync-step-2', update: EMPTY });
  return {
    session,
    acks: () => outlet.payloads('ack').length,
    replication: followed(room),
    wanted,
    isDurable: () =>
      waitUntil('the disk', () => room.durableSeq >= room.appliedSeq && room.appliedSeq > 0),
  };
}

describe('a session whose acks are replicated', () => {
  it('[I1] is acked for what was new when another region has what was written here', async () => {
    const { session, acks, replication, wanted, isDurable } = await enter();
    session.receive({ type: 'update', update: text('new') });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await isDurable();
    expect([acks(), wanted]).toEqual([0, [replication]]);
    replication.advance({ chainSeq: 0, provenSeq: -1 });
    expect(acks()).toBe(0);
    replication.advance({ chainSeq: 1, provenSeq: -1 });
    expect(acks()).toBe(1);
  });

  it('[I1] is acked for what was known only when all of the room is proven, whoever brought it', async () => {
    for (const type of ['update', 'sync-step-2'] as const) {
      const { session, acks, replication, isDurable } = await enter();
      const known = text('known');
      session.receive({ type: 'update', update: known });
      session.receive({ type, update: known });
      session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
      await isDurable();
      replication.advance({ chainSeq: 9, provenSeq: -1 });
      expect(acks()).toBe(0);
      replication.advance({ chainSeq: 9, provenSeq: 0 });
      expect(acks()).toBe(0);
      replication.advance({ chainSeq: 9, provenSeq: 1 });
      expect(acks()).toBe(1);
    }
  });

  it('[I1] an update of which a part was known is no new one', async () => {
    const { session, acks, replication, isDurable } = await enter();
    const doc = new Y.Doc();
    doc.getText('t').insert(0, 'a');
    session.receive({ type: 'update', update: Y.encodeStateAsUpdate(doc) });
    doc.getText('t').insert(1, 'b');
    session.receive({ type: 'update', update: Y.encodeStateAsUpdate(doc) });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await isDurable();
    replication.advance({ chainSeq: 2, provenSeq: -1 });
    expect(acks()).toBe(0);
    replication.advance({ chainSeq: 2, provenSeq: 2 });
    expect(acks()).toBe(1);
  });

  it('[I1] what another region has, but this disk has not, is not acked', async () => {
    const { session, acks, replication, isDurable } = await enter();
    session.receive({ type: 'update', update: text('new') });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    replication.advance({ chainSeq: 1, provenSeq: 1 });
    expect(acks()).toBe(0);
    await isDurable();
    await waitUntil('the ack', () => acks() === 1);
  });

  it('who has written nothing waits for nobody', async () => {
    const { session, acks, isDurable, wanted } = await enter();
    session.receive({ type: 'update', update: EMPTY });
    await waitUntil('nothing', () => true);
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    void isDurable;
    await waitUntil('the ack', () => acks() === 1);
    expect(wanted).toEqual([]);
  });
});

describe('levels', () => {
  it.each([
    [null, 'local', true, 'local'],
    [null, 'replicated', true, 'replicated'],
    ['local', 'replicated', true, 'local'],
    ['replicated', 'local', true, 'replicated'],
    ['replicated', 'local', false, null],
    ['', 'local', true, null],
    ['REPLICATED', 'local', true, null],
  ] as const)(
    '%s on a node with ACK=%s, others known: %s → %s',
    (asked, ack, canReplicate, level) => {
      expect(levelOf(asked, { ack, canReplicate })).toBe(level);
    },
  );
});
