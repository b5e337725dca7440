/** Documents over REST: created, looked at, written to, copied, deleted; every answer as the API describes it. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import {
  decodeSyncBody,
  encodeSyncBody,
  SYNC_MEDIA_TYPE,
} from '../../../server/protocol/sync-body.ts';
import { startNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate, type RestAnswer } from '../../support/rest.ts';
import { SyncClient } from '../../support/sync-client.ts';

/** Keystrokes in one request. */
const PART = 5000;

async function start(): Promise<Rest> {
  return new Rest((await startNode()).url);
}

describe('a document over REST', () => {
  it('is created with its first update, and read back', async () => {
    const rest = await start();
    const created = await rest.put(pathOf('team/notes'), textUpdate('hello'));
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/v1/documents/team%2Fnotes');
    expect(created.headers.get('etag')).toBe(`"${String(created.json['version'])}"`);
    expect((await rest.document('team/notes')).getText('text').toString()).toBe('hello');
    const metadata = (await rest.get(pathOf('team/notes'))).json;
    expect(metadata).toMatchObject({ name: 'team/notes', version: created.json['version'] });
    expect(Date.parse(String(metadata['createdAt']))).toBeGreaterThan(Date.now() - 60_000);
  });

  it('is created empty when there is no body', async () => {
    const rest = await start();
    expect((await rest.put(pathOf('empty'))).status).toBe(201);
    expect((await rest.put(pathOf('empty'))).status).toBe(200);
    expect((await rest.document('empty')).getText('text').toString()).toBe('');
    expect((await rest.get('/v1/documents')).json).toMatchObject({
      documents: [{ name: 'empty' }],
      cursor: null,
    });
  });

  it('If-None-Match: * seeds once: one of many wins, nothing of the others is written', async () => {
    const rest = await start();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        rest.put(pathOf('seeded'), textUpdate(`seed ${index};`), { 'If-None-Match': '*' }),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, 412, 412, 412, 412, 412, 412, 412]);
    expect(answers.find(({ status }) => status === 412)?.code).toBe('document-exists');
    const winner = answers.findIndex(({ status }) => status === 201);
    expect((await rest.document('seeded')).getText('text').toString()).toBe(`seed ${winner};`);
  });

  it('without If-None-Match an update to one that exists is merged', async () => {
    const rest = await start();
    await rest.put(pathOf('merged'), textUpdate('a', 1));
    const again = await rest.put(pathOf('merged'), textUpdate('b', 2));
    expect(again.status).toBe(200);
    expect((await rest.document('merged')).getText('text').toString()).toHaveLength(2);
  });

  it('takes updates, which reach those who are connected and are not stored twice', async () => {
    const { url, webSocketUrl } = await startNode();
    const rest = new Rest(url);
    const client = new SyncClient(webSocketUrl, 'live');
    await client.whenSynced();
    const update = textUpdate('typed over REST');
    const first = await rest.post(`${pathOf('live')}/updates`, update);
    expect(first.json).toMatchObject({ document: 'live', redundant: false });
    const second = await rest.post(`${pathOf('live')}/updates`, update);
    expect(second.json).toMatchObject({ version: first.json['version'], redundant: true });
    await expect.poll(() => client.doc.getText('text').toString()).toBe('typed over REST');
    expect((await rest.get(pathOf('live'))).json).toMatchObject({ connections: 1 });
  });

  it('one offline visit: brings what it made, takes what it lacks, in binary and in JSON', async () => {
    const rest = await start();
    await rest.put(pathOf('trip'), textUpdate('there. ', 1));
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'here. ');
    const sent = {
      stateVector: Buffer.from(Y.encodeStateVector(doc)).toString('base64'),
      update: Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64'),
    };
    const answer = await rest.send('POST', `${pathOf('trip')}/sync`, { json: sent });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ document: 'trip', redundant: false });
    Y.applyUpdate(doc, Buffer.from(String(answer.json['update']), 'base64'));
    expect(doc.getText('text').toString()).toContain('there.');
    const back = await rest.document('trip');
    expect(back.getText('text').toString()).toBe(doc.getText('text').toString());
    const again = await rest.send('POST', `${pathOf('trip')}/sync`, { json: sent });
    expect(again.json).toMatchObject({ redundant: true, version: answer.json['version'] });
  });

  it('is copied to a free name, and to no other', async () => {
    const rest = await start();
    await rest.put(pathOf('a'), textUpdate('content'));
    const copied = await rest.send('POST', `${pathOf('a')}/copy`, { json: { to: 'b/c' } });
    expect(copied.status).toBe(201);
    expect(copied.headers.get('location')).toBe('/v1/documents/b%2Fc');
    expect((await rest.document('b/c')).getText('text').toString()).toBe('content');
    const taken = await rest.send('POST', `${pathOf('a')}/copy`, { json: { to: 'b/c' } });
    expect(taken.code).toBe('document-exists');
    const absent = await rest.send('POST', `${pathOf('no')}/copy`, { json: { to: 'd' } });
    expect(absent.code).toBe('document-not-found');
  });

  it('is deleted for good: its sockets are closed with 4404, and nothing brings it back', async () => {
    const { url, webSocketUrl } = await startNode();
    const rest = new Rest(url);
    const client = new SyncClient(webSocketUrl, 'gone');
    await client.whenSynced();
    await rest.post(`${pathOf('gone')}/updates`, textUpdate('x'));
    expect((await rest.send('DELETE', pathOf('gone'))).status).toBe(204);
    await client.whenClosed();
    expect(client.closeCode).toBe(4404);
    expect((await rest.get(`${pathOf('gone')}/state`)).code).toBe('document-deleted');
    expect((await rest.post(`${pathOf('gone')}/updates`, textUpdate('y'))).code).toBe(
      'document-deleted',
    );
    expect((await rest.put(pathOf('gone'), textUpdate('y'))).code).toBe('document-deleted');
    expect((await rest.send('DELETE', pathOf('gone'))).code).toBe('document-deleted');
    expect((await rest.get('/v1/documents')).json).toMatchObject({ documents: [] });
  });

  it('lists names in order, a page at a time, by prefix', async () => {
    const rest = await start();
    const names = ['a', 'b/1', 'b/2', 'b/3', 'c'];
    for (const name of names) await rest.put(pathOf(name), textUpdate(name));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = (await rest.get(`/v1/documents?limit=2${query}`)).json;
      seen.push(...(page['documents'] as { name: string }[]).map(({ name }) => name));
      cursor = page['cursor'] as string | null;
    } while (cursor !== null);
    expect(seen).toEqual(names);
    const some = (await rest.get('/v1/documents?prefix=b%2F')).json['documents'];
    expect((some as { name: string }[]).map(({ name }) => name)).toEqual(['b/1', 'b/2', 'b/3']);
    expect((await rest.get('/v1/documents?limit=0')).code).toBe('invalid-request');
    expect((await rest.get('/v1/documents?cursor=nonsense')).code).toBe('invalid-request');
  });

  it('R19 50,000 queued updates in one visit: all of them, once, and what is over the limit is told what the limit is', async () => {
    const { url } = await startNode({
      frameBytesMax: 96 * 1024,
      // Inserts all over the text look expensive and are tried first; a busy machine takes its time.
      trialTimeoutMs: 20_000,
    });
    const rest = new Rest(url);
    const doc = new Y.Doc();
    const parts: Uint8Array[] = [];
    const text = doc.getText('text');
    // In several places, so that little of it merges.
    let since: Uint8Array = Uint8Array.of(0);
    for (let index = 0; index < 50_000; index++) {
      text.insert((index * 7919) % (text.length + 1), 'x');
      if (index % PART !== PART - 1) continue;
      parts.push(Y.encodeStateAsUpdate(doc, since));
      since = Y.encodeStateVector(doc);
    }
    const all = Y.encodeStateAsUpdate(doc);
    const visit = async (update: Uint8Array): Promise<RestAnswer> =>
      await rest.send('POST', `${pathOf('queue')}/sync`, {
        body: encodeSyncBody({ stateVector: Y.encodeStateVector(doc), update }),
        headers: { 'Content-Type': SYNC_MEDIA_TYPE },
      });
    const tooLarge = await visit(all);
    expect([tooLarge.code, tooLarge.json['limit']]).toEqual(['body-too-large', 96 * 1024]);
    expect((await rest.get(pathOf('queue'))).code).toBe('document-not-found');
    // Part by part: each answer covers exactly what was sent so far.
    for (const [index, part] of parts.entries()) {
      const answer = await visit(part);
      expect(answer.status).toBe(200);
      const { stateVector } = decodeSyncBody(answer.body) ?? {};
      const clocks = Y.decodeStateVector(stateVector ?? new Uint8Array(0));
      expect(clocks.get(doc.clientID)).toBe((index + 1) * PART);
    }
    expect((await rest.document('queue')).getText('text').toString()).toBe(text.toString());
  });
});
