/** The unmodified client packages, connected as their users connect them. */
import { YSweetProvider } from '@y-sweet/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { startNode } from '../support/in-process-node.ts';
import { waitUntil } from '../support/wait-until.ts';

// Both packages take any class that behaves like the browser's; their types name the DOM's own.
const polyfill = WebSocket as unknown as typeof globalThis.WebSocket;

function yWebsocket(url: string, document: string, doc: Y.Doc = new Y.Doc()): WebsocketProvider {
  const provider = new WebsocketProvider(url, document, doc, {
    WebSocketPolyfill: polyfill,
    disableBc: true,
  });
  onTestFinished(() => {
    provider.destroy();
  });
  return provider;
}

function ySweet(url: string, document: string, doc: Y.Doc = new Y.Doc()): YSweetProvider {
  const token = {
    url: `${url}/d/${document}/ws`,
    baseUrl: `${url.replace(/^ws/, 'http')}/d/${document}`,
    docId: document,
    token: 'opaque',
    authorization: 'full' as const,
  };
  const provider = new YSweetProvider(() => Promise.resolve(token), document, doc, {
    WebSocketPolyfill: polyfill,
    showDebuggerLink: false,
  });
  onTestFinished(() => {
    provider.destroy();
  });
  return provider;
}

describe('y-websocket 3', () => {
  it('[I10] syncs, converges, shows cursors, and a goodbye removes them', async () => {
    const { webSocketUrl } = await startNode();
    const a = yWebsocket(webSocketUrl, 'team/notes');
    const b = yWebsocket(webSocketUrl, 'team/notes');
    await waitUntil('both synced', () => a.synced && b.synced);
    a.doc.getText('text').insert(0, 'from a');
    await waitUntil('the edit', () => b.doc.getText('text').toString() === 'from a');
    a.awareness.setLocalStateField('user', { name: 'Ada' });
    await waitUntil('the cursor', () =>
      [...b.awareness.getStates().values()].some((state) => 'user' in state),
    );
    a.destroy();
    await waitUntil('the goodbye', () => !b.awareness.getStates().has(a.doc.clientID));
  });

  it('[I10] brings its offline edits along when it comes back', async () => {
    const { webSocketUrl } = await startNode();
    const a = yWebsocket(webSocketUrl, 'notes');
    await waitUntil('synced', () => a.synced);
    a.disconnect();
    a.doc.getText('text').insert(0, 'offline');
    const b = yWebsocket(webSocketUrl, 'notes');
    await waitUntil('b synced', () => b.synced);
    b.doc.getText('text').insert(0, 'meanwhile ');
    a.connect();
    await waitUntil(
      'convergence',
      () =>
        a.doc.getText('text').toString() === b.doc.getText('text').toString() &&
        b.doc.getText('text').toString().includes('offline'),
    );
  });

  it(
    'stays connected to a quiet room for longer than its 30 s liveness timer',
    { timeout: 60_000 },
    async () => {
      const { webSocketUrl } = await startNode();
      const a = yWebsocket(webSocketUrl, 'notes');
      let connections = 0;
      a.on('status', ({ status }: { status: string }) => {
        if (status === 'connected') connections += 1;
      });
      await waitUntil('synced', () => a.synced);
      const startedMs = performance.now();
      await waitUntil('36 s', () => performance.now() - startedMs > 36_000, 40_000);
      expect(connections).toBe(1);
    },
  );
});

describe('Y-Sweet 0.9', () => {
  it('[I1] learns that its edits are durable, and not before they are', async () => {
    let store: MemoryStore | undefined;
    const { webSocketUrl } = await startNode(
      {},
      {
        createStore: (observer) => {
          store = new MemoryStore({ observer });
          return store;
        },
      },
    );
    const doc = new Y.Doc();
    const a = ySweet(webSocketUrl, 'notes', doc);
    await waitUntil('connected', () => a.status === 'connected');
    doc.getText('text').insert(0, 'saved');
    await waitUntil('saved', () => !a.hasLocalChanges);
    store?.failWrites();
    doc.getText('text').insert(0, 'not yet ');
    expect(a.hasLocalChanges).toBe(true);
    let drops = 0;
    a.on('connection-close', () => {
      drops += 1;
    });
    // Its own patience ends 3 s after an unanswered request: the connection must outlive that.
    const startedMs = performance.now();
    await waitUntil('6 s of a store that stalls', () => performance.now() - startedMs > 6000, 8000);
    expect(a.hasLocalChanges).toBe(true);
    expect(drops).toBe(0);
    store?.recover();
    await waitUntil('saved after all', () => !a.hasLocalChanges);
  });

  it('[I1] offline edits count as unsaved until they are durable, although its first request comes before them', async () => {
    let store: MemoryStore | undefined;
    const { webSocketUrl } = await startNode(
      {},
      {
        createStore: (observer) => {
          store = new MemoryStore({ observer });
          return store;
        },
      },
    );
    const doc = new Y.Doc();
    const a = ySweet(webSocketUrl, 'notes', doc);
    await waitUntil('connected', () => a.status === 'connected');
    a.disconnect();
    doc.getText('text').insert(0, 'offline');
    store?.failWrites();
    void a.connect();
    await waitUntil('connected again', () => a.status === 'connected');
    expect(a.hasLocalChanges).toBe(true);
    store?.recover();
    await waitUntil('saved', () => !a.hasLocalChanges);
    const b = yWebsocket(webSocketUrl, 'notes');
    await waitUntil('the text', () => b.doc.getText('text').toString() === 'offline');
  });
});
