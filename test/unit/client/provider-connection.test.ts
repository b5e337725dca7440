/** The provider's connection: closed, refused, made again, and who is seen over it. */
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { SynclineProvider } from '../../../client/index.ts';
import type { CloseReason } from '../../../client/index.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import { providerHouse, reaches, type } from './provider-house.ts';

const house = providerHouse();
const { open, statusFrame } = house;

describe('connection', () => {
  it('closed with 4400–4499 says what it means and stays closed until connect()', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    const reasons: CloseReason[] = [];
    provider.on('closed', (reason) => reasons.push(reason));
    await statusFrame('660100');
    house.server.connection.socket.close(4404, 'document-deleted');
    await vi.waitUntil(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ closeCode: 4404, code: 'document-deleted', retry: 'never' });
    type(doc, 'kept');
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    expect(house.server.connections).toHaveLength(1);
    house.server.isAcking = true;
    provider.connect();
    await reaches(provider, 'saved');
    expect(house.server.connections).toHaveLength(2);
  });

  it('closed with any other code comes back by itself', async () => {
    const provider = open(new Y.Doc());
    for (const [attempt, code] of [1012, 1013, 4500].entries()) {
      await vi.waitUntil(() => house.server.connections.length === attempt + 1);
      await reaches(provider, 'saved');
      house.server.connection.socket.close(code);
      await reaches(provider, 'offline');
    }
    await reaches(provider, 'saved');
    expect(house.server.connections).toHaveLength(4);
  });

  it('is made on connect() when told not to connect at once, and ends with disconnect()', async () => {
    const provider = open(new Y.Doc(), { connect: false });
    expect(provider.status.state).toBe('offline');
    expect(house.server.connections).toHaveLength(0);
    provider.connect();
    await reaches(provider, 'saved');
    provider.disconnect();
    expect(provider.status.state).toBe('offline');
    await vi.waitUntil(() => house.server.connection.socket.readyState === WebSocket.CLOSED);
    expect(house.server.connections).toHaveLength(1);
  });

  it('passes on names, parameters, protocols and presence', async () => {
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    awareness.setLocalStateField('user', { name: 'Ada' });
    const params = { token: 'a b' };
    const provider = new SynclineProvider(
      house.server.url.replace('ws:', 'http:'),
      'team/Über uns',
      doc,
      {
        WebSocketPolyfill: WebSocket,
        disableBc: true,
        awareness,
        params,
        protocols: ['syncline'],
      },
    );
    house.end(provider);
    await vi.waitUntil(() =>
      house.server.connections[0]?.frames.some(({ kind }) => kind === 'awareness'),
    );
    expect(house.server.connection.path).toBe('/team/%C3%9Cber%20uns?token=a%20b');
    expect(house.server.connection.protocol).toBe('syncline');
    expect(provider.awareness).toBe(awareness);
    provider.destroy();
    expect(awareness._observers.has('destroy')).toBe(false);
    awareness.destroy();
  });

  it('sees who stayed as they were when it connects again, without waiting for them to renew', async () => {
    const provider = open(new Y.Doc());
    const { awareness } = provider;
    const isThere = (): boolean => awareness.getStates().has(7);
    await reaches(provider, 'saved');
    // Client 7, clock 5, {}.
    house.server.send('01 06 01 07 05 02 7b7d');
    await vi.waitUntil(isThere);
    house.server.connection.socket.terminate();
    await vi.waitUntil(() => !isThere());
    await vi.waitUntil(() => house.server.connections.length === 2 && provider.synced);
    house.server.send('01 06 01 07 05 02 7b7d');
    await vi.waitFor(() => {
      expect(isThere()).toBe(true);
    });
  });

  it('is newer when it connects again: others were told that it had gone', async () => {
    const provider = open(new Y.Doc());
    const { awareness } = provider;
    const clock = (): number => awareness.meta.get(awareness.clientID)?.clock ?? -1;
    awareness.setLocalStateField('user', { name: 'Ada' });
    await vi.waitUntil(() => provider.synced);
    const before = clock();
    house.server.connection.socket.terminate();
    await vi.waitFor(() => {
      expect(clock()).toBeGreaterThan(before);
    });
    expect(house.server.connections).toHaveLength(2);
    expect(awareness.getLocalState()).toEqual({ user: { name: 'Ada' } });
  });

  it('is refused at once for names that the server would refuse', () => {
    expect(() => new SynclineProvider(house.server.url, '../etc', new Y.Doc())).toThrow(
      ProtocolError,
    );
  });

  it('says what is missing where there is no WebSocket and nothing else may be used', () => {
    vi.stubGlobal('WebSocket', undefined);
    const options = { transport: 'websocket' } as const;
    expect(() => new SynclineProvider(house.server.url, 'notes', new Y.Doc(), options)).toThrow(
      /WebSocketPolyfill/,
    );
    vi.unstubAllGlobals();
  });

  it('announces synced, and its end', async () => {
    const provider = open(new Y.Doc());
    const seen: boolean[] = [];
    provider.on('synced', (isSynced) => seen.push(isSynced));
    await vi.waitUntil(() => seen.length === 1);
    house.server.connection.socket.terminate();
    await vi.waitUntil(() => seen.length === 3);
    expect(seen).toEqual([true, false, true]);
  });
});

/** A socket that never opens and never fails. */
