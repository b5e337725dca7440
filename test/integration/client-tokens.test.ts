/** The client library and its tokens, over both transports, against a node that asks for them. */
import { describe, expect, it } from 'vitest';
import { syncOnce } from '../../client/index.ts';
import type { CloseReason, SaveStatus, SynclineProvider } from '../../client/index.ts';
import * as Y from 'yjs';
import { startNode } from '../support/in-process-node.ts';
import { openProvider, textOf } from '../support/providers.ts';
import { claims, hs256, nowS, reader, SECRET_NODE, token } from '../support/tokens.ts';
import { waitUntil } from '../support/wait-until.ts';

const NAME = 'team/notes';
const endsIn = (seconds: number): string => hs256(claims({ exp: nowS() + seconds }));

function watch(provider: SynclineProvider): {
  readonly states: SaveStatus['state'][];
  readonly closed: CloseReason[];
} {
  const states: SaveStatus['state'][] = [];
  const closed: CloseReason[] = [];
  provider.on('status', ({ state }) => states.push(state));
  provider.on('closed', (reason) => closed.push(reason));
  return { states, closed };
}

describe.each(['websocket', 'events'] as const)('over %s', (transport) => {
  it('a token lets in, and stands in no URL', async () => {
    const { url } = await startNode(SECRET_NODE);
    const seen: string[] = [];
    const provider = openProvider(url, NAME, {
      transport,
      token: token(),
      fetch: (target, init) => {
        seen.push(typeof target === 'string' ? target : 'something else');
        return fetch(target, init);
      },
    });
    provider.doc.getText('text').insert(0, 'let in');
    await provider.whenSaved();
    expect(seen.filter((address) => address.includes('token'))).toEqual([]);
    const other = openProvider(url, NAME, { transport, params: { token: token() } });
    await waitUntil('the text', () => textOf(other) === 'let in');
  });

  it('J21 J22 is renewed before it ends, and the connection goes on', async () => {
    const { url } = await startNode(SECRET_NODE);
    let asked = 0;
    const provider = openProvider(url, NAME, {
      transport,
      token: () => Promise.resolve(asked++ === 0 ? endsIn(4) : token()),
    });
    await waitUntil('synced', () => provider.synced);
    const { states, closed } = watch(provider);
    const endMs = Date.now() + 6000;
    let count = 0;
    await waitUntil('well past its end', () => {
      provider.doc.getText('text').insert(0, `${count++} `);
      return Date.now() > endMs;
    });
    await provider.whenSaved();
    expect(states).not.toContain('offline');
    expect(closed).toEqual([]);
    expect(asked).toBeLessThanOrEqual(3);
  });

  it('refused, it is asked for once more, and then the end is told', async () => {
    const { url } = await startNode(SECRET_NODE);
    let asked = 0;
    const provider = openProvider(url, NAME, {
      transport,
      token: () => {
        asked += 1;
        return 'no token at all';
      },
    });
    const { closed } = watch(provider);
    await waitUntil('closed', () => closed.length === 1);
    expect(closed[0]).toMatchObject({ closeCode: 4401, retry: 'reauthenticate' });
    expect(provider.status.state).toBe('offline');
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(5);
  });

  it('refused the first time, good the second: it connects', async () => {
    const { url } = await startNode(SECRET_NODE);
    let asked = 0;
    const provider = openProvider(url, NAME, {
      transport,
      token: () => (asked++ === 0 ? endsIn(-600) : token()),
    });
    await waitUntil('synced', () => provider.synced);
    expect(asked).toBe(2);
  });

  it('of a fixed token nobody is asked: refused is the end', async () => {
    const { url } = await startNode(SECRET_NODE);
    const provider = openProvider(url, NAME, { transport, token: endsIn(-600) });
    const { closed } = watch(provider);
    await waitUntil('closed', () => closed.length === 1);
  });

  it('a function that fails is tried again, like a network that does', async () => {
    const { url } = await startNode(SECRET_NODE);
    let asked = 0;
    const provider = openProvider(url, NAME, {
      transport,
      token: () => {
        asked += 1;
        if (asked < 4) throw new Error('the application is offline');
        return token();
      },
    });
    await waitUntil('synced', () => provider.synced);
  });

  it('for another document is the end, and says so', async () => {
    const { url } = await startNode(SECRET_NODE);
    const provider = openProvider(url, 'private', { transport, token: token() });
    const { closed } = watch(provider);
    await waitUntil('closed', () => closed.length === 1);
    expect(closed[0]?.retry).toBe('never');
  });

  it('to read only: reads, and writing is the end of it', async () => {
    const { url } = await startNode(SECRET_NODE);
    const writer = openProvider(url, NAME, { transport, token: token() });
    writer.doc.getText('text').insert(0, 'for all to read');
    await writer.whenSaved();
    const provider = openProvider(url, NAME, { transport, token: reader() });
    const { closed } = watch(provider);
    await waitUntil('the text', () => textOf(provider) === 'for all to read');
    await waitUntil('synced', () => provider.synced);
    writer.doc.getText('text').insert(0, 'more ');
    await waitUntil('more', () => textOf(provider) === 'more for all to read');
    expect(closed).toEqual([]);
    provider.doc.getText('text').insert(0, 'x');
    await waitUntil('closed', () => closed.length === 1);
    expect(closed[0]).toMatchObject({ closeCode: 4403, code: 'read-only' });
    expect(provider.status.hasUnsavedChanges).toBe(true);
  });
});

it('sync over REST takes the same tokens', async () => {
  const { url } = await startNode(SECRET_NODE);
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'offline');
  let asked = 0;
  await syncOnce(url, NAME, doc, { token: () => (asked++ === 0 ? endsIn(-600) : token()) });
  expect(asked).toBe(2);
  await expect(syncOnce(url, NAME, doc, { token: 'none' })).rejects.toMatchObject({
    retry: 'reauthenticate',
  });
});
