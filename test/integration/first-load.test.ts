/** The first load over REST, in parallel with the connection. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { startNode } from '../support/in-process-node.ts';
import { openProvider, textOf } from '../support/providers.ts';
import { SECRET_NODE, token } from '../support/tokens.ts';
import { UpgradeProxy } from '../support/upgrade-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';

async function withText(
  url: string,
  name: string,
  options: { token?: string } = {},
): Promise<void> {
  const writer = openProvider(url, name, options);
  writer.doc.getText('text').insert(0, 'there already');
  await writer.whenSaved();
  writer.destroy();
}

describe('firstLoad', () => {
  it('shows the document before any connection, counts nothing of it as a change, and the connection brings the rest', async () => {
    const { url } = await startNode(SECRET_NODE);
    const proxy = await UpgradeProxy.start(url);
    await withText(url, 'team/a', { token: token() });
    proxy.set('swallow');
    const provider = openProvider(proxy.url, 'team/a', {
      firstLoad: true,
      transport: 'websocket',
      token: () => token(),
    });
    let loaded = 0;
    provider.on('loaded', () => {
      loaded += 1;
    });
    await waitUntil('the text', () => textOf(provider) === 'there already');
    expect(loaded).toBe(1);
    expect(provider.synced).toBe(false);
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 0 });
    provider.doc.getText('text').insert(0, 'typed before the connection, ');
    expect(provider.unsavedChanges).toBe(1);
    proxy.set('pass');
    await provider.whenSaved();
    const other = openProvider(url, 'team/a', { token: token() });
    await waitUntil('the rest', () =>
      textOf(other).startsWith('typed before the connection, there already'),
    );
  });

  it('is not made for a document that holds something, nor outside browsers unless asked for', async () => {
    const { url } = await startNode();
    const asked: string[] = [];
    const options = {
      transport: 'websocket',
      fetch: (...[target, init]: Parameters<typeof fetch>) => {
        asked.push(typeof target === 'string' ? target : '');
        return fetch(target, init);
      },
    } as const;
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'x');
    const full = openProvider(url, 'notes', { ...options, firstLoad: true }, doc);
    const plain = openProvider(url, 'notes', options);
    await waitUntil('both synced', () => full.synced && plain.synced);
    expect(asked).toEqual([]);
  });

  it('of what is not there, or cannot be had, is the connection’s to tell', async () => {
    const { url } = await startNode();
    const absent = openProvider(url, 'absent', { firstLoad: true });
    const failing = openProvider(url, 'absent', {
      firstLoad: true,
      transport: 'websocket',
      fetch: () => Promise.reject(new TypeError('blocked')),
    });
    await waitUntil('both synced', () => absent.synced && failing.synced);
    absent.doc.getText('text').insert(0, 'new');
    await waitUntil('the text', () => textOf(failing) === 'new');
  });
});
