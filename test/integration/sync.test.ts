import * as decoding from 'lib0/decoding';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MESSAGE, SYNC } from '../../server/protocol/messages.ts';
import { metric, startNode } from '../support/in-process-node.ts';
import { SyncClient } from '../support/sync-client.ts';
import { waitUntil } from '../support/wait-until.ts';

/** The (type, subtype) of every frame received, awareness left out. */
function syncSubtypes(client: SyncClient): number[] {
  return client.frames.flatMap((frame) => {
    const decoder = decoding.createDecoder(frame);
    return decoding.readVarUint(decoder) === MESSAGE.sync ? [decoding.readVarUint(decoder)] : [];
  });
}

async function joined(url: string, document: string, doc?: Y.Doc): Promise<SyncClient> {
  const client = new SyncClient(url, document, doc === undefined ? {} : { doc });
  await client.whenSynced();
  return client;
}

/** A document of about `bytes` encoded, as one update. */
function largeDocument(bytes: number): Y.Doc {
  const doc = new Y.Doc();
  const map = doc.getMap('map');
  const value = 'x'.repeat(1000);
  doc.transact(() => {
    for (let index = 0; index * 1020 < bytes; index += 1) map.set(`key-${index}`, value);
  });
  return doc;
}

describe('a room', () => {
  it('forwards, stores and acks; a fresh client sees it all', async () => {
    const { webSocketUrl } = await startNode();
    const a = await joined(webSocketUrl, 'notes');
    const b = await joined(webSocketUrl, 'notes');
    a.doc.getText('text').insert(0, 'hello');
    await b.until('the edit', () => b.text === 'hello');
    b.doc.getText('text').insert(5, ' world');
    await a.until('the answer', () => a.text === 'hello world');
    await b.whenAcked(b.requestAck());
    const c = await joined(webSocketUrl, 'notes');
    expect(c.text).toBe('hello world');
    for (const client of [a, b, c]) client.destroy();
  });

  it('keeps documents apart', async () => {
    const { webSocketUrl } = await startNode();
    const a = await joined(webSocketUrl, 'a');
    const b = await joined(webSocketUrl, 'b');
    a.doc.getText('text').insert(0, 'only in a');
    await a.whenAcked(a.requestAck());
    expect(b.text).toBe('');
    const again = await joined(webSocketUrl, 'b');
    expect(again.text).toBe('');
    for (const client of [a, b, again]) client.destroy();
  });

  it('survives a restart', async () => {
    const first = await startNode();
    const { dataDir } = first.node.config;
    const a = await joined(first.webSocketUrl, 'notes');
    a.doc.getText('text').insert(0, 'kept');
    await a.whenAcked(a.requestAck());
    a.destroy();
    await first.node.close();
    const second = await startNode({ dataDir });
    const b = await joined(second.webSocketUrl, 'notes');
    expect(b.text).toBe('kept');
    b.destroy();
  });

  it('neither stores nor forwards what brings nothing new', async () => {
    const { node, webSocketUrl } = await startNode();
    const a = await joined(webSocketUrl, 'notes');
    a.doc.getText('text').insert(0, 'once');
    const update = Y.encodeStateAsUpdate(a.doc);
    await a.whenAcked(a.requestAck());
    const b = await joined(webSocketUrl, 'notes');
    const before = b.frames.length;
    for (let count = 0; count < 100; count += 1) a.sendSync(SYNC.update, update);
    await a.whenAcked(a.requestAck());
    expect(await metric(node, 'updates_accepted_total')).toBe(1);
    expect(await metric(node, 'updates_redundant_total')).toBeGreaterThanOrEqual(100);
    expect(syncSubtypes(b).length).toBe(syncSubtypes(b).slice(0, before).length);
    a.destroy();
    b.destroy();
  });

  it('heals a gap: asks its sender for everything, and acks only then', async () => {
    const { webSocketUrl } = await startNode();
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    const a = await joined(webSocketUrl, 'notes');
    for (const letter of 'abc') doc.getText('text').insert(doc.getText('text').length, letter);
    // The first of three updates gets lost on the way; the client has it all, and answers when asked.
    Y.applyUpdate(a.doc, Y.encodeStateAsUpdate(doc), a);
    a.sendSync(SYNC.update, updates[1] ?? new Uint8Array());
    a.sendSync(SYNC.update, updates[2] ?? new Uint8Array());
    await a.whenAcked(a.requestAck());
    const b = await joined(webSocketUrl, 'notes');
    expect(b.text).toBe('abc');
    a.destroy();
    b.destroy();
  });

  it('[I3] a client that never fills its gap gets no ack, and changes nothing', async () => {
    const { node, webSocketUrl } = await startNode();
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const letter of 'ab') doc.getText('text').insert(doc.getText('text').length, letter);
    const a = new SyncClient(webSocketUrl, 'notes', { answersStep1: false });
    await a.whenSynced();
    a.sendSync(SYNC.update, updates[1] ?? new Uint8Array());
    a.requestAck();
    const b = await joined(webSocketUrl, 'notes');
    expect(b.text).toBe('');
    expect(a.ackedVersion).toBe(0);
    expect(await metric(node, 'updates_accepted_total')).toBe(0);
    a.destroy();
    b.destroy();
  });

  it('takes what can be integrated of an answer that has gaps itself', async () => {
    const { webSocketUrl } = await startNode();
    const other = new Y.Doc();
    const lost: Uint8Array[] = [];
    other.on('update', (update: Uint8Array) => lost.push(update));
    for (const letter of 'xy') other.getText('text').insert(other.getText('text').length, letter);
    // This client holds the second of two updates, which it cannot integrate, and an edit of its own.
    const doc = new Y.Doc();
    Y.applyUpdate(doc, lost[1] ?? new Uint8Array());
    doc.getText('text').insert(0, 'mine');
    const a = await joined(webSocketUrl, 'notes', doc);
    const b = await joined(webSocketUrl, 'notes');
    await b.until('the edit', () => b.text === 'mine');
    expect(a.isClosed).toBe(false);
    a.destroy();
    b.destroy();
  });

  it('[I3] refuses poison, tells its sender, and the room works on for others', async () => {
    const { node, webSocketUrl } = await startNode();
    const healthy = await joined(webSocketUrl, 'notes');
    healthy.doc.getText('text').insert(0, 'fine');
    await healthy.whenAcked(healthy.requestAck());
    const hostile = await joined(webSocketUrl, 'notes');
    hostile.sendSync(SYNC.update, Buffer.from('01010100840105017800', 'hex'));
    await hostile.whenClosed();
    expect(hostile.closeCode).toBe(1007);
    expect(hostile.closeReason).toContain('invalid-update');
    healthy.doc.getText('text').insert(0, 'still ');
    await healthy.whenAcked(healthy.requestAck());
    const fresh = await joined(webSocketUrl, 'notes');
    expect(fresh.text).toBe('still fine');
    expect(await metric(node, 'update_rejected_total{reason="bad-origin"}')).toBe(1);
    for (const client of [healthy, hostile, fresh]) client.destroy();
  });

  it('accepts 5 MB of offline work in one SyncStep2, and gives it to others in chunks', async () => {
    const { node, webSocketUrl } = await startNode({ roomIdleMs: 50 });
    const a = await joined(webSocketUrl, 'large', largeDocument(5_000_000));
    await a.whenAcked(a.requestAck());
    a.destroy();
    await waitUntil(
      'compaction',
      async () => (await metric(node, 'compactions_total')) > 0,
      30_000,
    );
    const b = await joined(webSocketUrl, 'large');
    expect(b.doc.getMap('map').size).toBe(Math.ceil(5_000_000 / 1020));
    const subtypes = syncSubtypes(b);
    expect(subtypes.filter((subtype) => subtype === SYNC.update).length).toBeGreaterThan(15);
    // The first SyncStep2 makes a client "synced", so it comes last.
    expect(subtypes.indexOf(SYNC.step2)).toBe(subtypes.length - 1);
    expect(Math.max(...b.frames.map((frame) => frame.byteLength))).toBeLessThan(600_000);
    expect(b.doc.store.pendingStructs).toBeNull();
    b.destroy();
  });

  it('gives 12 MB of offline work to those who are there, and nobody is disconnected for it', async () => {
    const { webSocketUrl } = await startNode();
    const there = await joined(webSocketUrl, 'large');
    const a = await joined(webSocketUrl, 'large', largeDocument(12_000_000));
    await a.whenAcked(a.requestAck());
    const size = Math.ceil(12_000_000 / 1020);
    await there.until('all of it', () => there.doc.getMap('map').size === size);
    expect(there.isClosed).toBe(false);
    a.destroy();
    there.destroy();
  });

  it('gives a client that comes back exactly what it lacks', async () => {
    const { node, webSocketUrl } = await startNode({ roomIdleMs: 50 });
    const a = await joined(webSocketUrl, 'large', largeDocument(2_000_000));
    await a.whenAcked(a.requestAck());
    const offline = new Y.Doc();
    Y.applyUpdate(offline, Y.encodeStateAsUpdate(a.doc));
    a.doc.getMap('map').delete('key-7');
    a.doc.getText('text').insert(0, 'new');
    await a.whenAcked(a.requestAck());
    a.destroy();
    await waitUntil(
      'compaction',
      async () => (await metric(node, 'compactions_total')) > 0,
      30_000,
    );
    offline.getText('text').insert(0, 'offline ');
    const b = await joined(webSocketUrl, 'large', offline);
    await b.whenAcked(b.requestAck());
    expect(b.doc.getMap('map').has('key-7')).toBe(false);
    expect(b.text).toContain('new');
    const received = b.frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    expect(received).toBeLessThan(20_000);
    const fresh = await joined(webSocketUrl, 'large');
    expect(fresh.text).toContain('offline ');
    expect(fresh.doc.getMap('map').has('key-7')).toBe(false);
    b.destroy();
    fresh.destroy();
  });

  it('[I6] a reader that stops reading costs a flag, not a queue, and catches up when it is back', async () => {
    const { node, webSocketUrl } = await startNode({
      sendBufferBytes: 64 * 1024,
      // A busy machine takes longer to fill the buffer than a reader may do nothing.
      sendStallMs: 60_000,
    });
    const writer = await joined(webSocketUrl, 'notes');
    const slow = await joined(webSocketUrl, 'notes');
    slow.socket.pause();
    const text = writer.doc.getText('text');
    await waitUntil(
      'the reader to lag',
      async () => {
        for (let count = 0; count < 20; count += 1) text.insert(0, 'y'.repeat(20_000));
        return (await metric(node, 'slow_consumers_total')) > 0;
      },
      30_000,
    );
    for (let count = 0; count < 20; count += 1) text.insert(0, 'z'.repeat(20_000));
    await writer.whenAcked(writer.requestAck());
    slow.socket.resume();
    await slow.until('everything', () => slow.text.length === writer.text.length);
    expect(slow.text).toBe(writer.text);
    writer.doc.getText('text').insert(0, 'live again');
    await slow.until('the next edit', () => slow.text.startsWith('live again'));
    writer.destroy();
    slow.destroy();
  });

  it('[I6] a document at its size limit refuses additions, takes deletions, and stays readable', async () => {
    const { webSocketUrl } = await startNode({ documentBytesMax: 50_000 });
    const a = await joined(webSocketUrl, 'notes');
    a.doc.getText('text').insert(0, 'x'.repeat(40_000));
    await a.whenAcked(a.requestAck());
    a.doc.getText('text').delete(0, 10);
    await a.whenAcked(a.requestAck());
    a.doc.getText('text').insert(0, 'y'.repeat(20_000));
    await a.whenClosed();
    expect(a.closeCode).toBe(4413);
    const b = await joined(webSocketUrl, 'notes');
    expect(b.text).toBe('x'.repeat(39_990));
    a.destroy();
    b.destroy();
  });
});

describe('the edge', () => {
  it('closes text frames with 1003 and unknown messages with 1007', async () => {
    const { webSocketUrl } = await startNode();
    const text = await joined(webSocketUrl, 'notes');
    text.socket.send('hi');
    await text.whenClosed();
    expect(text.closeCode).toBe(1003);
    const unknown = await joined(webSocketUrl, 'notes');
    unknown.send(Uint8Array.of(7));
    await unknown.whenClosed();
    expect(unknown.closeCode).toBe(1007);
  });

  it('refuses a foreign page with 403, a bad name with 400, one connection too many with 503', async () => {
    const { webSocketUrl } = await startNode({ connectionsMax: 1 });
    const answers = async (document: string, origin?: string): Promise<number> => {
      const client = new SyncClient(webSocketUrl, document, origin === undefined ? {} : { origin });
      const status = await new Promise<number>((resolve) => {
        client.socket.on('unexpected-response', (_request, response) => {
          resolve(response.statusCode ?? 0);
        });
        client.socket.on('open', () => {
          resolve(101);
        });
      });
      if (status !== 101) client.destroy();
      return status;
    };
    expect(await answers('notes', 'https://evil.example')).toBe(403);
    expect(await answers('a//b')).toBe(400);
    expect(await answers('notes')).toBe(101);
    expect(await answers('notes')).toBe(503);
  });

  it('closes a frame over the limit with 1009', async () => {
    const { webSocketUrl } = await startNode({ frameBytesMax: 10_000 });
    const client = await joined(webSocketUrl, 'notes');
    client.send(new Uint8Array(10_001));
    await client.whenClosed();
    expect(client.closeCode).toBe(1009);
  });

  it('keeps a quiet connection alive with a message that says nothing', async () => {
    const { webSocketUrl } = await startNode({ keepAliveMs: 200 });
    const client = await joined(webSocketUrl, 'notes');
    await waitUntil(
      'a keep-alive',
      () => client.frames.some((frame) => Buffer.from(frame).toString('hex') === '010100'),
      5000,
    );
    client.destroy();
  });

  it('drains: says goodbye with a retryable code, having committed everything', async () => {
    const { node, url, webSocketUrl } = await startNode();
    const { dataDir } = node.config;
    const a = await joined(webSocketUrl, 'notes');
    a.doc.getText('text').insert(0, 'last words');
    await a.until('sent', () => a.socket.bufferedAmount === 0);
    await waitUntil('accepted', async () => (await metric(node, 'updates_accepted_total')) === 1);
    await node.drain();
    await a.whenClosed();
    expect(a.closeCode).toBe(1012);
    await expect(fetch(`${url}/readyz`)).rejects.toThrow();
    a.destroy();
    const again = await startNode({ dataDir });
    const b = await joined(again.webSocketUrl, 'notes');
    expect(b.text).toBe('last words');
    b.destroy();
  });
});
