/** What happens to a socket that is open: its token ends, is renewed, is taken away; and what it may send. */
import * as encoding from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import type { AccessLevel } from '../../../server/access/access.ts';
import type { Config } from '../../../server/options.ts';
import type { NodeParts } from '../../../server/node.ts';
import { SYNC } from '../../../server/protocol/messages.ts';
import { startNode, type RunningNode } from '../../support/in-process-node.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { DOCUMENT } from '../../support/token-cases.ts';
import { nowS, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

async function start(
  config: Partial<Config> = {},
  parts: NodeParts = {},
): Promise<RunningNode & { readonly stored: () => Promise<string> }> {
  let store: MemoryStore | undefined;
  const running = await startNode(
    { ...SECRET_NODE, ...config },
    {
      createStore: (observer) => {
        store = new MemoryStore({ observer });
        return store;
      },
      ...parts,
    },
  );
  const stored = async (): Promise<string> => {
    const doc = new Y.Doc();
    const { base, tail } = (await store?.load(DOCUMENT)) ?? { base: null, tail: [] };
    expect(base).toBe(null);
    for (const { bytes } of tail) Y.applyUpdate(doc, bytes);
    return doc.getText('text').toString();
  };
  return { ...running, stored };
}

const connect = (node: RunningNode, text: string): SyncClient =>
  new SyncClient(node.webSocketUrl, DOCUMENT, { token: text });

function authMessage(text: string): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 2);
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarString(encoder, text);
  });
}

function edit(client: SyncClient, text: string): void {
  client.doc.getText('text').insert(0, text);
}

async function closed(client: SyncClient): Promise<string> {
  await client.whenClosed();
  return `${client.closeCode} ${client.closeReason}`;
}

const isWarning = (frame: Uint8Array): boolean => frame[0] === 2 && frame[1] === 1;

describe('the end of a token', () => {
  it('J21 warns a minute before, closes 4401 at the end, and stores nothing sent afterwards', async () => {
    const node = await start({ clockToleranceMs: 0 });
    const client = connect(node, token({ exp: nowS() + 3 }));
    await client.whenSynced();
    edit(client, 'in time');
    await client.whenAcked(client.requestAck());
    await client.until('the warning', () => client.frames.some(isWarning));
    const warning = client.frames.find(isWarning);
    expect(warning?.[2]).toBeLessThanOrEqual(3);
    expect(await closed(client)).toBe('4401 token-expired');
    expect(client.frames.filter(isWarning)).toHaveLength(1);
    expect(await node.stored()).toBe('in time');
  });

  it('J21 an update between the end and the next sweep is refused and not stored', async () => {
    const node = await start({ clockToleranceMs: 0 });
    const endS = nowS() + 2;
    const client = connect(node, token({ exp: endS }));
    await client.whenSynced();
    await waitUntil('the end', () => Date.now() >= endS * 1000);
    edit(client, 'too late');
    expect(await closed(client)).toBe('4401 token-expired');
    expect(await node.stored()).toBe('');
  });

  it('J21 the tolerance lets a token live a little longer', async () => {
    const node = await start({ clockToleranceMs: 3000 });
    const endS = nowS() + 1;
    const client = connect(node, token({ exp: endS }));
    await client.whenSynced();
    expect(await closed(client)).toBe('4401 token-expired');
    expect(Date.now()).toBeGreaterThanOrEqual((endS + 3) * 1000);
    expect(Date.now()).toBeLessThan((endS + 3 + 3) * 1000);
  });
});

describe('a new token in band', () => {
  it('J22 of the same user prolongs the session', async () => {
    const node = await start({ clockToleranceMs: 0 });
    const endS = nowS() + 2;
    const client = connect(node, token({ exp: endS }));
    await client.whenSynced();
    client.send(authMessage(token({ exp: endS + 600 })));
    await waitUntil('the old end and a sweep', () => Date.now() > endS * 1000 + 1500);
    edit(client, 'still here');
    await client.whenAcked(client.requestAck());
    expect(await node.stored()).toBe('still here');
  });

  it('J22 of another user: 4403', async () => {
    const client = connect(await start(), token());
    await client.whenSynced();
    client.send(authMessage(token({ sub: 'bob' })));
    expect(await closed(client)).toBe('4403 forbidden: the token of another user');
  });

  it('J22 with fewer rights: the session reads on, and what follows is not written', async () => {
    const node = await start();
    const client = connect(node, token());
    await client.whenSynced();
    edit(client, 'before');
    await client.whenAcked(client.requestAck());
    client.send(authMessage(reader()));
    edit(client, 'after ');
    expect(await closed(client)).toBe('4403 read-only');
    expect(await node.stored()).toBe('before');
  });

  it('J22 with more rights: what follows it is written', async () => {
    const node = await start();
    const client = connect(node, reader());
    await client.whenSynced();
    client.send(authMessage(token()));
    edit(client, 'allowed now');
    await client.whenAcked(client.requestAck());
    expect(await node.stored()).toBe('allowed now');
  });

  it('J22 without rights on this document: 4403', async () => {
    const client = connect(await start(), token());
    await client.whenSynced();
    client.send(authMessage(token({ docs: [{ match: 'else', access: 'admin' }] })));
    expect(await closed(client)).toBe('4403 forbidden');
  });

  it.each([
    ['malformed', 'nonsense', '4401 invalid-token'],
    ['empty', '', '4401 invalid-token'],
    ['of 64 KiB', 'x'.repeat(65_536), '4401 invalid-token'],
    ['that has ended', token({ exp: nowS() - 600, iat: nowS() - 900 }), '4401 token-expired'],
  ])('P15 %s: 4401', async (_name, text, reason) => {
    const client = connect(await start(), token());
    await client.whenSynced();
    client.send(authMessage(text));
    expect(await closed(client)).toBe(reason);
  });

  it('a flood of good ones is stopped', async () => {
    const client = connect(await start(), token());
    await client.whenSynced();
    const message = authMessage(token());
    for (let count = 0; count < 30; count += 1) client.send(message);
    expect(await closed(client)).toBe('4529 rate-limited');
  });

  it('a node without access control takes no notice', async () => {
    const node = await start({ auth: 'loopback', jwtSecret: null });
    const client = new SyncClient(node.webSocketUrl, DOCUMENT);
    await client.whenSynced();
    client.send(authMessage('whatever'));
    edit(client, 'x');
    await client.whenAcked(client.requestAck());
    expect(await node.stored()).toBe('x');
  });
});

describe('revocation', () => {
  it('J23 closes the sockets that it names, and leaves the others', async () => {
    const node = await start();
    const ann = connect(node, token({ jti: 'a' }));
    const again = connect(node, token({ jti: 'b' }));
    const bob = connect(node, token({ sub: 'bob' }));
    for (const client of [ann, again, bob]) await client.whenSynced();
    await node.node.access.revoke({ tokenId: 'a', atMs: Date.now() });
    expect(await closed(ann)).toBe('4401 token-revoked');
    await node.node.access.revoke({ subject: 'ann', document: DOCUMENT, atMs: Date.now() });
    expect(await closed(again)).toBe('4403 forbidden');
    edit(bob, 'here');
    await bob.whenAcked(bob.requestAck());
    const back = connect(node, token({ jti: 'a', iat: nowS() - 1 }));
    expect(await closed(back)).toBe('4401 token-revoked');
  });

  it('J23 at once, not with the next sweep: ten, one after the other, take less than two sweeps', async () => {
    const node = await start();
    const ids = Array.from({ length: 10 }, (_value, index) => `id-${index}`);
    const clients = ids.map((jti) => connect(node, token({ jti })));
    for (const client of clients) await client.whenSynced();
    const startedMs = performance.now();
    for (const [index, tokenId] of ids.entries()) {
      await node.node.access.revoke({ tokenId, atMs: Date.now() });
      await clients[index]?.whenClosed();
    }
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  it('J23 over REST by an operator, and only by one', async () => {
    const node = await start();
    const ann = connect(node, token());
    await ann.whenSynced();
    const revoke = (bearer: string): Promise<Response> =>
      fetch(`${node.url}/v1/revocations`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ subject: 'ann' }),
      });
    expect((await revoke(token({ docs: [{ match: 'team/*', access: 'admin' }] }))).status).toBe(
      404,
    );
    expect(ann.isClosed).toBe(false);
    const operator = token({ sub: 'root', docs: [{ match: '*', access: 'admin' }] });
    expect((await revoke(operator)).status).toBe(201);
    expect(await closed(ann)).toBe('4401 token-revoked');
    const list = await fetch(`${node.url}/v1/revocations`, {
      headers: { Authorization: `Bearer ${operator}` },
    });
    expect(await list.json()).toMatchObject({ revocations: [{ subject: 'ann' }] });
  });
});

describe('read-only sessions', () => {
  it('U48 read, show their cursor, and may send what is known already', async () => {
    const node = await start();
    const writer = connect(node, token());
    await writer.whenSynced();
    edit(writer, 'text');
    await writer.whenAcked(writer.requestAck());
    const guest = connect(node, reader());
    await guest.whenSynced();
    expect(guest.text).toBe('text');
    guest.sendSync(SYNC.step2, Y.encodeStateAsUpdate(guest.doc));
    // AW16: presence is no write.
    guest.send(Uint8Array.of(1, 6, 1, 9, 0, 2, 0x7b, 0x7d));
    await writer.until('the cursor', () =>
      writer.frames.some((frame) => frame[0] === 1 && frame[3] === 9),
    );
    expect(guest.isClosed).toBe(false);
  });

  it.each([
    ['an update', (client: SyncClient) => edit(client, 'mine')],
    [
      'a step 2 with something new',
      (client: SyncClient) => {
        const doc = new Y.Doc();
        doc.getText('text').insert(0, 'mine');
        client.sendSync(SYNC.step2, Y.encodeStateAsUpdate(doc));
      },
    ],
    [
      'an update with a gap',
      (client: SyncClient) => {
        const doc = new Y.Doc();
        doc.getText('text').insert(0, 'a');
        const known = Y.encodeStateVector(doc);
        doc.getText('text').insert(1, 'b');
        client.sendSync(SYNC.update, Y.encodeStateAsUpdate(doc, known));
      },
    ],
    ['an update of 200 KB', (client: SyncClient) => edit(client, 'x'.repeat(200_000))],
  ])('U48 %s: 4403, and nothing changes', async (_name, send) => {
    const node = await start();
    const witness = connect(node, token());
    await witness.whenSynced();
    const guest = connect(node, reader());
    await guest.whenSynced();
    send(guest);
    expect(await closed(guest)).toBe('4403 read-only');
    edit(witness, 'w');
    await witness.whenAcked(witness.requestAck());
    expect(await node.stored()).toBe('w');
  });
});

describe('the authorize hook on live sockets', () => {
  it('J23 is asked again, and its change of mind takes effect', async () => {
    let level: AccessLevel = 'write';
    const node = await start({ recheckIntervalMs: 100 }, { authorize: () => level });
    const client = connect(node, token());
    await client.whenSynced();
    level = 'none';
    expect(await closed(client)).toBe('4403 forbidden');
  });

  it('one failure is forgiven, two in a row are not', async () => {
    const answers: (() => AccessLevel)[] = [() => 'write', fail, () => 'write', fail, fail];
    let asked = 0;
    const node = await start(
      { recheckIntervalMs: 100 },
      { authorize: () => (answers[asked++] ?? fail)() },
    );
    const client = connect(node, token());
    await client.whenSynced();
    expect(await closed(client)).toBe('1013 access-unavailable');
    expect(asked).toBe(answers.length);
  });

  it('W14 one that never answers lets nobody in, within its time', async () => {
    const node = await start(
      { authorizeTimeoutMs: 200 },
      { authorize: () => new Promise(() => undefined) },
    );
    const startedMs = performance.now();
    expect(await closed(connect(node, token()))).toBe('1013 access-unavailable');
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});

function fail(): never {
  throw new Error('the hook is out');
}
