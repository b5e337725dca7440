/** Webhooks of a whole node: LevelDB, HTTP, a receiver that checks every signature. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../../server/options.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { Rest, textUpdate } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { WEBHOOK_SECRET, WebhookReceiver } from '../../support/webhook-receiver.ts';

const webhooks = (receiver: { readonly url: string }, more: Partial<Config> = {}) => ({
  webhookUrl: receiver.url,
  webhookSecret: WEBHOOK_SECRET,
  webhookDebounceMs: 50,
  ...more,
});

describe('webhooks', () => {
  it('tell of every document that is created, changed and deleted, signed, and never what it says', async () => {
    const receiver = await WebhookReceiver.start();
    const { node, url } = await startNode({ ...webhooks(receiver), nodeId: 'n1', region: 'r1' });
    const rest = new Rest(url);
    await rest.put('/v1/documents/team%2Fnotes', textUpdate('a secret plan', 1));
    await waitUntil('the creation', () => receiver.taken.length === 1);
    await rest.post('/v1/documents/team%2Fnotes/updates', textUpdate('more', 2));
    await waitUntil('the change', () => receiver.taken.length === 2);
    await rest.send('DELETE', '/v1/documents/team%2Fnotes');
    await waitUntil('the deletion', () => receiver.taken.length === 3);
    expect(receiver.told).toEqual([
      'created team/notes',
      'changed team/notes',
      'deleted team/notes',
    ]);
    expect(receiver.problems).toEqual([]);
    expect(receiver.bodies.join('')).not.toMatch(/secret|plan|more/);
    const [first] = receiver.taken;
    expect(Object.keys(first ?? {})).toEqual(['id', 'type', 'document', 'at', 'node', 'region']);
    expect(first).toMatchObject({ node: 'n1', region: 'r1' });
    expect(Math.abs(Date.parse(first?.at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(await metric(node, 'webhook_deliveries_total{result="delivered"}')).toBe(3);
    await waitUntil('the log to be trimmed', async () => {
      return (await metric(node, 'change_log_bytes')) === 0;
    });
    expect(await metric(node, 'webhook_backlog')).toBe(0);
  });

  it('an endpoint that is down delays nothing, and is told everything when it is back', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.reply = () => null;
    const { node, url } = await startNode(webhooks(receiver));
    const rest = new Rest(url);
    for (let index = 0; index < 20; index++) {
      const startMs = performance.now();
      const { status } = await rest.put(`/v1/documents/d${index}`, textUpdate('x', index + 1));
      expect(status).toBe(201);
      expect(performance.now() - startMs).toBeLessThan(2000);
    }
    await waitUntil('attempts', () => receiver.seen.length >= 20);
    expect(await metric(node, 'webhook_deliveries_total{result="retried"}')).toBeGreaterThan(0);
    receiver.reply = () => ({ status: 200 });
    await waitUntil('everything to be told', () => new Set(receiver.told).size === 20, 20_000);
    expect(receiver.problems).toEqual([]);
  });

  it('a slow endpoint delays one document only; one that never answers is given up after the timeout', async () => {
    const receiver = await WebhookReceiver.start();
    const held: (() => void)[] = [];
    receiver.reply = async ({ document }) => {
      if (document === 'slow') await new Promise<void>((resolve) => held.push(resolve));
      return { status: 200 };
    };
    const { node, url } = await startNode(webhooks(receiver, { webhookTimeoutMs: 300 }));
    const rest = new Rest(url);
    await rest.put('/v1/documents/slow', textUpdate('x', 1));
    await waitUntil('the slow one', () => receiver.seen.length === 1);
    for (let index = 0; index < 10; index++) {
      await rest.put(`/v1/documents/d${index}`, textUpdate('x', index + 2));
    }
    await waitUntil('the others', () => receiver.told.length === 10);
    await waitUntil('the timeout', async () => {
      return (await metric(node, 'webhook_deliveries_total{result="retried"}')) >= 1;
    });
    receiver.reply = () => ({ status: 200 });
    for (const release of held) release();
    await waitUntil('the slow one again', () => receiver.told.includes('created slow'), 20_000);
    const ids = receiver.seen.filter(({ document }) => document === 'slow').map(({ id }) => id);
    expect(new Set(ids).size).toBe(1);
  });

  it('redirects are not followed', async () => {
    const receiver = await WebhookReceiver.start();
    const other = await WebhookReceiver.start();
    receiver.reply = () => ({ status: 307, headers: { Location: other.url } });
    const { url } = await startNode(webhooks(receiver, { webhookAttemptsMax: 1 }));
    const rest = new Rest(url);
    await rest.put('/v1/documents/a', textUpdate('x', 1));
    await waitUntil('a dead letter', async () => (await lettersOf(rest)).length === 1);
    expect(other.seen).toEqual([]);
    expect((await lettersOf(rest))[0]).toMatchObject({ reason: 'status 307 (not followed)' });
  });

  it('a receiver that answers endlessly takes no memory, and counts by its status', async () => {
    let isEnded = false;
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more).on('close', () => (isEnded = true));
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const { node, url } = await startNode(webhooks({ url: `http://127.0.0.1:${port}/` }));
    await new Rest(url).put('/v1/documents/a', textUpdate('x', 1));
    await waitUntil('the delivery', async () => {
      return (await metric(node, 'webhook_deliveries_total{result="delivered"}')) === 1;
    });
    await waitUntil('the connection to be closed', () => isEnded);
  });

  it('what was not told before a drain is told by the next process', async () => {
    const dataDir = tempDir();
    const receiver = await WebhookReceiver.start();
    receiver.reply = () => ({ status: 500 });
    const first = await startNode({ ...webhooks(receiver), dataDir });
    await new Rest(first.url).put('/v1/documents/a', textUpdate('x', 1));
    await new Rest(first.url).put('/v1/documents/b', textUpdate('x', 2));
    await waitUntil('attempts', () => receiver.seen.length >= 2);
    await first.node.close();
    receiver.reply = () => ({ status: 200 });
    const before = receiver.seen.length;
    await startNode({ ...webhooks(receiver), dataDir });
    await waitUntil('the rest', () => receiver.taken.length >= 2, 20_000);
    expect(receiver.told.toSorted()).toEqual(['created a', 'created b']);
    const ids = (part: typeof receiver.seen) => new Set(part.map(({ id }) => id));
    expect(ids(receiver.seen.slice(before))).toEqual(ids(receiver.seen.slice(0, before)));
  });

  it('an endpoint that hangs does not hold up the end of the node', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.reply = () => new Promise(() => undefined);
    const { node, url } = await startNode(webhooks(receiver, { drainTimeoutMs: 1000 }));
    await new Rest(url).put('/v1/documents/a', textUpdate('x', 1));
    await waitUntil('the attempt', () => receiver.seen.length === 1);
    const startMs = performance.now();
    await node.close();
    expect(performance.now() - startMs).toBeLessThan(2500);
  });
});

async function lettersOf(rest: Rest): Promise<readonly Record<string, unknown>[]> {
  const { json } = await rest.get('/v1/webhooks/dead-letters');
  return json['deadLetters'] as readonly Record<string, unknown>[];
}

async function withLetters(names: readonly string[]) {
  const receiver = await WebhookReceiver.start();
  receiver.reply = () => ({ status: 422 });
  const { node, url } = await startNode(webhooks(receiver));
  const rest = new Rest(url);
  for (const [index, name] of names.entries()) {
    await rest.put(`/v1/documents/${name}`, textUpdate('x', index + 1));
    await waitUntil('its letter', async () => (await lettersOf(rest)).length === index + 1);
  }
  return { receiver, node, rest };
}

describe('dead letters', () => {
  it('are listed, sent again, and thrown away over REST, and counted', async () => {
    const { receiver, node, rest } = await withLetters(['a', 'b', 'c']);
    const letters = await lettersOf(rest);
    expect(letters).toMatchObject(
      ['a', 'b', 'c'].map((document) => ({
        type: 'document.created',
        document,
        attempts: 1,
        reason: 'status 422',
      })),
    );
    expect(await metric(node, 'webhook_dead_letters')).toBe(3);
    const page = (await rest.get('/v1/webhooks/dead-letters?limit=2')).json;
    const next = await rest.get(`/v1/webhooks/dead-letters?cursor=${String(page['cursor'])}`);
    expect(next.json).toMatchObject({ deadLetters: [{ document: 'c' }], cursor: null });
    receiver.reply = () => ({ status: 200 });
    const [a, b] = letters.map(({ id }) => String(id));
    expect((await rest.send('POST', `/v1/webhooks/dead-letters/${a}/retry`)).status).toBe(202);
    await waitUntil('the retry', () => receiver.told.includes('created a'));
    expect(receiver.taken[0]?.id).toBe(a);
    expect((await rest.send('DELETE', `/v1/webhooks/dead-letters/${b}`)).status).toBe(204);
    expect((await lettersOf(rest)).map(({ document }) => document)).toEqual(['c']);
    for (const id of [a, b, 'evt_none', 'x'.repeat(500), '..%2F..']) {
      expect((await rest.send('POST', `/v1/webhooks/dead-letters/${id}/retry`)).code).toBe(
        'not-found',
      );
      expect((await rest.send('DELETE', `/v1/webhooks/dead-letters/${id}`)).code).toBe('not-found');
    }
    expect(await metric(node, 'webhook_dead_letters')).toBe(1);
  });

  it('[I7] are not there on a node without webhooks', async () => {
    const { url } = await startNode();
    const rest = new Rest(url);
    expect((await rest.get('/v1/webhooks/dead-letters')).code).toBe('not-found');
    expect((await rest.send('POST', '/v1/webhooks/dead-letters/x/retry')).code).toBe('not-found');
  });
});
