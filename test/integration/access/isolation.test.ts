/**
 * [I7] Who may not read a document learns nothing of it over sockets: the same handshake, close code and reason
 * whether it exists, never did, was deleted or is damaged, and nothing of it is opened or changed.
 */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { parseDocumentName } from '../../../server/protocol/document-name.ts';
import { metric, startNode, type RunningNode } from '../../support/in-process-node.ts';
import { knock, openSocket, whenClosed, type Carrier } from '../../support/knock.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { admin, SECRET_NODE, token } from '../../support/tokens.ts';

const MINE = 'mine/notes';
const EXISTING = 'theirs/existing';
const DELETED = 'theirs/deleted';
const OPEN = 'theirs/open';
const ABSENT = 'theirs/absent';
const TARGETS = [EXISTING, DELETED, OPEN, ABSENT];

/** Paths below which each dialect has its documents. */
const DIALECTS: Readonly<Record<string, (document: string) => string>> = {
  'y-websocket': (document) => document,
  'y-websocket, encoded': (document) => encodeURIComponent(document),
  'Y-Sweet': (document) => `d/${encodeURIComponent(document)}/ws/${encodeURIComponent(document)}`,
};

const outsider = (): string => token({ sub: 'eve', docs: [{ match: 'mine/*', access: 'admin' }] });

async function house(): Promise<RunningNode & { store: MemoryStore }> {
  let store: MemoryStore | undefined;
  const running = await startNode(SECRET_NODE, {
    createStore: (observer) => {
      store = new MemoryStore({ observer });
      return store;
    },
  });
  if (store === undefined) throw new Error('no store');
  for (const document of [EXISTING, DELETED]) {
    const writer = new SyncClient(running.webSocketUrl, document, { token: admin() });
    await writer.whenSynced();
    writer.doc.getText('text').insert(0, 'secret');
    await writer.whenAcked(writer.requestAck());
    writer.destroy();
  }
  const deletion = await fetch(`${running.url}/v1/documents/${encodeURIComponent(DELETED)}`, {
    method: 'DELETE',
    headers: { Authorization: `Bearer ${admin()}` },
  });
  expect(deletion.status).toBeLessThan(300);
  const holder = new SyncClient(running.webSocketUrl, OPEN, { token: admin() });
  await holder.whenSynced();
  return { ...running, store };
}

async function namesIn(store: MemoryStore): Promise<readonly string[]> {
  const names = await store.list({ limit: 100 });
  return names.map(({ name }) => name);
}

describe('[I7] a token for other documents', () => {
  it.each(Object.keys(DIALECTS))('%s: the same goodbye for every document', async (dialect) => {
    const node = await house();
    const pathOf = DIALECTS[dialect];
    const before = {
      names: await namesIn(node.store),
      open: await metric(node.node, 'documents_open'),
    };
    const outcomes = new Set<string>();
    for (const document of TARGETS) {
      for (const carrier of ['query', 'header', 'subprotocol'] satisfies Carrier[]) {
        const path = pathOf?.(document) ?? document;
        const outcome = await knock(node.webSocketUrl, document, {
          token: outsider(),
          carrier,
          path,
        });
        outcomes.add(JSON.stringify(outcome));
      }
    }
    expect([...outcomes]).toEqual([
      JSON.stringify({ kind: 'closed', code: 4403, reason: 'forbidden' }),
    ]);
    expect(await namesIn(node.store)).toEqual(before.names);
    expect(await metric(node.node, 'documents_open')).toBe(before.open);
  });

  it('what a refused client sends before the goodbye changes nothing', async () => {
    const node = await house();
    const update = Buffer.from('00020b0101010004010174016100', 'hex');
    for (const document of TARGETS) {
      const socket = openSocket(node.webSocketUrl, document, { token: outsider() });
      socket.once('open', () => {
        socket.send(Uint8Array.of(0, 0, 1, 0));
        socket.send(update);
      });
      const received: unknown[] = [];
      socket.on('message', (data) => received.push(data));
      expect(await whenClosed(socket)).toEqual({ code: 4403, reason: 'forbidden' });
      expect(received).toEqual([]);
    }
    const name = parseDocumentName(EXISTING);
    const stored = name === null ? null : await node.store.load(name);
    expect(stored?.tail).toHaveLength(1);
    expect(await namesIn(node.store)).not.toContain(ABSENT);
  });

  it('a session for one’s own document cannot be turned into one for another', async () => {
    const node = await house();
    const client = new SyncClient(node.webSocketUrl, MINE, { token: outsider() });
    await client.whenSynced();
    client.doc.getText('text').insert(0, 'mine');
    await client.whenAcked(client.requestAck());
    const path = `d/${encodeURIComponent(MINE)}/ws/${encodeURIComponent(EXISTING)}`;
    const outcome = await knock(node.webSocketUrl, MINE, { token: outsider(), path });
    expect(outcome).toMatchObject({ kind: 'http', status: 404 });
  });

  it('J27 no look-up lies between a refusal for an existing and for an absent document', async () => {
    const node = await house();
    const asked: string[] = [];
    for (const method of ['load', 'stat', 'list'] as const) {
      const original = node.store[method].bind(node.store) as (...args: unknown[]) => unknown;
      Object.assign(node.store, {
        [method]: (...args: unknown[]): unknown => {
          asked.push(method);
          return original(...args);
        },
      });
    }
    for (const document of TARGETS) {
      for (const text of [outsider(), 'nonsense', null]) {
        await knock(node.webSocketUrl, document, { token: text });
      }
    }
    expect(asked).toEqual([]);
    await knock(node.webSocketUrl, ABSENT, { token: admin() });
    expect(asked).toContain('load');
  });
});
