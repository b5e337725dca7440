/** The client library over a real node, through a proxy that does to WebSockets what proxies do. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { SynclineProvider } from '../../client/index.ts';
import type { SaveStatus } from '../../client/index.ts';
import { startNode } from '../support/in-process-node.ts';
import { openProvider, textOf } from '../support/providers.ts';
import { UpgradeProxy, type UpgradeMode } from '../support/upgrade-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';

async function isSaved(...providers: readonly SynclineProvider[]): Promise<void> {
  await waitUntil('saved', () => providers.every(({ status }) => status.state === 'saved'));
}

async function converge(text: string, ...providers: readonly SynclineProvider[]): Promise<void> {
  await waitUntil(`everybody reads “${text.slice(0, 40)}”`, () =>
    providers.every((provider) => textOf(provider) === text),
  );
}

const names = (provider: SynclineProvider): string =>
  JSON.stringify([...provider.awareness.getStates().values()]);

describe('events and POSTs', () => {
  it('one on a socket, one on events: text and presence, both ways', async () => {
    const { url } = await startNode();
    const socket = openProvider(url, 'notes', { transport: 'websocket' });
    const events = openProvider(url, 'notes', { transport: 'events' });
    await waitUntil('both synced', () => socket.synced && events.synced);
    expect([socket.transport, events.transport]).toEqual(['websocket', 'events']);
    socket.doc.getText('text').insert(0, 'from the socket');
    await converge('from the socket', events);
    events.doc.getText('text').insert(0, 'from events, ');
    await converge('from events, from the socket', socket);
    await isSaved(socket, events);
    socket.awareness.setLocalStateField('user', { name: 'Ada' });
    events.awareness.setLocalStateField('user', { name: 'Ben' });
    await waitUntil('they see each other', () =>
      [socket, events].every((one) => names(one).includes('Ada') && names(one).includes('Ben')),
    );
    events.destroy();
    await waitUntil('Ben is gone', () => !names(socket).includes('Ben'));
  });

  it('needs nothing but `fetch`: Node 20 has no WebSocket of its own', async () => {
    const { url } = await startNode();
    vi.stubGlobal('WebSocket', undefined);
    const provider = new SynclineProvider(url, 'notes', new Y.Doc(), { disableBc: true });
    vi.unstubAllGlobals();
    onTestFinished(() => provider.destroy());
    provider.doc.getText('text').insert(0, 'no socket');
    await provider.whenSaved();
    expect(provider.transport).toBe('events');
  });

  it('types faster than POSTs return: nothing is lost, and one POST carries many changes', async () => {
    const { url, node } = await startNode();
    const writer = openProvider(url, 'notes', { transport: 'events' });
    const reader = openProvider(url, 'notes', { transport: 'events' });
    await waitUntil('both synced', () => writer.synced && reader.synced);
    let text = '';
    for (let index = 0; index < 2000; index++) {
      const word = `${index} `;
      writer.doc.getText('text').insert(text.length, word);
      text += word;
      if (index % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await writer.whenSaved();
    await converge(text, reader);
    const posts = (await node.metrics()).split('\n').filter((line) => /updates/.test(line));
    expect(writer.status.unsavedChanges, posts.join('\n')).toBe(0);
  });

  it('[I1] [I5] is saved when the disk has it, and not while it refuses', async () => {
    let store: MemoryStore | undefined;
    const { url } = await startNode(
      {},
      {
        createStore: (observer) => {
          store = new MemoryStore({ observer });
          return store;
        },
      },
    );
    const provider = openProvider(url, 'notes', { transport: 'events' });
    await waitUntil('synced', () => provider.synced);
    provider.doc.getText('text').insert(0, 'saved');
    await isSaved(provider);
    store?.failWrites();
    const seen: SaveStatus['state'][] = [];
    provider.on('status', ({ state }) => seen.push(state));
    provider.doc.getText('text').insert(0, 'not yet ');
    const startMs = performance.now();
    await waitUntil('2 s', () => performance.now() - startMs > 2000);
    expect(provider.status).toMatchObject({ state: 'saving', hasUnsavedChanges: true });
    expect(seen).not.toContain('saved');
    store?.recover();
    await isSaved(provider);
    const other = openProvider(url, 'notes', { transport: 'events' });
    await converge('not yet saved', other);
  });

  it('a cut stream is opened again from where it was, wherever it was cut, and nothing is missing', async () => {
    const { url } = await startNode();
    const proxy = await UpgradeProxy.start(url);
    const writer = openProvider(url, 'notes', { transport: 'websocket' });
    const reader = openProvider(proxy.url, 'notes', { transport: 'events' });
    await waitUntil('both synced', () => writer.synced && reader.synced);
    let text = '';
    for (let round = 0; round < 60; round++) {
      // Headers, the open event, the middle of an update, between two: everything is hit.
      proxy.cutAfterBytes = 150 + round * 31;
      proxy.cut();
      for (let index = 0; index < 5; index++) {
        const word = `${round}.${index} `;
        writer.doc.getText('text').insert(text.length, word);
        text += word;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await converge(text, reader);
    }
    expect(reader.doc.store.pendingStructs).toBeNull();
  });

  it('saves through a proxy that cuts every connection after a while', async () => {
    const { url } = await startNode();
    const proxy = await UpgradeProxy.start(url);
    const writer = openProvider(proxy.url, 'notes', { transport: 'events' });
    await waitUntil('synced', () => writer.synced);
    let text = '';
    for (let round = 0; round < 20; round++) {
      writer.doc.getText('text').insert(text.length, `${round} `);
      text += `${round} `;
      await new Promise((resolve) => setTimeout(resolve, 10));
      proxy.cut();
    }
    await isSaved(writer);
    const reader = openProvider(url, 'notes', { transport: 'events' });
    await converge(text, reader);
  });
});

describe('a proxy that', () => {
  const modes: readonly UpgradeMode[] = ['refuse', 'kill', 'swallow'];
  it.each(modes)(
    '%ss WebSockets: the client changes to events, and back when that stops, and no edit is lost',
    async (mode) => {
      const { url } = await startNode();
      const proxy = await UpgradeProxy.start(url);
      const other = openProvider(url, 'notes', { transport: 'websocket' });
      proxy.set(mode);
      const provider = openProvider(proxy.url, 'notes');
      const seen: (string | null)[] = [];
      provider.on('transport', (transport) => seen.push(transport));
      let count = 0;
      const type = (): void => {
        provider.doc.getText('text').insert(provider.doc.getText('text').length, `${count++} `);
      };
      const timer = setInterval(type, 5);
      await waitUntil('it is on events', () => provider.transport === 'events');
      await waitUntil('some were saved', () => provider.status.unsavedChanges < 20 && count > 40);
      const states: string[] = [];
      provider.on('status', ({ state, unsavedChanges }) => {
        if (state === 'saved' && unsavedChanges > 0) throw new Error('saved, with changes');
        states.push(state);
      });
      proxy.set('pass');
      // What was typed last is still waiting for its POST when the other transport takes over.
      provider.on('transport', () => clearInterval(timer));
      await waitUntil('it is back', () => provider.transport === 'websocket', 20_000);
      await isSaved(provider);
      // From one to the other without a moment offline.
      expect(states).not.toContain('offline');
      const text = Array.from({ length: count }, (_, index) => `${index} `).join('');
      await converge(text, provider, other);
      expect(seen.at(-1)).toBe('websocket');
      await waitUntil('the stream is gone', async () => {
        const line = (await (await fetch(`${url}/metrics`)).text())
          .split('\n')
          .find((row) => row.startsWith('connections '));
        return line === 'connections 2';
      });
    },
  );

  it('begins to end WebSockets while people type: events take over, both ways', async () => {
    const { url } = await startNode();
    const proxy = await UpgradeProxy.start(url);
    const [a, b] = [openProvider(proxy.url, 'notes'), openProvider(proxy.url, 'notes')];
    await waitUntil('both on sockets', () => a.synced && b.synced);
    a.doc.getText('text').insert(0, 'before ');
    proxy.set('kill');
    a.doc.getText('text').insert(0, 'meanwhile ');
    await waitUntil('both on events', () => a.transport === 'events' && b.transport === 'events');
    b.doc.getText('text').insert(0, 'after ');
    await isSaved(a, b);
    await waitUntil('convergence', () => textOf(a) === textOf(b));
    expect(textOf(a).split(' ').toSorted()).toEqual(['', 'after', 'before', 'meanwhile']);
  });

  it('is alone, without a node: neither transport is called better', async () => {
    const { url, node } = await startNode();
    const proxy = await UpgradeProxy.start(url);
    const provider = openProvider(proxy.url, 'notes');
    await waitUntil('synced', () => provider.synced);
    await node.close();
    await waitUntil('several attempts', () => proxy.upgrades > 6);
    expect(provider.status.state).toBe('offline');
    expect(provider.transport).toBeNull();
  });
});
