/** A client with 5,000 edits made offline comes back, while somebody else goes on editing: over every way there is. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { SyncError, syncOnce } from '../../client/index.ts';
import { startNode } from '../support/in-process-node.ts';
import { openProvider } from '../support/providers.ts';
import { findTraceOrType, replayTrace, TRACE_TEXT } from '../support/traces.ts';
import { UpgradeProxy } from '../support/upgrade-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';

const EDITS = 5000;
const ONLINE_EDITS = 400;

/** The recorded keystrokes of one person, as the edits of a document of its own. */
function typedOffline(from: number = 0, count: number = EDITS): Y.Doc {
  const doc = new Y.Doc();
  let edits = 0;
  for (const { update } of replayTrace(findTraceOrType('automerge-paper', 11, EDITS))) {
    if (edits >= from) Y.applyUpdate(doc, update);
    edits += 1;
    if (edits === from + count) break;
  }
  return doc;
}

/** Types into the same document over a socket, between its own marks, until it is stopped. */
async function typeMeanwhile(url: string, name: string): Promise<() => Promise<string>> {
  const online = openProvider(url, name, { transport: 'websocket' });
  await waitUntil('the other one is there', () => online.synced);
  const text = online.doc.getText('online');
  let count = 0;
  const timer = setInterval(() => {
    if (count < ONLINE_EDITS) text.insert(text.length, `${count++} `);
  }, 1);
  return async () => {
    await waitUntil('all online edits', () => count === ONLINE_EDITS);
    clearInterval(timer);
    await online.whenSaved();
    return text.toJSON();
  };
}

/** What a node answers to somebody with nothing. */
async function served(url: string, name: string): Promise<Y.Doc> {
  const response = await fetch(`${url}/v1/documents/${encodeURIComponent(name)}/state`);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc;
}

function canonical(doc: Y.Doc): string {
  return Buffer.from(Y.encodeStateAsUpdate(doc)).toString('hex');
}

async function expectSame(url: string, name: string, offline: Y.Doc, typed: string): Promise<void> {
  const stored = await served(url, name);
  const online = Array.from({ length: ONLINE_EDITS }, (_, index) => `${index} `).join('');
  expect(stored.getText(TRACE_TEXT).toJSON()).toBe(typed);
  expect(stored.getText('online').toJSON()).toBe(online);
  expect(canonical(offline)).toBe(canonical(stored));
}

describe('5,000 edits made offline', () => {
  it('over REST', async () => {
    const { url } = await startNode();
    const offline = typedOffline();
    const typed = offline.getText(TRACE_TEXT).toJSON();
    const stop = await typeMeanwhile(url, 'rest');
    const first = await syncOnce(url, 'rest', offline);
    await stop();
    const second = await syncOnce(url, 'rest', offline);
    expect(first.sentBytes).toBeGreaterThan(3000);
    await expectSame(url, 'rest', offline, typed);
    expect(second.requests).toBeLessThanOrEqual(2);
  });

  it.each(['websocket', 'events'] as const)('over %s', async (transport) => {
    const { url } = await startNode();
    const offline = typedOffline();
    const typed = offline.getText(TRACE_TEXT).toJSON();
    const stop = await typeMeanwhile(url, 'notes');
    const provider = openProvider(url, 'notes', { transport }, offline);
    await provider.whenSaved();
    const online = await stop();
    await waitUntil('both', () => offline.getText('online').toJSON() === online);
    expect(provider.unsavedChanges).toBe(0);
    await expectSame(url, 'notes', offline, typed);
  });

  it('half over REST and half over the socket', async () => {
    const { url } = await startNode();
    const whole = typedOffline();
    const typed = whole.getText(TRACE_TEXT).toJSON();
    const offline = typedOffline(0, EDITS / 2);
    const stop = await typeMeanwhile(url, 'notes');
    await syncOnce(url, 'notes', offline);
    Y.applyUpdate(offline, Y.encodeStateAsUpdate(whole));
    const provider = openProvider(url, 'notes', { transport: 'websocket' }, offline);
    await provider.whenSaved();
    const online = await stop();
    await waitUntil('both', () => offline.getText('online').toJSON() === online);
    expect(provider.unsavedChanges).toBe(0);
    await expectSame(url, 'notes', offline, typed);
  });

  it('half over REST and half over the socket at the same time, from two copies', async () => {
    const { url } = await startNode();
    const offline = typedOffline();
    const copy = typedOffline();
    const typed = offline.getText(TRACE_TEXT).toJSON();
    const stop = await typeMeanwhile(url, 'notes');
    const provider = openProvider(url, 'notes', { transport: 'websocket' }, copy);
    const [visit] = await Promise.all([
      syncOnce(url, 'notes', offline, { pieceBytesMax: 1024 }),
      provider.whenSaved(),
    ]);
    await stop();
    expect(visit.requests).toBeGreaterThan(1);
    await syncOnce(url, 'notes', offline);
    await expectSame(url, 'notes', offline, typed);
  });
});

describe('syncOnce', () => {
  it('sends small documents in one round trip, and creates what was made offline', async () => {
    const { url } = await startNode();
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'made offline');
    const result = await syncOnce(url, 'new/one', doc);
    expect(result.requests).toBe(1);
    expect((await served(url, 'new/one')).getText('text').toJSON()).toBe('made offline');
    expect(Buffer.from(result.stateVector)).toEqual(Buffer.from(Y.encodeStateVector(doc)));
  });

  it('sends nothing twice: a second visit costs a few bytes', async () => {
    const { url } = await startNode();
    const doc = new Y.Doc();
    for (let index = 0; index < 4000; index++)
      doc.getText('text').insert(0, `line ${index}, not merged\n`);
    const first = await syncOnce(url, 'notes', doc);
    const second = await syncOnce(url, 'notes', doc);
    expect(first.sentBytes).toBeGreaterThan(100_000);
    expect(second.sentBytes).toBeLessThan(10);
    expect(second.receivedBytes).toBeLessThan(10);
  });

  it('makes its pieces smaller when the server says 413, and leaves nothing out', async () => {
    const { url } = await startNode({ frameBytesMax: 8192 });
    const doc = typedOffline();
    doc.getText(TRACE_TEXT).insert(0, 'x'.repeat(5000));
    for (let index = 0; index < 2000; index++) doc.getText('lines').insert(0, `line ${index}\n`);
    const result = await syncOnce(url, 'notes', doc);
    expect(result.requests).toBeGreaterThan(8);
    expect(canonical(await served(url, 'notes'))).toBe(canonical(doc));
  });

  it('goes on where it was cut off', async () => {
    const { url } = await startNode();
    const proxy = await UpgradeProxy.start(url);
    const doc = typedOffline();
    let requests = 0;
    const visit = syncOnce(proxy.url, 'notes', doc, {
      pieceBytesMax: 1024,
      fetch: async (...request) => {
        requests += 1;
        // For good, in the middle.
        if (requests === 8) await proxy.stop();
        return await fetch(...request);
      },
    });
    await expect(visit).rejects.toThrow(SyncError);
    const partly = Y.encodeStateVector(await served(url, 'notes'));
    expect(partly.byteLength).toBeGreaterThan(1);
    const rest = await syncOnce(url, 'notes', doc, { pieceBytesMax: 1024 });
    expect(rest.sentBytes).toBeLessThan(Y.encodeStateAsUpdate(doc).byteLength - 4000);
    expect(canonical(await served(url, 'notes'))).toBe(canonical(doc));
  });

  it('says what the server says when it is no use', async () => {
    const { url } = await startNode();
    await expect(syncOnce(url, '../etc', new Y.Doc())).rejects.toThrow('Not a document name');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'x');
    await syncOnce(url, 'notes', doc);
    await fetch(`${url}/v1/documents/notes`, { method: 'DELETE' });
    await expect(syncOnce(url, 'notes', doc)).rejects.toMatchObject({
      code: 'document-deleted',
      retry: 'never',
    });
  });

  it('what depends on content that nobody has is not called synced', async () => {
    const { url } = await startNode();
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (let index = 0; index < 3; index++) doc.getText('text').insert(0, `${index}`);
    const holed = new Y.Doc();
    for (const update of updates.toSpliced(1, 1)) Y.applyUpdate(holed, update);
    await expect(syncOnce(url, 'notes', holed)).rejects.toThrow(SyncError);
  });
});
