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
import { pathOf, Rest, textUpdate, type RestOptions } from '../../support/rest.ts';
import { waitUntil } from '../../support/wait-until.ts';

const BODY_MAX = 64 * 1024;
const BODY_TIMEOUT_MS = 400;
/** The document that the rows ask for; `absent` is never created. */
const NOTES = pathOf('notes');
const ABSENT = pathOf('absent');

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

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);
const gzip = { 'Content-Encoding': 'gzip' };

type Row = readonly [
  name: string,
  request: readonly [method: string, path: string, options?: RestOptions],
  status: number,
  code: string,
];

const ROWS: readonly Row[] = [
  [
    'R01 an update as JSON',
    ['POST', `${NOTES}/updates`, { json: {} }],
    415,
    'unsupported-media-type',
  ],
  ['R01 an initial update as JSON', ['PUT', ABSENT, { json: {} }], 415, 'unsupported-media-type'],
  [
    'R01 a sync as octets',
    ['POST', `${NOTES}/sync`, { body: bytes(9) }],
    415,
    'unsupported-media-type',
  ],
  ['R02 no body', ['POST', `${NOTES}/updates`], 400, 'invalid-update'],
  ['R02 Content-Length: 0', ['POST', `${ABSENT}/updates`, { body: '' }], 400, 'invalid-update'],
  [
    'R03 limit + 1',
    ['POST', `${NOTES}/updates`, { body: bytes(BODY_MAX + 1) }],
    413,
    'body-too-large',
  ],
  [
    'R03 the limit itself is read',
    ['POST', `${NOTES}/updates`, { body: bytes(BODY_MAX) }],
    400,
    'invalid-update',
  ],
  [
    'R05 a coded body',
    ['POST', `${NOTES}/updates`, { body: bytes(9), headers: gzip }],
    415,
    'unsupported-media-type',
  ],
  [
    'R05 a coded JSON body',
    ['POST', `${NOTES}/copy`, { json: { to: 'absent' }, headers: gzip }],
    415,
    'unsupported-media-type',
  ],
  ['R07 not base64url', ['GET', `${NOTES}/state?since=a+b`], 400, 'invalid-state-vector'],
  [
    'R07 base64url with padding',
    ['GET', `${NOTES}/state?since=AA%3D%3D`],
    400,
    'invalid-state-vector',
  ],
  ['R07 empty', ['GET', `${NOTES}/state?since=`], 400, 'invalid-state-vector'],
  ['R07 twice', ['GET', `${NOTES}/state?since=AA&since=AA`], 400, 'invalid-state-vector'],
  ['R07 garbage', ['GET', `${NOTES}/state?since=____________`], 400, 'invalid-state-vector'],
  ['R08 an unknown document', ['GET', `${ABSENT}/state`], 404, 'document-not-found'],
  ['R08 metadata of one', ['GET', ABSENT], 404, 'document-not-found'],
  ['R08 connections of one', ['GET', `${ABSENT}/connections`], 404, 'document-not-found'],
  [
    'R10 X-Min-State-Vector that is none',
    ['GET', `${NOTES}/state`, { headers: { 'X-Min-State-Vector': '!' } }],
    400,
    'invalid-state-vector',
  ],
  ['R11 a method that the route lacks', ['PATCH', `${NOTES}/state`], 405, 'method-not-allowed'],
  ['R11 POST to what is only read', ['POST', NOTES, { body: bytes(1) }], 405, 'method-not-allowed'],
  ['R11 DELETE of the list', ['DELETE', '/v1/documents'], 405, 'method-not-allowed'],
  [
    'R12 Accept: text/html',
    ['GET', NOTES, { headers: { Accept: 'text/html' } }],
    406,
    'not-acceptable',
  ],
  [
    'R12 Accept: text/html of what is not there',
    ['GET', '/v1/nothing', { headers: { Accept: 'text/html' } }],
    404,
    'not-found',
  ],
  [
    'R12 Accept of a type that the state has not',
    ['GET', `${NOTES}/state`, { headers: { Accept: 'image/png' } }],
    406,
    'not-acceptable',
  ],
  [
    'R13 a write from a foreign page',
    [
      'POST',
      `${NOTES}/updates`,
      { body: textUpdate('evil'), headers: { Origin: 'https://evil.example' } },
    ],
    403,
    'origin-refused',
  ],
  [
    'R13 a write from an opaque origin',
    ['PUT', ABSENT, { headers: { Origin: 'null' } }],
    403,
    'origin-refused',
  ],
  [
    'R13 a deletion across sites',
    ['DELETE', NOTES, { headers: { 'Sec-Fetch-Site': 'cross-site' } }],
    403,
    'origin-refused',
  ],
  ['R15 a bad escape', ['GET', '/v1/documents/%zz'], 400, 'invalid-request'],
  ['R15 NUL', ['GET', '/v1/documents/a%00b'], 400, 'invalid-document-name'],
  ['R15 dots', ['GET', '/v1/documents/..%2f..%2fetc%2fpasswd'], 400, 'invalid-document-name'],
  [
    'R15 double encoding is a name with a percent sign',
    ['GET', '/v1/documents/a%252Fb'],
    400,
    'invalid-document-name',
  ],
  ['R15 a slash that is not encoded', ['GET', '/v1/documents/a/b'], 404, 'not-found'],
  ['R15 10 KB', ['GET', `/v1/documents/${'x'.repeat(10_000)}`], 414, 'uri-too-long'],
  ['R15 a trailing slash', ['GET', '/v1/documents/'], 404, 'not-found'],
  ['R15 another case', ['GET', '/v1/Documents'], 404, 'not-found'],
  [
    'R14 copy to a name that is none',
    ['POST', `${NOTES}/copy`, { json: { to: '../x' } }],
    400,
    'invalid-document-name',
  ],
  [
    'R14 a member too many',
    ['POST', `${NOTES}/copy`, { json: { to: 'absent', and: 1 } }],
    400,
    'invalid-request',
  ],
  [
    'R14 a member of another type',
    ['POST', `${NOTES}/copy`, { json: { to: ['absent'] } }],
    400,
    'invalid-request',
  ],
  [
    'R17 an Idempotency-Key of control characters',
    ['PUT', ABSENT, { headers: { 'Idempotency-Key': 'a b' } }],
    400,
    'invalid-request',
  ],
  ['a limit that is none', ['GET', '/v1/documents?limit=1e3'], 400, 'invalid-request'],
  [
    'If-None-Match of a tag on a write',
    ['PUT', NOTES, { headers: { 'If-None-Match': '"x"' } }],
    400,
    'invalid-request',
  ],
];

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
    const preflight = async (origin: string): Promise<Headers> => {
      const answer = await fetch(`${url}${NOTES}/updates`, {
        method: 'OPTIONS',
        headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
      });
      expect(answer.status).toBe(204);
      return answer.headers;
    };
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
