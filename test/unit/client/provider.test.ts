/** The client's side of the protocol, frame by frame, against a server that acks when the test says so. */
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { NotSavedError } from '../../../client/index.ts';
import type { SaveStatus } from '../../../client/index.ts';
import { providerHouse, reaches, type } from './provider-house.ts';

const house = providerHouse();
const { open, statusFrame, statusFrames } = house;

describe('reports (SyncStatus 102)', () => {
  it('follow the SyncStep2 of a connection, and name version 0 when nothing was made here', async () => {
    open(new Y.Doc());
    await statusFrame('660100');
    const kinds = house.server.connection.frames.map((frame) => frame.kind);
    expect(kinds.indexOf('status')).toBeGreaterThan(kinds.indexOf('step2'));
    expect(kinds.filter((kind) => kind === 'status')).toHaveLength(1);
  });

  it('wait for the SyncStep2 even when edits are made before it', async () => {
    house.server.isGreeting = false;
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => house.server.connections[0]?.frames[0]?.kind === 'step1');
    type(doc, 'early');
    await vi.waitUntil(() =>
      house.server.connection.frames.some((frame) => frame.kind === 'update'),
    );
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    house.server.greet(house.server.connection);
    await statusFrame('660101');
    const kinds = house.server.connection.frames.map((frame) => frame.kind);
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
    const kinds = house.server.connection.frames.map((frame) => frame.kind);
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
    house.server.connection.socket.terminate();
    await reaches(provider, 'offline');
    type(doc, 'second');
    expect(provider.status).toMatchObject({ state: 'offline', unsavedChanges: 2 });
    await vi.waitUntil(() => house.server.connections.length === 2);
    await statusFrame('660102');
    const kinds = house.server.connection.frames.map((frame) => frame.kind);
    expect(kinds.filter((kind) => kind !== 'awareness')).toEqual(['step1', 'step2', 'status']);
    expect(house.server.doc.getText('text').toJSON()).toBe('secondfirst');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 2 });
    house.server.send('66 01 02');
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
    await vi.waitUntil(() => house.server.doc.getText('text').toJSON() === 'ba');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 2 });
    house.server.send('66 01 02');
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
    house.server.send('66 01 01');
    await vi.waitUntil(() => provider.unsavedChanges === 2);
    expect(provider.status.state).toBe('saving');
    house.server.send('66 01 03');
    await reaches(provider, 'saved');
    house.server.send('66 01 01');
    await provider.whenSaved();
    expect(provider.status).toMatchObject({ state: 'saved', unsavedChanges: 0 });
  });

  it('is not believed for versions that were never reported, nor from malformed answers', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    await statusFrame('660101');
    for (const answer of ['66 01 09', '66 00', '66 05 01', '66 01 80', '66'])
      house.server.send(answer);
    house.server.send('66 01 00');
    await vi.waitUntil(() => provider.status.hasServerAcked);
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 1 });
  });

  it('is never claimed by a server that answers no report', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    await vi.waitUntil(() => house.server.doc.getText('text').toJSON() === 'a');
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
    house.server.send('66 01 01');
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
    type(house.server.doc, 'theirs');
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => provider.synced);
    expect(doc.getText('text').toJSON()).toBe('theirs');
    expect(provider.unsavedChanges).toBe(0);
  });

  it('counts what a server turns out to lack after it was saved elsewhere', async () => {
    house.server.isAcking = true;
    type(house.server.doc, 'forgotten by a crash');
    const doc = new Y.Doc();
    const provider = open(doc);
    await vi.waitUntil(() => provider.synced);
    await reaches(provider, 'saved');
    await house.restart();
    await statusFrame('660101');
    expect(provider.status).toMatchObject({ state: 'saving', unsavedChanges: 1 });
    expect(house.server.doc.getText('text').toJSON()).toBe('forgotten by a crash');
  });
});

describe('other tabs (BroadcastChannel)', () => {
  it('save their own edits: they are neither counted nor sent here', async () => {
    const [here, there] = [new Y.Doc(), new Y.Doc()];
    const online = open(here, { disableBc: false });
    await statusFrame('660100');
    // The other tab cannot reach the house.server.
    const offline = open(there, { disableBc: false, WebSocketPolyfill: Unreachable });
    type(there, 'from the other tab');
    await vi.waitUntil(() => here.getText('text').toJSON() === 'from the other tab');
    expect(offline.status).toMatchObject({ state: 'offline', unsavedChanges: 1 });
    expect(online.status).toMatchObject({ state: 'saved', unsavedChanges: 0 });
    expect(house.server.connection.frames.some((frame) => frame.kind === 'update')).toBe(false);
  });

  it('are no server: their SyncStep1 does not count as having joined', async () => {
    house.server.isGreeting = false;
    const [here, there] = [new Y.Doc(), new Y.Doc()];
    const provider = open(here, { disableBc: false });
    await vi.waitUntil(() => house.server.connections[0]?.frames[0]?.kind === 'step1');
    type(here, 'a');
    open(there, { disableBc: false, WebSocketPolyfill: Unreachable });
    await vi.waitUntil(() => there.getText('text').toJSON() === 'a');
    type(here, 'b');
    await vi.waitUntil(() => house.server.doc.getText('text').toJSON() === 'ba');
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
    house.server.send('66 01 01');
    await saved;
    expect(provider.unsavedChanges).toBe(1);
  });

  it('rejects when the provider goes or the server closes for good', async () => {
    const doc = new Y.Doc();
    const provider = open(doc);
    await statusFrame('660100');
    type(doc, 'a');
    const closed = provider.whenSaved();
    house.server.connection.socket.close(4404, 'document-deleted');
    await expect(closed).rejects.toMatchObject({ code: 'closed' });
    await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'closed' });
    provider.connect();
    const destroyed = provider.whenSaved();
    provider.destroy();
    await expect(destroyed).rejects.toBeInstanceOf(NotSavedError);
    await expect(provider.whenSaved()).rejects.toMatchObject({ code: 'destroyed' });
  });
});

class Unreachable {
  readonly readyState: number = WebSocket.CONNECTING;
  close(): void {}
}
