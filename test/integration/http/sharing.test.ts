/** What a client is told about durability, and the links that it can give away. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { startNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { admin, nowS, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NAME = 'team/notes';
const DURABILITY = `${pathOf(NAME)}/durability`;

interface Link {
  readonly status: number;
  readonly body: {
    readonly token: string;
    readonly tokenId: string | null;
    readonly expiresAt: string;
  };
}

async function link(url: string, bearer: string, body: unknown): Promise<Link> {
  const response = await fetch(`${url}${pathOf(NAME)}/links`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Link['body'] };
}

describe('what an ack means here', () => {
  it('on a node alone and without keys: this region, and everybody may do everything', async () => {
    const { url } = await startNode({ region: 'eu' });
    expect((await new Rest(url).get(DURABILITY)).json).toEqual({
      access: 'admin',
      isAccessControlled: false,
      canShare: false,
      region: 'eu',
      otherRegions: [],
      ack: 'local',
      store: 'open',
    });
  });

  it('[I5] says that the disk is full while it is, and no longer', async () => {
    const { store, rest } = await fragile();
    store.failWrites();
    const write = rest.put(pathOf(NAME), textUpdate('x'));
    await waitUntil('it says so', async () => {
      const { json } = await rest.get(DURABILITY);
      return json['store'] === 'disk-full';
    });
    store.recover();
    expect((await write).status).toBe(201);
    expect((await rest.get(DURABILITY)).json['store']).toBe('open');
  });

  it('says that it fails when the disk does for another reason', async () => {
    const { store, rest } = await fragile();
    store.failWrites('input/output error');
    const write = rest.put(pathOf(NAME), textUpdate('x'));
    await waitUntil('it says so', async () => {
      const { json } = await rest.get(DURABILITY);
      return json['store'] === 'failing';
    });
    store.recover();
    await write;
  });

  it('[I7] tells who may read what they may do, and others nothing', async () => {
    const { url } = await startNode(SECRET_NODE);
    const rest = new Rest(url);
    expect((await rest.as(reader()).get(DURABILITY)).json['access']).toBe('read');
    expect((await rest.as(token()).get(DURABILITY)).json['access']).toBe('write');
    expect((await rest.as(reader('other')).get(DURABILITY)).code).toBe('document-not-found');
    expect((await rest.get(DURABILITY)).code).toBe('missing-token');
  });
});

describe('links', () => {
  it('give one document to whoever has them, to read or to write, and no other document', async () => {
    const { url } = await startNode(SECRET_NODE);
    const rest = new Rest(url);
    await rest.as(admin()).put(pathOf(NAME), textUpdate('x'));
    const toRead = await link(url, admin(), { access: 'read' });
    const toWrite = await link(url, admin(), { access: 'write' });
    expect([toRead.status, toWrite.status]).toEqual([201, 201]);
    const [holder, writer] = [rest.as(toRead.body.token), rest.as(toWrite.body.token)];
    expect((await holder.get(pathOf(NAME))).status).toBe(200);
    expect((await holder.post(`${pathOf(NAME)}/updates`, textUpdate('y'))).code).toBe('read-only');
    expect((await writer.post(`${pathOf(NAME)}/updates`, textUpdate('z'))).status).toBe(200);
    expect((await writer.get(`${pathOf('team/other')}/durability`)).code).toBe(
      'document-not-found',
    );
    expect((await writer.delete(pathOf(NAME))).code).toBe('forbidden');
  });

  it('are never worth more, and never last longer, than what their maker has', async () => {
    const { url } = await startNode(SECRET_NODE);
    const exp = nowS() + 300;
    expect((await link(url, reader(), { access: 'write' })).status).toBe(403);
    expect((await link(url, reader('other'), { access: 'read' })).status).toBe(404);
    const made = await link(url, token({ exp }), { access: 'write', lifetimeSeconds: 86_400 });
    expect(made.status).toBe(201);
    expect(Date.parse(made.body.expiresAt)).toBe(exp * 1000);
    expect(made.body.tokenId).toBeNull();
  });

  it('end with the token, or the user, that made them; an admin’s when they are revoked themselves', async () => {
    const { url } = await startNode(SECRET_NODE);
    const rest = new Rest(url);
    const revoke = async (body: unknown): Promise<void> => {
      const response = await fetch(`${url}/v1/revocations`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${admin()}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(201);
    };
    const first = await link(url, token({ jti: 'first' }), { access: 'write' });
    const second = await link(url, token({ sub: 'ben' }), { access: 'write' });
    const third = await link(url, admin(), { access: 'write', lifetimeSeconds: 600 });
    await revoke({ tokenId: 'first' });
    await revoke({ subject: 'ben' });
    await revoke({ tokenId: third.body.tokenId });
    for (const { body } of [first, second, third]) {
      expect((await rest.as(body.token).get(DURABILITY)).code).toBe('token-revoked');
    }
  });

  it('are not made by a node that cannot sign, nor of nonsense', async () => {
    const { url } = await startNode();
    expect((await link(url, 'none', { access: 'read' })).status).toBe(404);
    const guarded = await startNode(SECRET_NODE);
    expect((await link(guarded.url, admin(), { access: 'admin' })).status).toBe(400);
    expect((await link(guarded.url, admin(), { access: 'read', forever: true })).status).toBe(400);
  });
});

async function fragile(): Promise<{ store: MemoryStore; rest: Rest }> {
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
  if (store === undefined) throw new Error('the node made no store');
  return { store, rest: new Rest(url) };
}
