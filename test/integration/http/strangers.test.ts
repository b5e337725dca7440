/**
 * [I7] R24: every route of the API description with a token for other documents. Whether a document exists or not,
 * the answer is the same to the byte, and nothing has changed afterwards.
 */
import { describe, expect, it } from 'vitest';
import { openApi } from '../../../server/http/api/document.ts';
import type { Method, Operation } from '../../../server/http/api/describe.ts';
import { startNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate, type RestAnswer, type RestOptions } from '../../support/rest.ts';
import { admin, reader, SECRET_NODE, token } from '../../support/tokens.ts';
import { SyncClient } from '../../support/sync-client.ts';

const EXISTING = 'other/secret';
const ABSENT = 'other/absent';

/** Good bodies, so that nothing but the rights is wrong. */
const JSON_BODIES: Readonly<Record<string, unknown>> = {
  copyDocument: { to: 'team/copy' },
  syncDocument: { stateVector: 'AA', update: Buffer.from(textUpdate('x')).toString('base64') },
  createSnapshot: { label: 'x' },
};

const SWEEP = Object.entries(openApi.paths).flatMap(([path, item]) =>
  path.includes('{doc}')
    ? Object.entries(item).map(
        ([method, operation]) =>
          [`${method.toUpperCase()} ${path}`, path, method as Method, operation] as const,
      )
    : [],
);

function requestOf(operation: Operation): RestOptions {
  const json = JSON_BODIES[operation.operationId];
  if (json !== undefined) return { json };
  return operation.requestBody === undefined ? {} : { body: textUpdate('stranger') };
}

/** What of an answer a stranger sees, but for when and which request it was. */
function seenOf({ status, headers, body }: RestAnswer): unknown {
  const rest = [...headers].filter(([name]) => !/^(date|x-request-id|ratelimit)$/.test(name));
  const policies = headers.get('ratelimit')?.replaceAll(/r=\d+;t=\d+/g, '');
  return { status, rest, policies, body: Buffer.from(body).toString() };
}

async function start(): Promise<{ rest: Rest; id: string; webSocketUrl: string }> {
  const { url, webSocketUrl } = await startNode({ ...SECRET_NODE, rateDocumentMax: 100_000 });
  const rest = new Rest(url);
  await rest.as(admin()).put(pathOf(EXISTING), textUpdate('secret'));
  const made = await rest.as(admin()).send('POST', `${pathOf(EXISTING)}/snapshots`);
  expect(made.status).toBe(201);
  return { rest, id: String(made.json['id']), webSocketUrl };
}

async function everythingIn(rest: Rest): Promise<unknown> {
  const asAdmin = rest.as(admin());
  return {
    document: (await asAdmin.get(pathOf(EXISTING))).json,
    snapshots: (await asAdmin.get(`${pathOf(EXISTING)}/snapshots`)).json,
    list: (await asAdmin.get('/v1/documents')).json,
  };
}

describe('[I7] R24 a stranger', () => {
  it('sweeps every route of a document', () => {
    expect(SWEEP.length).toBeGreaterThan(15);
  });

  it.each(SWEEP)('%s', async (_name, path, method, operation) => {
    const { rest, id } = await start();
    const before = await everythingIn(rest);
    for (const stranger of [token(), reader(), token({ docs: [] })]) {
      const ask = async (name: string): Promise<RestAnswer> =>
        await rest
          .as(stranger)
          .send(
            method.toUpperCase(),
            `${path.replace('{doc}', encodeURIComponent(name)).replace('{id}', id)}?connection=x&type=text&name=text`,
            requestOf(operation),
          );
      const [existing, absent] = [await ask(EXISTING), await ask(ABSENT)];
      expect([existing.status, existing.code]).toEqual([404, 'document-not-found']);
      expect(seenOf(existing)).toEqual(seenOf(absent));
      expect(existing.headers.get('ratelimit') ?? '').not.toContain('document');
    }
    expect(await everythingIn(rest)).toEqual(before);
  });

  it.each(['/v1/cluster', '/v1/revocations'])('GET %s is not there', async (path) => {
    const { rest } = await start();
    const hidden = await rest.as(token()).get(path);
    expect([hidden.status, hidden.code]).toEqual([404, 'not-found']);
  });

  it('cannot tell by an Idempotency-Key that somebody else used it', async () => {
    const { rest } = await start();
    const key = { 'Idempotency-Key': 'shared' };
    const path = `${pathOf('team/notes')}/updates`;
    await rest.as(token()).post(path, textUpdate('ann'), key);
    const bob = await rest.as(token({ sub: 'bob' })).post(path, textUpdate('bob'), key);
    expect(bob.status).toBe(200);
    expect(bob.headers.get('idempotency-replayed')).toBeNull();
  });

  it('cannot write in the name of an event stream or a socket of another', async () => {
    const { rest, webSocketUrl } = await start();
    const client = new SyncClient(webSocketUrl, 'team/notes', { token: token() });
    await client.whenSynced();
    const answer = await rest
      .as(token({ sub: 'bob' }))
      .post(`${pathOf('team/notes')}/updates?connection=guess`, textUpdate('x'));
    expect(answer.code).toBe('connection-not-found');
    const shown = await rest.as(admin()).get(`${pathOf('team/notes')}/connections`);
    expect(shown.json).toMatchObject({
      connections: [{ transport: 'websocket', user: 'ann', access: 'write' }],
    });
  });
});
