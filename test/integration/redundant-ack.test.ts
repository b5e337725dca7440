import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { createNode } from '../../server/node.ts';
import type { RoomSabotage } from '../../server/rooms/context.ts';
import { SyncClient } from '../support/sync-client.ts';
import { waitUntil } from '../support/wait-until.ts';

/**
 * A writes while the disk refuses; B, who has the same content from elsewhere, sends it again and asks for an ack.
 * Returns whether B was told "durable" while nothing was.
 */
async function isAckedTooEarly(sabotage: RoomSabotage): Promise<boolean> {
  let store: MemoryStore | undefined;
  const node = createNode(
    { port: 0, logLevel: 'silent' },
    {
      createStore: (observer) => {
        store = new MemoryStore({ observer });
        return store;
      },
      sabotage,
    },
  );
  const url = (await node.listen()).replace(/^http/, 'ws');
  const a = new SyncClient(url, 'notes');
  await a.whenSynced();
  store?.failWrites();
  a.doc.getText('text').insert(0, 'twice');
  const content = Y.encodeStateAsUpdate(a.doc);

  const copy = new Y.Doc();
  Y.applyUpdate(copy, content);
  const b = new SyncClient(url, 'notes', { doc: copy });
  await b.whenSynced();
  const version = b.requestAck();
  // The node answers messages in order: once it answers this, it has long decided about the ack.
  const c = new SyncClient(url, 'notes');
  await c.whenSynced();
  expect(c.text).toBe('twice');
  const before = b.frames.length;
  b.send(Uint8Array.of(3)); // QueryAwareness
  c.send(Uint8Array.of(3));
  b.sendSync(0, Y.encodeStateVector(b.doc));
  await waitUntil('an answer to SyncStep1', () => b.frames.length > before);
  const isEarly = b.ackedVersion >= version;

  store?.recover();
  await b.whenAcked(version);
  for (const client of [a, b, c]) client.destroy();
  await node.close();
  return isEarly;
}

describe('an update that brings nothing new', () => {
  it('[I1] is acked only when its first copy is durable', async () => {
    expect(await isAckedTooEarly({})).toBe(false);
  });

  it('the same test catches a node that acks it at once', async () => {
    expect(await isAckedTooEarly({ ackRedundantAtOnce: true })).toBe(true);
  });
});
