/** Rows U19 and U20 of the hostile inputs: updates with the client id of another user who is connected. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import type { Config } from '../../../server/options.ts';
import { metric, startNode, type RunningNode } from '../../support/in-process-node.ts';
import { SYNC } from '../../../server/protocol/messages.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { DOCUMENT } from '../../support/token-cases.ts';
import { SECRET_NODE, token } from '../../support/tokens.ts';

const start = (foreignStructs: Config['foreignStructs']): Promise<RunningNode> =>
  startNode(
    { ...SECRET_NODE, foreignStructs },
    { createStore: (observer) => new MemoryStore({ observer }) },
  );

async function join(node: RunningNode, sub: string): Promise<SyncClient> {
  const client = new SyncClient(node.webSocketUrl, DOCUMENT, { token: token({ sub }) });
  await client.whenSynced();
  return client;
}

async function type(client: SyncClient, text: string): Promise<void> {
  const content = client.doc.getText('text');
  content.insert(content.length, text);
  await client.whenAcked(client.requestAck());
}

/** What `victim` would write next, written by somebody else: its client id, its next clock, other content. */
function forged(victim: Y.Doc, text: string): Uint8Array {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(victim));
  doc.clientID = victim.clientID;
  const before = Y.encodeStateVector(doc);
  const content = doc.getText('text');
  content.insert(content.length, text);
  return Y.encodeStateAsUpdate(doc, before);
}

const foreignCount = ({ node }: RunningNode): Promise<number> =>
  metric(node, 'updates_foreign_total');

const isClosed = (client: SyncClient): boolean => client.closeCode !== 0;

describe('client ids of others', () => {
  it('U19 U20 FOREIGN_STRUCTS=refuse: the forger is closed 4409, and the victim types on', async () => {
    const node = await start('refuse');
    const victim = await join(node, 'alice');
    await type(victim, 'AAAA');
    const forger = await join(node, 'mallory');
    forger.sendSync(SYNC.update, forged(victim.doc, 'BBBB'));
    await forger.whenClosed();
    expect(`${forger.closeCode} ${forger.closeReason}`).toBe(
      '4409 foreign-client-id: client-owner',
    );
    await type(victim, 'CCCC');
    const reader = await join(node, 'bob');
    expect(reader.doc.getText('text').toString()).toBe('AAAACCCC');
    expect(isClosed(victim)).toBe(false);
    expect(await foreignCount(node)).toBe(1);
  });

  it('by default such an update is taken and counted: a client may pass on what it got peer to peer', async () => {
    const node = await start('count');
    const victim = await join(node, 'alice');
    await type(victim, 'AAAA');
    const friend = await join(node, 'bob');
    friend.sendSync(SYNC.update, forged(victim.doc, 'BBBB'));
    await friend.whenAcked(friend.requestAck());
    expect(isClosed(friend)).toBe(false);
    expect(await foreignCount(node)).toBe(1);
  });

  it('the same user may: a second tab, or a connection that comes back under the old id', async () => {
    const node = await start('refuse');
    const first = await join(node, 'alice');
    await type(first, 'AAAA');
    const second = await join(node, 'alice');
    second.sendSync(SYNC.update, forged(first.doc, 'BBBB'));
    await second.whenAcked(second.requestAck());
    expect(await foreignCount(node)).toBe(0);
  });

  it('what a client brings back on joining is never refused, nor what belongs to somebody who has left', async () => {
    const node = await start('refuse');
    const owner = await join(node, 'alice');
    await type(owner, 'AAAA');
    const lost = forged(owner.doc, 'BBBB');
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(owner.doc));
    Y.applyUpdate(doc, lost);
    const keeper = new SyncClient(node.webSocketUrl, DOCUMENT, {
      token: token({ sub: 'bob' }),
      doc,
    });
    await keeper.whenSynced();
    await keeper.whenAcked(keeper.requestAck());
    expect(isClosed(keeper)).toBe(false);
    expect(await foreignCount(node)).toBe(1);

    owner.destroy();
    const after = await join(node, 'carol');
    const next = new Y.Doc();
    Y.applyUpdate(next, Y.encodeStateAsUpdate(keeper.doc));
    next.clientID = owner.doc.clientID;
    after.sendSync(SYNC.update, forged(next, 'CCCC'));
    await after.whenAcked(after.requestAck());
    expect(isClosed(after)).toBe(false);
  });
});
