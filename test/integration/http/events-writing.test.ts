/** What is written beside an event stream, and who may read and write: `POST …/presence`, `?connection=`, tokens. */
import { Awareness, encodeAwarenessUpdate, applyAwarenessUpdate } from 'y-protocols/awareness';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { EventReader } from '../../support/event-reader.ts';
import { startNode } from '../../support/in-process-node.ts';
import {
  hs256,
  claims,
  nowS,
  reader as readerToken,
  SECRET_NODE,
  token,
} from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON();
}

async function post(url: string, body: Uint8Array, auth?: string): Promise<Response> {
  return await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/octet-stream',
      ...(auth === undefined ? {} : { Authorization: `Bearer ${auth}` }),
    },
    body: new Uint8Array(body),
  });
}

function awareness(name: string): { client: number; bytes: Uint8Array } {
  const doc = new Y.Doc();
  const states = new Awareness(doc);
  states.setLocalState({ user: { name } });
  const bytes = encodeAwarenessUpdate(states, [doc.clientID]);
  states.destroy();
  return { client: doc.clientID, bytes };
}

const strip = async (response: Response): Promise<unknown> => ({
  status: response.status,
  body: await response.json(),
});

describe('writing beside a stream', () => {
  it('is not echoed to the stream that it names, and reaches all others', async () => {
    const { url } = await startNode();
    const [mine, other] = [
      await EventReader.open(url, 'notes'),
      await EventReader.open(url, 'notes'),
    ];
    const { connection } = await mine.opened();
    await mine.until('synced');
    await other.until('synced');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'mine');
    const answer = await post(
      `${url}/v1/documents/notes/updates?connection=${connection}`,
      Y.encodeStateAsUpdate(doc),
    );
    expect(answer.status).toBeLessThan(300);
    await other.until('update');
    expect(textOf(other.applyTo(new Y.Doc()))).toBe('mine');
    expect(mine.of('update')).toEqual([]);
  });

  it('presence belongs to the stream: others see it, and it goes with it', async () => {
    const { url } = await startNode();
    const [mine, other] = [
      await EventReader.open(url, 'notes'),
      await EventReader.open(url, 'notes'),
    ];
    const { connection } = await mine.opened();
    const { client, bytes } = awareness('Ada');
    const answer = await post(`${url}/v1/documents/notes/presence?connection=${connection}`, bytes);
    expect(answer.status).toBe(204);
    const states = new Awareness(new Y.Doc());
    onTestFinished(() => states.destroy());
    const seen = (): unknown => {
      for (const { data } of other.of('presence')) {
        applyAwarenessUpdate(states, Buffer.from(data, 'base64'), 'test');
      }
      return states.getStates().get(client);
    };
    await waitUntil('Ada', () => JSON.stringify(seen())?.includes('Ada') ?? false);
    const late = await EventReader.open(url, 'notes');
    expect(Buffer.from((await late.until('presence')).data, 'base64').toString()).toContain('Ada');
    mine.close();
    await waitUntil('nobody', () => seen() === undefined);
  });

  it('presence that a socket would be closed for is refused, and the stream stays', async () => {
    const { url } = await startNode();
    const stream = await EventReader.open(url, 'notes');
    const { connection } = await stream.opened();
    const address = `${url}/v1/documents/notes/presence?connection=${connection}`;
    expect((await post(address, Uint8Array.of(1, 2))).status).toBe(400);
    const { bytes } = awareness('x'.repeat(9000));
    expect((await post(address, bytes)).status).toBe(422);
    expect((await post(address, new Uint8Array(20_000))).status).toBe(413);
    expect((await post(address, awareness('fine').bytes)).status).toBe(204);
    expect(stream.isEnded).toBe(false);
  });

  it('a connection is of one identity, one document and one stream, and nothing is said about others', async () => {
    const { url } = await startNode(SECRET_NODE);
    const [ann, bob] = [token(), token({ sub: 'bob' })];
    const stream = await EventReader.open(url, 'team/a', { token: ann });
    const { connection } = await stream.opened();
    const to = (document: string, id: string, auth: string): Promise<Response> =>
      post(
        `${url}/v1/documents/${encodeURIComponent(document)}/presence?connection=${id}`,
        awareness('x').bytes,
        auth,
      );
    const absent = await strip(await to('team/a', 'A'.repeat(24), bob));
    expect(absent).toMatchObject({ status: 404, body: { code: 'connection-not-found' } });
    expect(await strip(await to('team/a', connection, bob))).toEqual(absent);
    expect(await strip(await to('team/b', connection, ann))).toEqual(absent);
    expect((await to('team/a', connection, ann)).status).toBe(204);
    stream.close();
    await waitUntil('it is gone', async () => (await to('team/a', connection, ann)).status === 404);
  });
});

describe('access', () => {
  it('[I7] a document that the token does not name is as absent as one that is not there', async () => {
    const { url } = await startNode(SECRET_NODE);
    const bodies = await Promise.all(
      ['private', 'absent/too'].map(async (name) => {
        const { response } = await EventReader.open(url, name, { token: token() });
        return [response.status, await response.json()] as const;
      }),
    );
    expect(bodies[0]).toEqual(bodies[1]);
    expect(bodies[0]?.[0]).toBe(404);
    const { response } = await EventReader.open(url, 'team/a');
    expect(response.status).toBe(401);
  });

  it('J21 a token that ends is announced, and ends the stream', async () => {
    const { url } = await startNode(SECRET_NODE);
    const short = hs256(claims({ exp: nowS() + 3 }));
    const stream = await EventReader.open(url, 'team/a', { token: short });
    const { data } = await stream.until('token');
    expect((JSON.parse(data) as { secondsLeft: number }).secondsLeft).toBeLessThanOrEqual(3);
    const closed = JSON.parse((await stream.until('closed')).data) as { code: string };
    expect(closed).toMatchObject({ code: 'token-expired', close: 4401, retry: 'reauthenticate' });
  });

  it('J23 a token that is revoked ends the stream at once', async () => {
    const { url, node } = await startNode(SECRET_NODE);
    const stream = await EventReader.open(url, 'team/a', { token: token() });
    await stream.until('synced');
    await node.access.revoke({ subject: 'ann', atMs: Date.now() + 1000 });
    expect(JSON.parse((await stream.until('closed')).data)).toMatchObject({
      code: 'token-revoked',
    });
  });

  it('who may only read is told so, reads, and is refused writing', async () => {
    const { url } = await startNode(SECRET_NODE);
    const stream = await EventReader.open(url, 'team/a', { token: readerToken() });
    const { access, connection } = await stream.opened();
    expect(access).toBe('read');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'x');
    const answer = await post(
      `${url}/v1/documents/team%2Fa/updates?connection=${connection}`,
      Y.encodeStateAsUpdate(doc),
      readerToken(),
    );
    expect(answer.status).toBe(403);
  });
});
