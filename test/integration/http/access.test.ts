/** Who may do what over REST: table J, rights, what is told to whom, and limits. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { ERRORS } from '../../../server/protocol/errors.ts';
import type { Config } from '../../../server/options.ts';
import type { Logger } from '../../../server/observe/log.ts';
import type { NodeParts } from '../../../server/node.ts';
import { startNode } from '../../support/in-process-node.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { DOCUMENT, TOKEN_CASES } from '../../support/token-cases.ts';
import { admin, claims, hs256, reader, SECRET_NODE, token } from '../../support/tokens.ts';

const memory: NodeParts = { createStore: (observer) => new MemoryStore({ observer }) };

async function start(config: Partial<Config> = SECRET_NODE): Promise<Rest> {
  return new Rest((await startNode(config, memory)).url);
}

function nameOf(text: string): DocumentName {
  const name = parseDocumentName(text);
  if (name === null) throw new Error(`${text} is no name`);
  return name;
}

const NOTES = pathOf(DOCUMENT);
const HEADER_BYTES_MAX = 16 * 1024;

describe('table J over REST', () => {
  it.each(TOKEN_CASES.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const { node, url } = await startNode(row.config, memory);
    await node.documents.create(nameOf(DOCUMENT), null);
    const rest = new Rest(url);
    const shown = row.token();
    if (shown !== null && shown.length > HEADER_BYTES_MAX - 1024) return;
    if (shown !== null && /[^\x21-\x7e]/.test(shown)) return;
    const answer = await rest.as(shown).get(`${NOTES}/state`);
    if (row.rest === null) expect([answer.status, answer.code]).toEqual([200, null]);
    else expect([answer.status, answer.code]).toEqual([ERRORS[row.rest].http, row.rest]);
  });

  it('J16 a token of 1 MB is stopped by the HTTP server', async () => {
    const rest = await start();
    const raw = new RawHttp(rest.url).head(`GET ${NOTES}`, {
      Authorization: `Bearer ${'x'.repeat(1_000_000)}`,
    });
    await raw.answered();
    expect(raw.status).toBe(431);
  });

  it('J28 the scheme in any case; two tokens are none', async () => {
    const rest = await start();
    const good = token();
    for (const scheme of ['bearer', 'BEARER']) {
      const answer = await rest.send('PUT', NOTES, {
        headers: { Authorization: `${scheme} ${good}` },
      });
      expect(answer.status).toBeLessThan(300);
    }
    const both = await rest.send('GET', `${NOTES}?token=${good}`, { token: good });
    expect(both.code).toBe('invalid-request');
    const raw = new RawHttp(rest.url).send(
      `GET ${NOTES} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${good}\r\nAuthorization: Bearer ${good}\r\n\r\n`,
    );
    await raw.answered();
    expect(raw.status).toBe(400);
  });

  it('J27 wrong key, wrong room and absent room are told apart by nobody', async () => {
    const rest = await start();
    await rest.as(admin()).put(pathOf('other/secret'), textUpdate('x'));
    const present = await rest.as(token()).get(pathOf('other/secret'));
    const absent = await rest.as(token()).get(pathOf('other/absent'));
    expect(present.text).toBe(absent.text);
    const forged = hs256(claims(), {}, 'x'.repeat(32));
    const [one, two] = [
      await rest.as(forged).get(pathOf('other/secret')),
      await rest.as(forged).get(pathOf('other/absent')),
    ];
    expect(one.text).toBe(two.text);
    expect(one.status).toBe(401);
  });
});

describe('rights over REST', () => {
  it('a reader reads, and brings nothing new', async () => {
    const rest = await start();
    await rest.as(token()).put(NOTES, textUpdate('here'));
    const asReader = rest.as(reader());
    const state = await asReader.get(`${NOTES}/state`);
    expect(state.status).toBe(200);
    expect(state.headers.get('cache-control')).toBe('private, no-cache');
    expect(state.headers.get('vary')).toContain('Authorization');
    for (const answer of [
      await asReader.post(`${NOTES}/updates`, textUpdate('no')),
      await asReader.put(NOTES, textUpdate('no')),
      await asReader.put(pathOf('team/new')),
      await asReader.send('POST', `${NOTES}/copy`, { json: { to: 'team/copy' } }),
      await asReader.send('POST', `${NOTES}/snapshots`),
    ]) {
      expect([answer.status, answer.code]).toEqual([403, 'read-only']);
    }
    // A sync that brings what is known already is no write; one with something new is.
    const known = Buffer.from(state.body).toString('base64');
    const sync = (update: string): ReturnType<Rest['send']> =>
      asReader.send('POST', `${NOTES}/sync`, { json: { stateVector: 'AA', update } });
    expect((await sync(known)).json).toMatchObject({ redundant: true });
    const news = Buffer.from(textUpdate('no')).toString('base64');
    expect((await sync(news)).code).toBe('read-only');
    expect((await asReader.document(DOCUMENT)).getText('text').toString()).toBe('here');
  });

  it('a writer writes and does not delete; an admin does', async () => {
    const rest = await start();
    await rest.as(token()).put(NOTES, textUpdate('here'));
    expect((await rest.as(token()).send('DELETE', NOTES)).code).toBe('forbidden');
    expect((await rest.as(token()).get(`${NOTES}/connections`)).code).toBe('not-found');
    const docAdmin = token({ docs: [{ match: 'team/*', access: 'admin' }] });
    expect((await rest.as(docAdmin).get(`${NOTES}/connections`)).json).toEqual({ connections: [] });
    expect((await rest.as(docAdmin).get('/v1/cluster')).code).toBe('not-found');
    expect((await rest.as(admin()).get('/v1/cluster')).json).toMatchObject({ nodes: [{}] });
    expect((await rest.as(docAdmin).send('DELETE', NOTES)).status).toBe(204);
  });

  it('a copy needs the right to write where it goes, and says no more than that', async () => {
    const rest = await start();
    await rest.as(admin()).put(pathOf('other/taken'), textUpdate('x'));
    await rest.as(token()).put(NOTES, textUpdate('here'));
    const copyTo = (to: string): ReturnType<Rest['send']> =>
      rest.as(token()).send('POST', `${NOTES}/copy`, { json: { to } });
    const [taken, free] = [await copyTo('other/taken'), await copyTo('other/free')];
    expect([taken.status, taken.text]).toEqual([404, free.text]);
    expect((await copyTo('team/copy')).status).toBe(201);
  });

  it('[I7] a list has what the caller may read, and its cursors name nothing else', async () => {
    const rest = await start();
    const asAdmin = rest.as(admin());
    for (const name of ['secret/a', 'secret/b', 'team/1', 'team/2', 'zoo/1']) {
      await asAdmin.put(pathOf(name), textUpdate('x'));
    }
    const own = await rest.as(token()).get('/v1/documents');
    expect(own.json).toMatchObject({ documents: [{ name: 'team/1' }, { name: 'team/2' }] });
    expect(own.text).not.toContain('secret');
    const first = (await rest.as(token()).get('/v1/documents?limit=1')).json;
    expect(first['documents']).toMatchObject([{ name: 'team/1' }]);
    const all = await asAdmin.get('/v1/documents?limit=5');
    expect(all.json).toMatchObject({ cursor: null });
    expect(all.json['documents']).toHaveLength(5);
    const stranger = token({ docs: [] });
    expect((await rest.as(stranger).get('/v1/documents')).json).toEqual({
      documents: [],
      cursor: null,
    });
    expect((await rest.get('/v1/documents')).code).toBe('missing-token');
  });

  it('[I7] a page that ends among names of others seals its cursor, and the next one goes on', async () => {
    // With a hook a page looks at 200 names.
    const { node, url } = await startNode(SECRET_NODE, {
      ...memory,
      authorize: ({ document }) => (document.startsWith('team/') ? 'write' : 'none'),
    });
    const others = Array.from({ length: 250 }, (_, index) => `other/secret-${index}`);
    for (const name of [...others, 'team/1', 'team/2']) {
      await node.documents.create(nameOf(name), null);
    }
    const writer = new Rest(url, token());
    const empty = (await writer.get('/v1/documents')).json;
    expect(empty['documents']).toEqual([]);
    const cursor = String(empty['cursor']);
    expect(Buffer.from(cursor.slice(1), 'base64url').toString()).not.toContain('secret');
    const next = await writer.get(`/v1/documents?cursor=${cursor}`);
    expect(next.json).toMatchObject({
      documents: [{ name: 'team/1' }, { name: 'team/2' }],
      cursor: null,
    });
    // Tampered with, or of another node, it is none.
    const other = cursor.slice(0, 20) + (cursor[20] === 'A' ? 'B' : 'A') + cursor.slice(21);
    expect((await writer.get(`/v1/documents?cursor=${other}`)).code).toBe('invalid-request');
  });

  it('R16 Expect: 100-continue with a bad token is refused before the body is asked for', async () => {
    const rest = await start();
    const ask = async (bearer: string): Promise<RawHttp> =>
      await new RawHttp(rest.url)
        .head(`PUT ${NOTES}`, {
          Authorization: `Bearer ${bearer}`,
          'Content-Type': 'application/octet-stream',
          'Content-Length': '2',
          Expect: '100-continue',
        })
        .answered();
    const bad = await ask('nonsense');
    expect(bad.status).toBe(401);
    expect(bad.header('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(bad.received).not.toContain('100 Continue');
    const good = new RawHttp(rest.url).head(`PUT ${NOTES}`, {
      Authorization: `Bearer ${token()}`,
      'Content-Type': 'application/octet-stream',
      'Content-Length': '2',
      Expect: '100-continue',
    });
    await expect.poll(() => good.received).toContain('HTTP/1.1 100 Continue\r\n\r\n');
    good.send(Uint8Array.of(0, 0));
    await expect.poll(() => good.received).toContain('201 Created');
  });

  it('says when a limit is reached, in the fields of the draft', async () => {
    const rest = await start({
      ...SECRET_NODE,
      rateUserMax: 3,
      rateAddressMax: 0,
      rateDocumentMax: 0,
    });
    const writer = rest.as(token());
    const first = await writer.put(NOTES, textUpdate('x'));
    expect(first.headers.get('ratelimit-policy')).toMatch(/"user";q=3;w=\d+/);
    expect(first.headers.get('ratelimit')).toMatch(/"user";r=2;t=\d+/);
    await writer.get(NOTES);
    await writer.get(NOTES);
    const fourth = await writer.get(NOTES);
    expect([fourth.status, fourth.code]).toEqual([429, 'rate-limited']);
    expect(Number(fourth.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await rest.as(token({ sub: 'bob' })).get(NOTES)).status).toBe(200);
  });

  it('R25 with OPERATIONS_PORT, health and metrics are 404 on the public port', async () => {
    const { node, url } = await startNode({ operationsPort: 0 });
    const rest = new Rest(url);
    const operationsUrl = String(node.operationsUrl);
    expect(operationsUrl).not.toBe(url);
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await rest.get(path)).code).toBe('not-found');
      expect((await fetch(operationsUrl + path)).status).toBe(200);
    }
    expect((await fetch(`${operationsUrl}/v1/documents`)).status).toBe(404);
    expect(await fetch(`${operationsUrl}/metrics`).then((answer) => answer.text())).toContain(
      'http_requests_total{route="/readyz",method="GET",status="404"} 1',
    );
  });

  it('[I7] J18 the log has requests, and their tokens only as REDACTED', async () => {
    const lines: unknown[] = [];
    const note = (...entry: unknown[]): void => {
      lines.push(entry);
    };
    const logger = { debug: note, info: note, warn: note, error: note } as unknown as Logger;
    const { url } = await startNode(SECRET_NODE, { ...memory, logger });
    const rest = new Rest(url, token());
    await rest.get(NOTES);
    await rest.as(null).get(`${NOTES}?x=private&token=${token()}`);
    await expect.poll(() => lines.length).toBeGreaterThan(1);
    const text = JSON.stringify(lines);
    expect(text).toContain('/v1/documents/team%2Fnotes?token=REDACTED');
    expect(text).not.toMatch(/eyJ|private|Bearer/);
  });
});
