/** `GET …/events` and `POST …/presence`, as programs see them that know the documentation only. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createParser } from 'eventsource-parser';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { EventReader } from '../../support/event-reader.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { SyncClient } from '../../support/sync-client.ts';
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

async function fetchBase(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^compactions_total (\d+)/m.exec(text)?.[1] ?? 0);
}

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
