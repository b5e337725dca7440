/**
 * Table R of the bad inputs over a real node. Besides its own answer every row leaves behind a node that lives, a
 * document that others can edit, and a store without a trace of what was refused.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNode, type Node } from '../../../server/node.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { ABSENT, BODY_MAX, NOTES, ROWS } from '../../support/request-cases.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { waitUntil } from '../../support/wait-until.ts';

const BODY_TIMEOUT_MS = 400;

let node: Node;
let rest: Rest;
let url: string;
let version = '';

beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'syncline-rest-'));
  node = createNode({
    port: 0,
    logLevel: 'silent',
    dataDir,
    frameBytesMax: BODY_MAX,
    bodyTimeoutMs: BODY_TIMEOUT_MS,
    allowedOrigins: ['https://app.example.com'],
  });
  url = await node.listen();
  rest = new Rest(url);
  await rest.put(NOTES, textUpdate('as it was'));
  return async () => {
    await node.close();
    rmSync(dataDir, { recursive: true });
  };
});

beforeEach(async () => {
  version = String((await rest.get(NOTES)).json['version']);
});

afterEach(async () => {
  await assertNothingLeft();
});

/** Nothing of a row is left, and everybody else goes on. */
async function assertNothingLeft(): Promise<void> {
  expect((await rest.get(NOTES)).json['version']).toBe(version);
  expect((await rest.get(ABSENT)).code).toBe('document-not-found');
  const startMs = performance.now();
  const other = await rest.post(`${pathOf('others')}/updates`, textUpdate('x'));
  expect(other.status).toBe(200);
  expect(performance.now() - startMs).toBeLessThan(500);
  const { documents } = (await rest.get('/v1/documents')).json;
  const names = (documents as { name: string }[]).map(({ name }) => name);
  expect(names).toEqual(['notes', 'others']);
}

async function preflight(origin: string): Promise<Headers> {
  const answer = await fetch(`${url}${NOTES}/updates`, {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
  });
  expect(answer.status).toBe(204);
  return answer.headers;
}

describe('table R', () => {
  it.each(ROWS)('%s', async (_name, [method, path, options], status, code) => {
    const answer = await rest.send(method, path, options);
    expect([answer.status, answer.code]).toEqual([status, code]);
    expect(answer.text).not.toMatch(/evil|passwd|xxxx|node_modules|\.js/);
    const host = new URL(url).host;
    expect(answer.json['type']).toBe(`https://${host}/problems/${code}`);
  });

  const JSON_BODIES: readonly (readonly [string, string, number])[] = [
    ['depth 10^5', `{"to":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 400],
    ['a key twice', '{"to":"absent","to":"others"}', 400],
    ['a key twice, escaped', '{"to":"absent","t\\u006f":"others"}', 400],
    ['__proto__', '{"to":"absent","__proto__":{"isAdmin":true}}', 400],
    ['__proto__, escaped', '{"to":"absent","\\u005f_proto__":{"isAdmin":true}}', 400],
    ['1e400', '{"to":1e400}', 400],
    ['not UTF-8', '{"to":"\xff"}', 400],
    ['not JSON', '{"to":', 400],
    ['nothing', '', 400],
    ['20 MB', `{"to":"${'x'.repeat(20_000_000)}"}`, 413],
  ];

  it.each(JSON_BODIES)('R14 JSON: %s', async (_name, text, status) => {
    const answer = await rest.send('POST', `${NOTES}/copy`, {
      body: Buffer.from(text, 'latin1'),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(answer.status).toBe(status);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('R03 chunks that run past the limit: 413, and the connection ends', async () => {
    const raw = new RawHttp(url).head(`POST ${NOTES}/updates`, {
      'Content-Type': 'application/octet-stream',
      'Transfer-Encoding': 'chunked',
    });
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    for (let sent = 0; sent < 3 * BODY_MAX && raw.status === 0; sent += 0x4000) raw.send(chunk);
    await raw.answered();
    expect(raw.status).toBe(413);
    expect(raw.header('connection')).toBe('close');
    await raw.closed();
  });

  it('R03 a length over the limit is refused before a byte of the body', async () => {
    const raw = new RawHttp(url).head(`POST ${NOTES}/updates`, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': '10000000000',
    });
    await raw.answered();
    expect(raw.status).toBe(413);
    await raw.closed();
  });

  it('R04 a body that stalls: 408', async () => {
    const raw = new RawHttp(url)
      .head(`POST ${NOTES}/updates`, {
        'Content-Type': 'application/octet-stream',
        'Content-Length': '100',
      })
      .send('0123');
    const startMs = performance.now();
    await raw.answered();
    expect(performance.now() - startMs).toBeGreaterThan(BODY_TIMEOUT_MS * 0.9);
    expect(raw.status).toBe(408);
    expect(raw.body).toContain('request-timeout');
    await raw.closed();
  });

  it('R07 a state vector of 1 MB: 414', async () => {
    const raw = new RawHttp(url).head(`GET ${NOTES}/state?since=${'A'.repeat(1_000_000)}`);
    await raw.answered();
    expect(raw.status).toBe(414);
    expect(raw.body).toContain('uri-too-long');
  });

  it('R09 an unchanged version is 304, another one 200 with a strong tag', async () => {
    const first = await rest.get(`${NOTES}/state`);
    const tag = String(first.headers.get('etag'));
    expect(tag).toMatch(/^"[\w-]+"$/);
    for (const list of [tag, `W/${tag}`, `"x", ${tag}`, '*', tag.replace(/"$/, '-gz"')]) {
      const same = await rest.get(`${NOTES}/state`, { 'If-None-Match': list });
      expect([list, same.status]).toEqual([list, 304]);
    }
    const stale = await rest.get(`${NOTES}/state`, { 'If-None-Match': '"stale"' });
    expect([stale.status, stale.headers.get('etag')]).toEqual([200, tag]);
  });

  it('R10 a version that the node has not reached: 503 after 2 s; one that it has: at once', async () => {
    const { stateVector } = (await rest.get(NOTES)).json;
    const seen = { 'X-Min-State-Vector': String(stateVector) };
    expect((await rest.get(`${NOTES}/state`, seen)).status).toBe(200);
    const ahead = Buffer.from([1, 9, 9]).toString('base64url');
    const startMs = performance.now();
    const behind = await rest.get(`${NOTES}/state`, { 'X-Min-State-Vector': ahead });
    expect(performance.now() - startMs).toBeGreaterThan(1900);
    expect([behind.status, behind.code]).toEqual([503, 'replica-behind']);
    expect(behind.headers.get('retry-after')).toBe('1');
  });

  it.each([
    ['TRACE', NOTES, 'GET, PUT, DELETE, HEAD, OPTIONS'],
    ['TRACE', '/', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', `${NOTES}/state`, 'GET, HEAD, OPTIONS'],
    ['BREW', NOTES, 'GET, HEAD, PUT, POST, DELETE, OPTIONS'],
  ])('R11 %s %s: 405 with Allow', async (method, path, allow) => {
    const raw = await new RawHttp(url).head(`${method} ${path}`).answered();
    expect(raw.status).toBe(405);
    expect(raw.header('allow')).toBe(allow);
  });

  it('R13 a preflight of a foreign page is allowed nothing, one of ours what it needs', async () => {
    const foreign = await preflight('https://evil.example');
    expect(foreign.get('access-control-allow-origin')).toBeNull();
    expect(foreign.get('access-control-allow-methods')).toBeNull();
    const ours = await preflight('https://app.example.com');
    expect(ours.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(ours.get('access-control-allow-credentials')).toBeNull();
    expect(ours.get('access-control-allow-headers')).toContain('Authorization');
    const read = await rest.get(`${NOTES}/state`, { Origin: 'https://app.example.com' });
    expect(read.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(read.headers.get('access-control-expose-headers')).toContain('ETag');
    expect(read.headers.get('vary')).toContain('Origin');
    const other = await rest.get(`${NOTES}/state`, { Origin: 'https://evil.example' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('R13 a name that was rebound to loopback reads nothing', async () => {
    const raw = new RawHttp(url).head(`GET ${NOTES}/state`, { Host: 'evil.example:1234' });
    await raw.answered();
    expect(raw.status).toBe(403);
    expect(raw.body).toContain('origin-refused');
  });

  it('R17 the same key twice: the same answer; another body: 422', async () => {
    const path = `${pathOf('others')}/updates`;
    const key = { 'Idempotency-Key': 'b5a2-1' };
    const update = textUpdate('once');
    const first = await rest.post(path, update, key);
    const second = await rest.post(path, update, key);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const other = await rest.post(path, textUpdate('other'), key);
    expect([other.status, other.code]).toEqual([422, 'idempotency-conflict']);
    const otherPath = await rest.put(pathOf('others'), textUpdate('x'), key);
    expect(otherPath.status).toBe(200);
  });

  it('R17 the same key twice at once is done once', async () => {
    const key = { 'Idempotency-Key': 'at-once' };
    const path = `${pathOf('others')}/updates`;
    const update = textUpdate('at once');
    const answers = await Promise.all([1, 2, 3].map(() => rest.post(path, update, key)));
    expect(answers.map(({ json }) => json['redundant'])).toEqual([false, false, false]);
  });

  it('R20 both lengths: 400, and the socket is closed', async () => {
    const raw = new RawHttp(url).head(`POST ${NOTES}/updates`, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': '4',
      'Transfer-Encoding': 'chunked',
    });
    await raw.closed();
    expect(raw.status).toBe(400);
  });

  it('R21 a client that leaves in the middle of an upload leaves nothing', async () => {
    const update = textUpdate('half of this');
    const raw = new RawHttp(url)
      .head(`POST ${NOTES}/updates`, {
        'Content-Type': 'application/octet-stream',
        'Content-Length': String(update.byteLength + 1),
      })
      .send(update);
    await new Promise((resolve) => raw.socket.once('connect', resolve));
    await new Promise((resolve) => {
      raw.socket.end(() => {
        resolve(undefined);
      });
    });
    await raw.closed();
    await waitUntil('the request is given up', async () =>
      /http_problem_total\{type="invalid-request"\} \d/.test(await node.metrics()),
    );
  });
});
