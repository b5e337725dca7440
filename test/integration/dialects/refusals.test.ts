/**
 * Who may not, or not any more, is told so in the words of its family: which close codes a client understands, which
 * messages, and what it then does. y-websocket 1 and 2 and Y-Sweet's client know no close codes and keep trying, each in
 * its own time; y-websocket 3 stops at 44xx; Hocuspocus' providers are told inside the socket, which stays.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import { HocuspocusClient, openClient } from '../../support/families.ts';
import { FAMILIES, type Family, type FamilyClient } from '../../support/family-client.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { nowS, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const HOCUSPOCUS = ['hocuspocus 2', 'hocuspocus 3', 'hocuspocus 4'] as const;
/** One document a socket. */
const OTHERS = FAMILIES.filter((family) => !family.startsWith('hocuspocus'));

const denialsOf = (client: FamilyClient): readonly string[] =>
  client instanceof HocuspocusClient ? client.denials : [];

/** Y-Sweet's names have no `/`. */
const NODE = SECRET_NODE;
const grants = (access: string) => [{ match: '*', access }];

const shortLived = (): string => token({ docs: grants('write'), exp: nowS() + 4 });
const longLived = (): string => token({ docs: grants('write') });

describe('a token that is none', () => {
  it.each(HOCUSPOCUS)('%s is told why, and its socket stays for another try', async (family) => {
    const { webSocketUrl } = await startNode(NODE);
    let current = 'nonsense';
    const client = openClient(family, webSocketUrl, 'notes', { token: () => current });
    await waitUntil('denied', () => denialsOf(client).length > 0);
    expect(denialsOf(client)).toEqual(['invalid-token']);
    expect(client.isSynced).toBe(false);
    expect(client.isSaved).toBe(false);
    if (!(client instanceof HocuspocusClient) || client.provider.sendToken === undefined) return;
    client.insert(0, 'meanwhile');
    current = token({ docs: grants('write') });
    await client.provider.sendToken();
    await waitUntil('in, with what was written meanwhile', () => client.isSynced && client.isSaved);
    const other = openClient('hocuspocus 4', webSocketUrl, 'notes', { token: () => current });
    await waitUntil('there', () => other.text === 'meanwhile');
    expect(client.sockets.opened).toBe(1);
  });

  it.each(OTHERS)('%s is closed with 4401', async (family) => {
    const { webSocketUrl } = await startNode(NODE);
    const client = openClient(family, webSocketUrl, 'notes', { token: () => 'nonsense' });
    await waitUntil('closed', () => client.sockets.closes.length > 0);
    expect(client.sockets.closes[0]).toEqual({ code: 4401, reason: 'invalid-token' });
  });
});

describe('a token for other documents', () => {
  it.each(FAMILIES)('[I7] %s learns nothing but "no"', async (family) => {
    const { webSocketUrl, node } = await startNode(NODE);
    const writer = openClient('hocuspocus 4', webSocketUrl, 'secret', {
      token: () => token({ docs: grants('write') }),
    });
    await waitUntil('there', () => writer.isSynced);
    for (const document of ['secret', 'nothing-there']) {
      const client = openClient(family, webSocketUrl, document, {
        token: () => token({ docs: [{ match: 'mine', access: 'write' }] }),
      });
      await waitUntil('refused', () => client.sockets.closes.length + denialsOf(client).length > 0);
      if (family.startsWith('hocuspocus')) expect(denialsOf(client)).toEqual(['forbidden']);
      else expect(client.sockets.closes[0]).toEqual({ code: 4403, reason: 'forbidden' });
      client.destroy();
    }
    expect(await metric(node, 'documents_open')).toBe(1);
  });
});

describe('a token that expires', () => {
  const NODE_NOW = { ...NODE, clockToleranceMs: 0 };

  it.each([
    'hocuspocus 3',
    'hocuspocus 4',
    'y-sweet 0.9',
    'syncline',
  ] as const satisfies readonly Family[])(
    '%s gets another one by itself, and nothing is lost',
    { timeout: 40_000 },
    async (family) => {
      const { webSocketUrl } = await startNode(NODE_NOW);
      let asked = 0;
      const client = openClient(family, webSocketUrl, 'notes', {
        token: () => {
          asked += 1;
          return asked === 1 ? shortLived() : longLived();
        },
      });
      await waitUntil('there', () => client.isSynced);
      client.insert(0, 'before ');
      const untilMs = performance.now() + 6_000;
      await waitUntil('the token has expired', () => performance.now() > untilMs);
      client.insert(0, 'after ');
      await waitUntil('saved', () => client.isSynced && client.isSaved === true, 25_000);
      expect(asked).toBeGreaterThan(1);
      // Who can renew in band has not even reconnected.
      if (family !== 'y-sweet 0.9') expect(client.sockets.opened).toBe(1);
    },
  );

  it('hocuspocus 2, which cannot be asked for another, is told; y-websocket 3 is closed with 4401 and stops', async () => {
    const { webSocketUrl } = await startNode(NODE_NOW);
    const two = openClient('hocuspocus 2', webSocketUrl, 'notes', { token: shortLived });
    const three = openClient('y-websocket 3', webSocketUrl, 'notes', { token: shortLived });
    await waitUntil('there', () => two.isSynced && three.isSynced);
    await waitUntil(
      'told',
      () => denialsOf(two).length > 0 && three.sockets.closes.length > 0,
      15_000,
    );
    expect(denialsOf(two)).toEqual(['token-expired']);
    expect(three.sockets.closes).toEqual([{ code: 4401, reason: 'token-expired' }]);
    two.insert(0, 'too late');
    expect(two.isSaved).toBe(false);
  });
});

describe('a document that is deleted', () => {
  it('every family is told once, in its own way, and nobody brings it back', async () => {
    const { webSocketUrl, node } = await startNode();
    const clients = FAMILIES.map((family) => openClient(family, webSocketUrl, 'notes'));
    await waitUntil('there', () => clients.every(({ isSynced }) => isSynced));
    clients[0]?.insert(0, 'soon gone');
    await waitUntil('all have it', () => clients.every(({ text }) => text === 'soon gone'));
    await node.documents.delete('notes' as never);
    await waitUntil('all are told', () =>
      clients.every((client) => client.sockets.closes.length + denialsOf(client).length > 0),
    );
    for (const client of clients) {
      const { family, sockets } = client;
      if (family.startsWith('hocuspocus')) expect(denialsOf(client)).toEqual(['document-deleted']);
      else expect(sockets.closes[0]).toEqual({ code: 4404, reason: 'document-deleted' });
    }
    // Those that know the codes do not come back.
    for (const client of clients) {
      if (client.family !== 'y-websocket 3' && client.family !== 'syncline') continue;
      expect({ family: client.family, opened: client.sockets.opened }).toMatchObject({ opened: 1 });
    }
    for (const client of clients) client.insert(0, 'again ');
    await expect(node.documents.version('notes' as never)).rejects.toMatchObject({
      code: 'document-deleted',
    });
  });
});

describe('a name that is none', () => {
  it.each(['a//b', '../etc', ' spaced ', 'x'.repeat(201), 'line\nbreak'])(
    'Hocuspocus: %j is refused inside the socket',
    async (name) => {
      const { webSocketUrl } = await startNode();
      const client = new HocuspocusClient(4, webSocketUrl, name);
      onTestFinished(() => {
        client.destroy();
      });
      await waitUntil('refused', () => client.denials.length + client.sockets.closes.length > 0);
      if (client.denials.length > 0) expect(client.denials).toEqual(['invalid-document-name']);
    },
  );
});

describe('a read-only client that writes', () => {
  it('y-websocket 3 is closed with 4403; Y-Sweet and Hocuspocus read on and are never told "saved"', async () => {
    const { webSocketUrl } = await startNode(NODE);
    const writer = openClient('y-websocket 3', webSocketUrl, 'notes', {
      token: () => token({ docs: grants('write') }),
    });
    const guests = (['y-sweet 0.9', ...HOCUSPOCUS] as const).map((family) =>
      openClient(family, webSocketUrl, 'notes', { token: () => reader('*') }),
    );
    const stopped = openClient('y-websocket 3', webSocketUrl, 'notes', {
      token: () => reader('*'),
    });
    const everybody = [writer, stopped, ...guests];
    await waitUntil('there', () => everybody.every(({ isSynced }) => isSynced));
    await waitUntil('nothing to save', () => guests.every(({ isSaved }) => isSaved === true));
    for (const guest of [stopped, ...guests]) guest.insert(0, 'mine ');
    await waitUntil('closed', () => stopped.sockets.closes.length > 0);
    expect(stopped.sockets.closes[0]).toEqual({ code: 4403, reason: 'read-only' });
    writer.insert(0, 'news ');
    await waitUntil('they read on', () => guests.every(({ text }) => text.includes('news ')));
    // Longer than Y-Sweet's client waits for an answer to its 102.
    const untilMs = performance.now() + 6_000;
    await waitUntil('6 s', () => {
      for (const { isSaved } of guests) expect(isSaved).toBe(false);
      return performance.now() > untilMs;
    });
    expect(guests.map(({ sockets }) => sockets.opened)).toEqual(guests.map(() => 1));
    expect(writer.text).toBe('news ');
  });

  it('YSWEET_ACK_REJECTED=1: Y-Sweet’s are told "saved" of what nobody kept, as its own server does', async () => {
    const { webSocketUrl, node } = await startNode({ ...NODE, ySweetAckRejected: true });
    await node.documents.create('notes' as never, null);
    const guest = openClient('y-sweet 0.9', webSocketUrl, 'notes', { token: () => reader('*') });
    await waitUntil('there', () => guest.isSynced && guest.isSaved === true);
    guest.insert(0, 'gone');
    expect(guest.isSaved).toBe(false);
    await waitUntil('told so', () => guest.isSaved === true);
    expect((await node.documents.state('notes' as never, null)).bytes).toBe(2);
  });
});
