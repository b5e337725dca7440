/** Getting in: how a token may be sent, tickets, rates, origins; and what a node says and keeps of those it refuses. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import type { Config } from '../../../server/options.ts';
import type { NodeParts } from '../../../server/node.ts';
import { metric, startNode, type RunningNode } from '../../support/in-process-node.ts';
import { knock, openSocket, whenClosed, type Outcome } from '../../support/knock.ts';
import { DOCUMENT } from '../../support/token-cases.ts';
import { nowS, SECRET_NODE, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const start = (config: Partial<Config> = {}, parts: NodeParts = {}): Promise<RunningNode> =>
  startNode(
    { ...SECRET_NODE, ...config },
    { createStore: (observer) => new MemoryStore({ observer }), ...parts },
  );

const said = (outcome: Outcome): string =>
  outcome.kind === 'in'
    ? 'in'
    : outcome.kind === 'http'
      ? `HTTP ${outcome.status}`
      : `${outcome.code} ${outcome.reason}`;

describe('how a token is sent', () => {
  it('J19 in a subprotocol: only the plain name is echoed', async () => {
    const { webSocketUrl } = await start();
    const outcome = await knock(webSocketUrl, DOCUMENT, { token: token(), carrier: 'subprotocol' });
    expect(outcome.kind === 'in' ? outcome.socket.protocol : said(outcome)).toBe('syncline');
    const text = token();
    const alone = new WebSocket(`${webSocketUrl}/${DOCUMENT}`, [`token.${text}`]);
    const error = await new Promise<Error>((resolve) => {
      alone.once('error', resolve);
    });
    expect(error.message).toMatch(/no subprotocol/);
    expect(alone.protocol).not.toContain(text);
  });

  it('J19 a node without access control does not echo it either', async () => {
    const { webSocketUrl } = await start({ auth: 'loopback', jwtSecret: null });
    const outcome = await knock(webSocketUrl, DOCUMENT, { token: 'a.b.c', carrier: 'subprotocol' });
    expect(outcome.kind === 'in' ? outcome.socket.protocol : said(outcome)).toBe('syncline');
  });

  it.each([
    ['bearer in lower case', { Authorization: `bearer ${token()}` }, '', 'in'],
    ['BEARER', { Authorization: `BEARER ${token()}` }, '', 'in'],
    ['header and query', { Authorization: `Bearer ${token()}` }, `?token=${token()}`, 'HTTP 400'],
    ['two in the query', {}, `?token=${token()}&token=${token()}`, 'HTTP 400'],
  ])('J28 %s', async (_name, headers, query, expected) => {
    const { webSocketUrl } = await start();
    expect(said(await knock(webSocketUrl, '', { headers, path: `${DOCUMENT}${query}` }))).toBe(
      expected,
    );
  });

  it.each([
    ['http://evil.example', {}],
    ['null', {}],
    ['http://evil.example', { 'Sec-Fetch-Site': 'cross-site', Cookie: 'session=x' }],
  ])('J20 from %s with a good token: 403', async (origin, headers) => {
    const { webSocketUrl } = await start();
    const outcome = await knock(webSocketUrl, DOCUMENT, {
      token: token(),
      headers: { Origin: origin, ...headers },
    });
    expect(said(outcome)).toBe('HTTP 403');
  });

  it('W12 without Origin only a token counts, a cookie never', async () => {
    const { webSocketUrl } = await start();
    const headers = { Cookie: `token=${token()}; Authorization=${token()}` };
    expect(said(await knock(webSocketUrl, DOCUMENT, { headers }))).toBe('4401 missing-token');
  });
});

describe('tickets', () => {
  it('J18 J24 opens one socket, which outlives it', async () => {
    const { webSocketUrl, url } = await start({ clockToleranceMs: 0 });
    const ask = await fetch(`${url}/v1/tickets`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token({ exp: nowS() + 3 })}` },
    });
    expect(ask.status).toBe(201);
    const { token: ticket } = (await ask.json()) as { token: string };
    const first = await knock(webSocketUrl, DOCUMENT, { token: ticket });
    expect(said(first)).toBe('in');
    expect(said(await knock(webSocketUrl, DOCUMENT, { token: ticket }))).toBe('4401 invalid-token');
    // It ends with the token that it stands for.
    if (first.kind === 'in') expect((await whenClosed(first.socket)).reason).toBe('token-expired');
  });

  it('are not minted by a node that has only a public key, or none', async () => {
    const { url } = await start({ auth: 'loopback', jwtSecret: null });
    expect((await fetch(`${url}/v1/tickets`, { method: 'POST' })).status).toBe(404);
  });
});

const from = (address: string): Record<string, string> => ({ 'X-Forwarded-For': address });

describe('rates', () => {
  it('W33 upgrades from one address beyond its quota: 429 with Retry-After; others and open sockets go on', async () => {
    const { webSocketUrl, node } = await start({ trustProxy: 1, rateUpgradesMax: 20 });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, () =>
        knock(webSocketUrl, DOCUMENT, { token: token(), headers: from('192.0.2.1') }),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'in')).toHaveLength(20);
    const refused = outcomes.filter((outcome) => outcome.kind === 'http');
    expect(refused).toHaveLength(40);
    for (const { status, headers } of refused) {
      expect(status).toBe(429);
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(Number(headers['retry-after'])).toBeLessThanOrEqual(10);
    }
    const other = { token: token(), headers: from('192.0.2.2') };
    expect(said(await knock(webSocketUrl, DOCUMENT, other))).toBe('in');
    expect(await metric(node, 'connections')).toBe(21);
  });

  it('the defaults spare a loopback address, where a proxy may hide everybody', async () => {
    const { webSocketUrl } = await start();
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, () => knock(webSocketUrl, DOCUMENT, { token: token() })),
    );
    expect(outcomes.every(({ kind }) => kind === 'in')).toBe(true);
  });

  it('J26 bad tokens beyond the budget are not looked at: 429, on sockets and over REST', async () => {
    const { webSocketUrl, url, node } = await start({ trustProxy: 1, rateBadTokensMax: 10 });
    const bad = { token: 'bad', headers: from('192.0.2.1') };
    const outcomes: string[] = [];
    for (let count = 0; count < 12; count += 1) {
      outcomes.push(said(await knock(webSocketUrl, DOCUMENT, bad)));
    }
    expect(outcomes.slice(0, 10)).toEqual(outcomes.slice(0, 10).fill('4401 invalid-token'));
    expect(outcomes.slice(10)).toEqual(['HTTP 429', 'HTTP 429']);
    const rest = await fetch(`${url}/v1/documents`, {
      headers: { Authorization: 'Bearer bad', ...from('192.0.2.1') },
    });
    expect(rest.status).toBe(429);
    expect(Number(rest.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const elsewhere = { token: token(), headers: from('192.0.2.2') };
    expect(said(await knock(webSocketUrl, DOCUMENT, elsewhere))).toBe('in');
    const text = await node.metrics();
    expect(text).toMatch(/auth_rejected_total\{reason="format"\} 10/);
  });

  it('X-Forwarded-For is not believed without TRUST_PROXY', async () => {
    const { webSocketUrl } = await start({ rateUpgradesMax: 2 });
    const outcomes: string[] = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      outcomes.push(
        said(await knock(webSocketUrl, DOCUMENT, { token: token(), headers: from(address) })),
      );
    }
    expect(outcomes).toEqual(['in', 'in', 'HTTP 429']);
  });
});

describe('before somebody is let in', () => {
  it('W15 nothing is read while the token is looked at, and it counts as a connection', async () => {
    let answer: ((level: 'write') => void) | undefined;
    const { webSocketUrl } = await start(
      { connectionsMax: 1 },
      {
        authorize: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    );
    const socket = openSocket(webSocketUrl, DOCUMENT, { token: token() });
    await waitUntil('asked', () => answer !== undefined);
    expect(socket.readyState).toBe(WebSocket.CONNECTING);
    expect(said(await knock(webSocketUrl, DOCUMENT, { token: token() }))).toBe('HTTP 503');
    const opened = new Promise((resolve) => {
      socket.once('open', resolve);
    });
    answer?.('write');
    await opened;
  });

  it('W15 a refused client that keeps sending is cut off, its frames are not kept', async () => {
    const { webSocketUrl, node } = await start();
    const sockets = Array.from({ length: 20 }, () => openSocket(webSocketUrl, DOCUMENT));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.once('open', () => socket.send(Buffer.alloc(8 * 1024 * 1024)));
        const { code } = await whenClosed(socket);
        expect([4401, 1006, 1009]).toContain(code);
      }),
    );
    expect(await metric(node, 'connections')).toBe(0);
    expect(await metric(node, 'documents_open')).toBe(0);
  });

  it('a place that was kept is given back, whatever became of the client', async () => {
    const { webSocketUrl } = await start({ connectionsMax: 2 });
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([knock(webSocketUrl, DOCUMENT), knock(webSocketUrl, DOCUMENT)]);
      await waitUntil('room again', async () => {
        const outcome = await knock(webSocketUrl, DOCUMENT, { token: token() });
        if (outcome.kind === 'in') outcome.socket.terminate();
        return outcome.kind === 'in';
      });
    }
  });
});
