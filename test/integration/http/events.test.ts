/** `GET …/events` and `POST …/presence`, as programs see them that know the documentation only. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createParser } from 'eventsource-parser';
import { Awareness, encodeAwarenessUpdate, applyAwarenessUpdate } from 'y-protocols/awareness';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { EventReader } from '../../support/event-reader.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { SyncClient } from '../../support/sync-client.ts';
import {
  hs256,
  claims,
  nowS,
  reader as readerToken,
  SECRET_NODE,
  token,
} from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON();
}

async function writer(url: string, name: string): Promise<SyncClient> {
  const client = new SyncClient(url.replace(/^http/, 'ws'), name);
  onTestFinished(() => client.destroy());
  await client.whenSynced();
  return client;
}

async function type(client: SyncClient, text: string): Promise<void> {
  client.doc.getText('text').insert(client.text.length, text);
  await client.whenAcked(client.requestAck());
}

async function post(url: string, body: Uint8Array, auth?: string): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/octet-stream',
      ...(auth === undefined ? {} : { Authorization: `Bearer ${auth}` }),
    },
    body: new Uint8Array(body),
  });
}

function awareness(name: string): { client: number; bytes: Uint8Array } {
  const doc = new Y.Doc();
  const states = new Awareness(doc);
  states.setLocalState({ user: { name } });
  const bytes = encodeAwarenessUpdate(states, [doc.clientID]);
  states.destroy();
  return { client: doc.clientID, bytes };
}

async function fetchBase(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^compactions_total (\d+)/m.exec(text)?.[1] ?? 0);
}

const strip = async (response: Response): Promise<unknown> => ({
  status: response.status,
  body: await response.json(),
});

describe('a stream', () => {
  it('says who it is, brings the document, is synced, and goes on with every update', async () => {
    const { url } = await startNode();
    const client = await writer(url, 'a/b');
    await type(client, 'before');
    const stream = await EventReader.open(url, 'a/b');
    expect(stream.response.status).toBe(200);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': expect.stringContaining('no-store') as string,
      'x-accel-buffering': 'no',
    });
    expect(stream.response.headers.has('content-encoding')).toBe(false);
    const opened = await stream.opened();
    expect(opened.access).toBe('write');
    expect(opened.connection).toMatch(/^[\w-]{24}$/);
    expect(Y.decodeStateVector(Buffer.from(opened.stateVector, 'base64url')).size).toBe(1);
    await stream.until('synced');
    expect(textOf(stream.applyTo(new Y.Doc()))).toBe('before');
    await type(client, ', after');
    await stream.until('update', 2);
    expect(textOf(stream.applyTo(new Y.Doc()))).toBe('before, after');
  });

  it('with `since` brings what is missing and no more', async () => {
    const { url } = await startNode();
    const client = await writer(url, 'notes');
    await type(client, 'x'.repeat(10_000));
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(client.doc));
    await type(client, 'end');
    const stream = await EventReader.open(url, 'notes', { since: doc });
    await stream.until('synced');
    expect(stream.of('update').reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(100);
    expect(textOf(stream.applyTo(doc))).toBe(client.text);
  });

  it('brings several chunks of a large document in pieces', async () => {
    const { url } = await startNode({ compactTailBytes: 1024, roomIdleMs: 60_000 });
    const client = await writer(url, 'notes');
    for (let index = 0; index < 20; index++) await type(client, `${index}`.repeat(40_000));
    await waitUntil('a base', async () => (await fetchBase(url)) > 0);
    const stream = await EventReader.open(url, 'notes');
    await stream.until('synced');
    expect(stream.of('update').length).toBeGreaterThan(2);
    expect(textOf(stream.applyTo(new Y.Doc()))).toBe(client.text);
  });

  it('is kept alive by comments', async () => {
    const { url } = await startNode({ keepAliveMs: 100 });
    const stream = await EventReader.open(url, 'notes');
    await waitUntil('a comment', () => stream.comments.length > 0);
  });

  it('counts as a connection: past CONNECTIONS_MAX it is answered 503, and a HEAD opens none', async () => {
    const { url, node } = await startNode({ connectionsMax: 2 });
    const address = `${url}/v1/documents/notes/events`;
    const head = await fetch(address, { method: 'HEAD' });
    expect(head.headers.get('Content-Type')).toMatch('text/event-stream');
    await writer(url, 'notes');
    const stream = await EventReader.open(url, 'notes');
    expect(await metric(node, 'connections')).toBe(2);
    const refused = await EventReader.open(url, 'notes');
    expect(refused.response.status).toBe(503);
    expect(refused.response.headers.get('Retry-After')).not.toBeNull();
    expect(await refused.response.json()).toMatchObject({ code: 'overloaded' });
    stream.close();
    await waitUntil('it is gone', async () => (await metric(node, 'connections')) === 1);
  });

  it.each(['', 'no+base64url', 'AQ', 'A'.repeat(20)])(
    'R07 `since` that is no state vector (%j) is 400',
    async (since) => {
      const { url } = await startNode();
      const response = await fetch(`${url}/v1/documents/notes/events?since=${since}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid-state-vector' });
    },
  );

  it('ends with its document, and says so', async () => {
    const { url } = await startNode();
    await type(await writer(url, 'notes'), 'text');
    const stream = await EventReader.open(url, 'notes');
    await stream.until('synced');
    await fetch(`${url}/v1/documents/notes`, { method: 'DELETE' });
    const { data } = await stream.until('closed');
    expect(JSON.parse(data)).toMatchObject({
      code: 'document-deleted',
      close: 4404,
      retry: 'never',
    });
    await waitUntil('the end', () => stream.isEnded);
    const again = await EventReader.open(url, 'notes');
    expect(again.response.status).toBe(404);
  });

  it('ends when the node drains, with a moment to come back at', async () => {
    const { url, node } = await startNode();
    const stream = await EventReader.open(url, 'notes');
    await stream.until('synced');
    await node.drain();
    expect(JSON.parse((await stream.until('closed')).data)).toMatchObject({ code: 'draining' });
    expect(stream.retryMs).toBeGreaterThanOrEqual(0);
    expect(stream.retryMs).toBeLessThan(5000);
    await waitUntil('the end', () => stream.isEnded);
  });
});

describe('Last-Event-ID', () => {
  it('goes on where the stream was cut, without a word that was read before', async () => {
    const { url } = await startNode();
    const client = await writer(url, 'notes');
    await type(client, 'x'.repeat(20_000));
    const first = await EventReader.open(url, 'notes');
    await first.until('synced');
    const doc = first.applyTo(new Y.Doc());
    first.close();
    await type(client, 'missed ');
    await type(client, 'twice');
    // As a browser comes back: with the `since` that it began with, here none.
    const second = await EventReader.open(url, 'notes', { lastEventId: first.lastEventId ?? '' });
    await second.until('synced');
    expect(second.of('update').reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(200);
    expect(textOf(second.applyTo(doc))).toBe(client.text);
  });

  it('of every event on is enough, whichever was the last that was read', async () => {
    const { url } = await startNode();
    const client = await writer(url, 'notes');
    const whole = await EventReader.open(url, 'notes');
    await whole.until('synced');
    for (let index = 0; index < 30; index++) await type(client, `${index} `);
    await whole.until('update', 30);
    for (const [at, { id }] of whole.events.entries()) {
      if (id === null) continue;
      const doc = new Y.Doc();
      for (const { event, data } of whole.events.slice(0, at + 1)) {
        if (event === 'update') Y.applyUpdate(doc, Buffer.from(data, 'base64'));
      }
      const rest = await EventReader.open(url, 'notes', { lastEventId: id });
      await rest.until('synced');
      expect(textOf(rest.applyTo(doc)), `after event ${at}`).toBe(client.text);
      rest.close();
    }
  });

  it.each(['other.1', '.', 'x', '0.999999999999999', `${'9'.repeat(400)}.1`])(
    'that means nothing here (%s) is a full exchange by `since`',
    async (lastEventId) => {
      const { url } = await startNode();
      const client = await writer(url, 'notes');
      await type(client, 'text');
      const stream = await EventReader.open(url, 'notes', { lastEventId });
      await stream.until('synced');
      expect(textOf(stream.applyTo(new Y.Doc()))).toBe('text');
    },
  );

  it('of another room of the same document (it was closed meanwhile), or from its future, likewise', async () => {
    const { url, node } = await startNode({ roomIdleMs: 50 });
    const client = await writer(url, 'notes');
    await type(client, 'text');
    const first = await EventReader.open(url, 'notes');
    await first.until('synced');
    const id = first.lastEventId ?? '';
    const future = await EventReader.open(url, 'notes', { lastEventId: id.replace(/\d+$/, '999') });
    await future.until('synced');
    expect(textOf(future.applyTo(new Y.Doc()))).toBe('text');
    first.close();
    future.close();
    client.destroy();
    await waitUntil('the room is closed', async () => (await metric(node, 'documents_open')) === 0);
    const second = await EventReader.open(url, 'notes', { lastEventId: id });
    await second.until('synced');
    expect(second.lastEventId?.split('.')[0]).not.toBe(id.split('.')[0]);
    expect(textOf(second.applyTo(new Y.Doc()))).toBe('text');
  });

  it('from before a compaction is answered with everything', async () => {
    const { url } = await startNode({ compactTailUpdates: 20, roomIdleMs: 60_000 });
    const client = await writer(url, 'notes');
    await type(client, 'a');
    const first = await EventReader.open(url, 'notes');
    await first.until('synced');
    const id = first.lastEventId ?? '';
    const doc = first.applyTo(new Y.Doc());
    first.close();
    for (let index = 0; index < 60; index++) await type(client, `${index} `);
    const second = await EventReader.open(url, 'notes', { lastEventId: id });
    await second.until('synced');
    expect(textOf(second.applyTo(doc))).toBe(client.text);
  });
});

describe('a slow reader', () => {
  it('[I6] costs a flag and no queue, and gets one catch-up when it is back', async () => {
    const { url, node } = await startNode({ sendBufferBytes: 64 * 1024 });
    const client = await writer(url, 'notes');
    await type(client, 'start');
    const doc = new Y.Doc();
    const ids: string[] = [];
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        if (event === 'update') Y.applyUpdate(doc, Buffer.from(data, 'base64'));
        if (id !== undefined) ids.push(id);
      },
    });
    const request = get(`${url}/v1/documents/notes/events`);
    onTestFinished(() => {
      request.destroy();
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('data', (bytes: Buffer) => parser.feed(bytes.toString('latin1')));
    await waitUntil('it reads', () => textOf(doc) === 'start');
    response.pause();
    for (let index = 0; index < 100; index++) await type(client, `${index % 10}`.repeat(100_000));
    await waitUntil('it lags', async () => (await metric(node, 'slow_consumers_total')) > 0);
    const before = ids.length;
    response.resume();
    await type(client, 'the end');
    await waitUntil('it has everything', () => textOf(doc) === client.text);
    expect(doc.store.pendingStructs).toBeNull();
    expect(ids.length - before).toBeLessThan(100);
  });

  it('that takes nothing for SEND_STALL_MS is cut off', async () => {
    const { url, node } = await startNode({ sendBufferBytes: 64 * 1024, sendStallMs: 500 });
    const client = await writer(url, 'notes');
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
    });
    let isOpen = false;
    socket.write(`GET /v1/documents/notes/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    socket.on('data', () => {
      isOpen = true;
      socket.pause();
    });
    await waitUntil('open', () => isOpen);
    for (let index = 0; index < 80; index++) await type(client, `${index % 10}`.repeat(100_000));
    await waitUntil('it is gone', async () => (await metric(node, 'connections')) === 1);
  });
});

describe('writing beside a stream', () => {
  it('is not echoed to the stream that it names, and reaches all others', async () => {
    const { url } = await startNode();
    const [mine, other] = [
      await EventReader.open(url, 'notes'),
      await EventReader.open(url, 'notes'),
    ];
    const { connection } = await mine.opened();
    await mine.until('synced');
    await other.until('synced');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'mine');
    const answer = await post(
      `${url}/v1/documents/notes/updates?connection=${connection}`,
      Y.encodeStateAsUpdate(doc),
    );
    expect(answer.status).toBeLessThan(300);
    await other.until('update');
    expect(textOf(other.applyTo(new Y.Doc()))).toBe('mine');
    expect(mine.of('update')).toEqual([]);
  });

  it('presence belongs to the stream: others see it, and it goes with it', async () => {
    const { url } = await startNode();
    const [mine, other] = [
      await EventReader.open(url, 'notes'),
      await EventReader.open(url, 'notes'),
    ];
    const { connection } = await mine.opened();
    const { client, bytes } = awareness('Ada');
    const answer = await post(`${url}/v1/documents/notes/presence?connection=${connection}`, bytes);
    expect(answer.status).toBe(204);
    const states = new Awareness(new Y.Doc());
    onTestFinished(() => states.destroy());
    const seen = (): unknown => {
      for (const { data } of other.of('presence')) {
        applyAwarenessUpdate(states, Buffer.from(data, 'base64'), 'test');
      }
      return states.getStates().get(client);
    };
    await waitUntil('Ada', () => JSON.stringify(seen())?.includes('Ada') ?? false);
    const late = await EventReader.open(url, 'notes');
    expect(Buffer.from((await late.until('presence')).data, 'base64').toString()).toContain('Ada');
    mine.close();
    await waitUntil('nobody', () => seen() === undefined);
  });

  it('presence that a socket would be closed for is refused, and the stream stays', async () => {
    const { url } = await startNode();
    const stream = await EventReader.open(url, 'notes');
    const { connection } = await stream.opened();
    const address = `${url}/v1/documents/notes/presence?connection=${connection}`;
    expect((await post(address, Uint8Array.of(1, 2))).status).toBe(400);
    const { bytes } = awareness('x'.repeat(9000));
    expect((await post(address, bytes)).status).toBe(422);
    expect((await post(address, new Uint8Array(20_000))).status).toBe(413);
    expect((await post(address, awareness('fine').bytes)).status).toBe(204);
    expect(stream.isEnded).toBe(false);
  });

  it('a connection is of one identity, one document and one stream, and nothing is said about others', async () => {
    const { url } = await startNode(SECRET_NODE);
    const [ann, bob] = [token(), token({ sub: 'bob' })];
    const stream = await EventReader.open(url, 'team/a', { token: ann });
    const { connection } = await stream.opened();
    const to = (document: string, id: string, auth: string): Promise<Response> =>
      post(
        `${url}/v1/documents/${encodeURIComponent(document)}/presence?connection=${id}`,
        awareness('x').bytes,
        auth,
      );
    const absent = await strip(await to('team/a', 'A'.repeat(24), bob));
    expect(absent).toMatchObject({ status: 404, body: { code: 'connection-not-found' } });
    expect(await strip(await to('team/a', connection, bob))).toEqual(absent);
    expect(await strip(await to('team/b', connection, ann))).toEqual(absent);
    expect((await to('team/a', connection, ann)).status).toBe(204);
    stream.close();
    await waitUntil('it is gone', async () => (await to('team/a', connection, ann)).status === 404);
  });
});

describe('access', () => {
  it('[I7] a document that the token does not name is as absent as one that is not there', async () => {
    const { url } = await startNode(SECRET_NODE);
    const bodies = await Promise.all(
      ['private', 'absent/too'].map(async (name) => {
        const { response } = await EventReader.open(url, name, { token: token() });
        return [response.status, await response.json()] as const;
      }),
    );
    expect(bodies[0]).toEqual(bodies[1]);
    expect(bodies[0]?.[0]).toBe(404);
    const { response } = await EventReader.open(url, 'team/a');
    expect(response.status).toBe(401);
  });

  it('J21 a token that ends is announced, and ends the stream', async () => {
    const { url } = await startNode(SECRET_NODE);
    const short = hs256(claims({ exp: nowS() + 3 }));
    const stream = await EventReader.open(url, 'team/a', { token: short });
    const { data } = await stream.until('token');
    expect((JSON.parse(data) as { secondsLeft: number }).secondsLeft).toBeLessThanOrEqual(3);
    const closed = JSON.parse((await stream.until('closed')).data) as { code: string };
    expect(closed).toMatchObject({ code: 'token-expired', close: 4401, retry: 'reauthenticate' });
  });

  it('J23 a token that is revoked ends the stream at once', async () => {
    const { url, node } = await startNode(SECRET_NODE);
    const stream = await EventReader.open(url, 'team/a', { token: token() });
    await stream.until('synced');
    await node.access.revoke({ subject: 'ann', atMs: Date.now() + 1000 });
    expect(JSON.parse((await stream.until('closed')).data)).toMatchObject({
      code: 'token-revoked',
    });
  });

  it('who may only read is told so, reads, and is refused writing', async () => {
    const { url } = await startNode(SECRET_NODE);
    const stream = await EventReader.open(url, 'team/a', { token: readerToken() });
    const { access, connection } = await stream.opened();
    expect(access).toBe('read');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'x');
    const answer = await post(
      `${url}/v1/documents/team%2Fa/updates?connection=${connection}`,
      Y.encodeStateAsUpdate(doc),
      readerToken(),
    );
    expect(answer.status).toBe(403);
  });
});
