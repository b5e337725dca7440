/** The client's side of the protocol, frame by frame, against a server that acks when the test says so. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { NotSavedError, SynclineProvider } from '../../../client/index.ts';
import type { CloseReason, SaveStatus, SynclineProviderOptions } from '../../../client/index.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import { StandInServer } from './stand-in-server.ts';

let server: StandInServer;
const providers: SynclineProvider[] = [];

beforeEach(async () => {
  server = await StandInServer.start();
});

afterEach(async () => {
  for (const provider of providers.splice(0)) provider.destroy();
  await server.stop();
});

function open(doc: Y.Doc, options: SynclineProviderOptions = {}): SynclineProvider {
  const provider = new SynclineProvider(server.url, 'notes', doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
    reconnectDelayMaxMs: 20,
    ...options,
  });
  providers.push(provider);
  return provider;
}

function type(doc: Y.Doc, text: string): void {
  doc.getText('text').insert(0, text);
}

function statusFrames(): string[] {
  return server.connection.frames
    .filter((frame) => frame.kind === 'status')
    .map((frame) => Buffer.from(frame.bytes).toString('hex'));
}

async function statusFrame(hex: string): Promise<void> {
  await vi.waitUntil(() => server.connections.length > 0 && statusFrames().includes(hex));
}

/** By event, not by polling: a state may last less than a millisecond. */
async function reaches(provider: SynclineProvider, state: SaveStatus['state']): Promise<void> {
  if (provider.status.state === state) return;
  await new Promise<void>((resolve) => {
    provider.on('status', (status) => {
      if (status.state === state) resolve();
    });
  });
}

describe('reports (SyncStatus 102)', () => {
  it('follow the SyncStep2 of a connection, and name version 0 when nothing was made here', async () => {
    open(new Y.Doc());
    await statusFrame('660100');
    const kinds = server.connection.frames.map((frame) => frame.kind);
    expect(kinds.indexOf('status')).toBeGreaterThan(kinds.indexOf('step2'));
    expect(kinds.filter((kind) => kind === 'status')).toHaveLength(1);
  });

  it('wait for the SyncStep2 even when edits are made before it', async () => {
    server.isGreeting = false;
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => server.connections[0]?.frames[0]?.kind === 'step1');
    type(doc, 'early');
    await vi.waitUntil(() => server.connection.frames.some((frame) => frame.kind === 'update'));
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    server.greet(server.connection);
    await statusFrame('660101');
    const kinds = server.connection.frames.map((frame) => frame.kind);
    expect(kinds.filter((kind) => kind !== 'awareness')).toEqual([
      'step1',
      'update',
      'step2',
      'status',
    ]);
  });

  it('come after the updates they cover, once for all changes of a tick', async () => {
    const doc = new Y.Doc();
    open(doc);
    await statusFrame('660100');
    for (let i = 0; i < 300; i++) type(doc, 'x');
    await statusFrame('6602ac02');
    const kinds = server.connection.frames.map((frame) => frame.kind);
    expect(kinds.slice(kinds.indexOf('status') + 1)).toEqual([
      ...Array.from({ length: 300 }, () => 'update'),
      'status',
    ]);
  });

  it('are made again after a reconnect, when its SyncStep2 carried the old edits', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'first');
    await statusFrame('660101');
    server.connection.socket.terminate();
    await reaches(provider, 'offline');
    type(doc, 'second');
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 2 });
    await vi.waitUntil(() => server.connections.length === 2);
    await statusFrame('660102');
    const kinds = server.connection.frames.map((frame) => frame.kind);
    expect(kinds.filter((kind) => kind !== 'awareness')).toEqual(['step1', 'step2', 'status']);
    expect(server.doc.getText('text').toJSON()).toBe('secondfirst');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 2 });
    server.send('66 01 02');
    await reaches(provider, 'saved');
  });
});

describe('saved', () => {
  it('comes with the ack and not before', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    const seen: SaveStatus[] = [];
    provider.on('status', (status) => seen.push(status));
    await statusFrame('660100');
    type(doc, 'a');
    type(doc, 'b');
    await statusFrame('660102');
    await vi.waitUntil(() => server.doc.getText('text').toJSON() === 'ba');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 2 });
    server.send('66 01 02');
    await reaches(provider, 'saved');
    expect(seen.map(({ state, unsavedChanges }) => [state, unsavedChanges])).toEqual([
      ['saved', 0],
      ['saving', 1],
      ['saving', 2],
      ['saved', 0],
    ]);
  });

  it('takes the highest answer: an older one neither saves nor takes back', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    for (const text of ['a', 'b', 'c']) type(doc, text);
    await statusFrame('660103');
    server.send('66 01 01');
    await vi.waitUntil(() => provider.unsavedChanges === 2);
    expect(provider.status.state).toBe('saving');
    server.send('66 01 03');
    await reaches(provider, 'saved');
    server.send('66 01 01');
    await provider.whenSaved();
    expect(provider.status).toMatchObject({ state: 'saved', unsavedChanges: 0 });
  });

  it('is not believed for versions that were never reported, nor from malformed answers', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    await statusFrame('660101');
    for (const answer of ['66 01 09', '66 00', '66 05 01', '66 01 80', '66']) server.send(answer);
    server.send('66 01 00');
    await vi.waitUntil(() => provider.status.hasServerAcked);
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 1 });
  });

  it('is never claimed by a server that answers no report', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    await vi.waitUntil(() => server.doc.getText('text').toJSON() === 'a');
    expect(provider.status).toEqual({
      state: 'saving',
      unsavedChanges: 1,
      hasUnsavedChanges: true,
      hasServerAcked: false,
    });
  });

  it('holds for content from before the provider only after the first ack', async () => {
    const doc = new Y.Doc();
    type(doc, 'from the disk');
    const provider = open(doc);
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    await statusFrame('660101');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 1 });
    server.send('66 01 01');
    await reaches(provider, 'saved');
  });

  it('counts content that another source loads later, since this replica sends it', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    const stored = new Y.Doc();
    type(stored, 'from the disk');
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(stored), 'storage');
    expect(provider.unsavedChanges).toBe(1);
    await statusFrame('660101');
  });

  it('does not count what came from the server', async () => {
    type(server.doc, 'theirs');
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => provider.synced);
    expect(doc.getText('text').toJSON()).toBe('theirs');
    expect(provider.unsavedChanges).toBe(0);
  });

  it('counts what a server turns out to lack after it was saved elsewhere', async () => {
    server.isAcking = true;
    type(server.doc, 'forgotten by a crash');
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => provider.synced);
    await reaches(provider, 'saved');
    const { port } = server;
    await server.stop();
    server = await StandInServer.start(port);
    await statusFrame('660101');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 1 });
    expect(server.doc.getText('text').toJSON()).toBe('forgotten by a crash');
  });
});

describe('other tabs (BroadcastChannel)', () => {
  it('save their own edits: they are neither counted nor sent here', async () => {
    const [here, there] = [new Y.Doc(), new Y.Doc()];
    const online = open(here, { disableBc: false });
    await statusFrame('660100');
    // The other tab cannot reach the server.
    const offline = open(there, { disableBc: false, WebSocketPolyfill: Unreachable });
    type(there, 'from the other tab');
    await vi.waitUntil(() => here.getText('text').toJSON() === 'from the other tab');
    expect(offline.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    expect(online.status).toMatchObject({ state: 'saved', unsavedChanges: 0 });
    expect(server.connection.frames.some((frame) => frame.kind === 'update')).toBe(false);
  });

  it('are no server: their SyncStep1 does not count as having joined', async () => {
    server.isGreeting = false;
    const [here, there] = [new Y.Doc(), new Y.Doc()];
    const provider = open(here, { disableBc: false });
    await vi.waitUntil(() => server.connections[0]?.frames[0]?.kind === 'step1');
    type(here, 'a');
    open(there, { disableBc: false, WebSocketPolyfill: Unreachable });
    await vi.waitUntil(() => there.getText('text').toJSON() === 'a');
    type(here, 'b');
    await vi.waitUntil(() => server.doc.getText('text').toJSON() === 'ba');
    expect(statusFrames()).toEqual([]);
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 2 });
  });
});

describe('whenSaved', () => {
  it('resolves for the changes made up to now, whatever comes later', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await provider.whenSaved();
    await statusFrame('660100');
    type(doc, 'a');
    const saved = provider.whenSaved();
    type(doc, 'b');
    await statusFrame('660102');
    server.send('66 01 01');
    await saved;
    expect(provider.unsavedChanges).toBe(1);
  });

  it('rejects when the provider goes or the server closes for good', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    const closed = provider.whenSaved();
    server.connection.socket.close(4404, 'document-deleted');
    await expect(closed).rejects.toMatchObject({ code: 'closed' });
    await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'closed' });
    provider.connect();
    const destroyed = provider.whenSaved();
    provider.destroy();
    await expect(destroyed).rejects.toBeInstanceOf(NotSavedError);
    await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'destroyed' });
  });
});

describe('connection', () => {
  it('closed with 4400–4499 says what it means and stays closed until connect()', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    const reasons: CloseReason[] = [];
    provider.on('closed', (reason) => reasons.push(reason));
    await statusFrame('660100');
    server.connection.socket.close(4404, 'document-deleted');
    await vi.waitUntil(() => reasons.length === 1);
    expect(reasons[0]).toMatchObject({ closeCode: 4404, code: 'document-deleted', retry: 'never' });
    type(doc, 'kept');
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    expect(server.connections).toHaveLength(1);
    server.isAcking = true;
    provider.connect();
    await reaches(provider, 'saved');
    expect(server.connections).toHaveLength(2);
  });

  it('closed with any other code comes back by itself', async () => {
    const provider = open(new Y.Doc());
    for (const [attempt, code] of [1012, 1013, 4500].entries()) {
      await vi.waitUntil(() => server.connections.length === attempt + 1);
      await reaches(provider, 'saved');
      server.connection.socket.close(code);
      await reaches(provider, 'offline');
    }
    await reaches(provider, 'saved');
    expect(server.connections).toHaveLength(4);
  });

  it('is made on connect() when told not to connect at once, and ends with disconnect()', async () => {
    const provider = open(new Y.Doc(), { connect: false });
    expect(provider.status.state).toBe('offline');
    expect(server.connections).toHaveLength(0);
    provider.connect();
    await reaches(provider, 'saved');
    provider.disconnect();
    expect(provider.status.state).toBe('offline');
    await vi.waitUntil(() => server.connection.socket.readyState === WebSocket.CLOSED);
    expect(server.connections).toHaveLength(1);
  });

  it('passes on names, parameters, protocols and presence', async () => {
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    awareness.setLocalStateField('user', { name: 'Ada' });
    const params = { token: 'a b' };
    const provider = new SynclineProvider(
      server.url.replace('ws:', 'http:'),
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
    providers.push(provider);
    await vi.waitUntil(() =>
      server.connections[0]?.frames.some(({ kind }) => kind === 'awareness'),
    );
    expect(server.connection.path).toBe('/team/%C3%9Cber%20uns?token=a%20b');
    expect(server.connection.protocol).toBe('syncline');
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
    server.send('01 06 01 07 05 02 7b7d');
    await vi.waitUntil(isThere);
    server.connection.socket.terminate();
    await vi.waitUntil(() => !isThere());
    await vi.waitUntil(() => server.connections.length === 2 && provider.synced);
    server.send('01 06 01 07 05 02 7b7d');
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
    server.connection.socket.terminate();
    await vi.waitFor(() => {
      expect(clock()).toBeGreaterThan(before);
    });
    expect(server.connections).toHaveLength(2);
    expect(awareness.getLocalState()).toEqual({ user: { name: 'Ada' } });
  });

  it('is refused at once for names that the server would refuse', () => {
    expect(() => new SynclineProvider(server.url, '../etc', new Y.Doc())).toThrow(ProtocolError);
  });

  it('says what is missing where there is no WebSocket and nothing else may be used', () => {
    vi.stubGlobal('WebSocket', undefined);
    const options = { transport: 'websocket' } as const;
    expect(() => new SynclineProvider(server.url, 'notes', new Y.Doc(), options)).toThrow(
      /WebSocketPolyfill/,
    );
    vi.unstubAllGlobals();
  });

  it('announces synced, and its end', async () => {
    const provider = open(new Y.Doc());
    const seen: boolean[] = [];
    provider.on('synced', (isSynced) => seen.push(isSynced));
    await vi.waitUntil(() => seen.length === 1);
    server.connection.socket.terminate();
    await vi.waitUntil(() => seen.length === 3);
    expect(seen).toEqual([true, false, true]);
  });
});

/** A socket that never opens and never fails. */
class Unreachable {
  readonly readyState: number = WebSocket.CONNECTING;
  close(): void {}
}
