/** The unmodified client packages with tokens: let in, told why not, warned, and none the worse for it. */
import { YSweetProvider } from '@y-sweet/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import type { Config } from '../../../server/options.ts';
import { startNode, type RunningNode } from '../../support/in-process-node.ts';
import { nowS, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

// Both packages take any class that behaves like the browser's; their types name the DOM's own.
const polyfill = WebSocket as unknown as typeof globalThis.WebSocket;
const DOCUMENT = 'team/notes';
/** Y-Sweet's names have no slash. */
const PLAIN = 'notes';

const start = (config: Partial<Config> = {}): Promise<RunningNode> =>
  startNode(
    { ...SECRET_NODE, ...config },
    { createStore: (observer) => new MemoryStore({ observer }) },
  );

const plainToken = (changes: Record<string, unknown> = {}): string =>
  token({ docs: [{ match: PLAIN, access: 'write' }], ...changes });

interface Observed {
  readonly provider: WebsocketProvider;
  readonly closes: string[];
  opened: number;
}

function yWebsocket(
  url: string,
  options: ConstructorParameters<typeof WebsocketProvider>[3],
  document: string = DOCUMENT,
): Observed {
  const provider = new WebsocketProvider(url, document, new Y.Doc(), {
    WebSocketPolyfill: polyfill,
    disableBc: true,
    ...options,
  });
  onTestFinished(() => {
    provider.destroy();
  });
  const observed: Observed = { provider, closes: [], opened: 0 };
  provider.on('status', ({ status }) => {
    if (status === 'connected') observed.opened += 1;
  });
  provider.on('connection-close', (event) => {
    observed.closes.push(`${event?.code} ${event?.reason}`);
  });
  return observed;
}

function ySweet(url: string, tokens: () => string, doc: Y.Doc): YSweetProvider {
  const provider = new YSweetProvider(
    () =>
      Promise.resolve({
        url: `${url}/d/${PLAIN}/ws`,
        baseUrl: `${url.replace(/^ws/, 'http')}/d/${PLAIN}`,
        docId: PLAIN,
        token: tokens(),
        authorization: 'full' as const,
      }),
    PLAIN,
    doc,
    { WebSocketPolyfill: polyfill, showDebuggerLink: false },
  );
  onTestFinished(() => {
    provider.destroy();
  });
  return provider;
}

describe('y-websocket 3', () => {
  it('[I10] is let in by `params` and by `protocols`', async () => {
    const { webSocketUrl } = await start();
    const a = yWebsocket(webSocketUrl, { params: { token: token() } });
    const b = yWebsocket(webSocketUrl, { protocols: ['syncline', `token.${token()}`] });
    await waitUntil('both synced', () => a.provider.synced && b.provider.synced);
    a.provider.doc.getText('text').insert(0, 'hello');
    await waitUntil('the edit', () => b.provider.doc.getText('text').toJSON() === 'hello');
  });

  it.each([
    ['no token', {}, '4401 missing-token'],
    ['a bad token', { token: 'bad' }, '4401 invalid-token'],
    ['a token for another document', { token: plainToken() }, '4403 forbidden'],
  ])('%s: told once, and does not try again', async (_name, params, reason) => {
    const { webSocketUrl } = await start();
    const { provider, closes } = yWebsocket(webSocketUrl, { params });
    await waitUntil('the goodbye', () => closes.length > 0);
    expect(closes).toEqual([reason]);
    expect(provider.shouldConnect).toBe(false);
  });

  it('J21 the warning does nothing to it: it stays, edits, and says nothing', async () => {
    const complaints = [
      vi.spyOn(console, 'error').mockImplementation(() => undefined),
      vi.spyOn(console, 'warn').mockImplementation(() => undefined),
    ];
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const { webSocketUrl } = await start();
    const warned = yWebsocket(webSocketUrl, { params: { token: token({ exp: nowS() + 30 }) } });
    const other = yWebsocket(webSocketUrl, { params: { token: token() } });
    const { provider } = warned;
    await waitUntil('synced', () => provider.synced && other.provider.synced);
    let isWarned = false;
    const socket = provider.ws as unknown as WebSocket;
    socket.addEventListener('message', ({ data }) => {
      const [type, subtype] = new Uint8Array(data as ArrayBuffer);
      isWarned ||= type === 2 && subtype === 1;
    });
    await waitUntil('the warning', () => isWarned);
    provider.doc.getText('text').insert(0, 'still editing');
    await waitUntil(
      'the edit',
      () => other.provider.doc.getText('text').toJSON() === 'still editing',
    );
    other.provider.doc.getText('text').insert(0, 'and reading ');
    await waitUntil('the other edit', () =>
      provider.doc.getText('text').toJSON().startsWith('and reading'),
    );
    expect(warned.opened).toBe(1);
    expect(warned.closes).toEqual([]);
    for (const complaint of complaints) expect(complaint).not.toHaveBeenCalled();
  });

  it('U48 with a read-only token reads on; its own edit ends it for good', async () => {
    const { webSocketUrl } = await start();
    const writer = yWebsocket(webSocketUrl, { params: { token: token() } });
    const guest = yWebsocket(webSocketUrl, { params: { token: reader() } });
    await waitUntil('synced', () => writer.provider.synced && guest.provider.synced);
    writer.provider.doc.getText('text').insert(0, 'read me');
    await waitUntil('read', () => guest.provider.doc.getText('text').toJSON() === 'read me');
    guest.provider.awareness.setLocalStateField('user', { name: 'guest' });
    await waitUntil('seen', () => writer.provider.awareness.getStates().size === 2);
    expect(guest.closes).toEqual([]);
    guest.provider.doc.getText('text').insert(0, 'mine ');
    await waitUntil('the goodbye', () => guest.closes.length > 0);
    expect(guest.closes[0]).toBe('4403 read-only');
    expect(guest.provider.shouldConnect).toBe(false);
    expect(writer.provider.doc.getText('text').toJSON()).toBe('read me');
  });
});

describe('Y-Sweet 0.9', () => {
  it('[I10] its opaque client token is a JWT; it is let in and learns that its edits are durable', async () => {
    const { webSocketUrl } = await start();
    const doc = new Y.Doc();
    const provider = ySweet(webSocketUrl, () => plainToken(), doc);
    await waitUntil('connected', () => provider.status === 'connected');
    doc.getText('text').insert(0, 'saved');
    await waitUntil('saved', () => !provider.hasLocalChanges);
  });

  it(
    'J21 gets no warning, and a new token by itself when its own has ended',
    { timeout: 40_000 },
    async () => {
      const { webSocketUrl } = await start({ clockToleranceMs: 0 });
      const given: string[] = [];
      const doc = new Y.Doc();
      // It complains about its own attempts to connect.
      vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      onTestFinished(() => {
        vi.restoreAllMocks();
      });
      const provider = ySweet(
        webSocketUrl,
        () => {
          const text = plainToken(given.length === 0 ? { exp: nowS() + 2 } : {});
          given.push(text);
          return text;
        },
        doc,
      );
      await waitUntil('connected', () => provider.status === 'connected');
      await waitUntil('disconnected', () => provider.status !== 'connected', 10_000);
      await waitUntil('connected again', () => provider.status === 'connected', 25_000);
      expect(given.length).toBeGreaterThan(1);
      doc.getText('text').insert(0, 'saved');
      await waitUntil('saved', () => !provider.hasLocalChanges);
    },
  );
});
