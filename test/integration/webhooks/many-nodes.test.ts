/** Webhooks of nodes that share a Redis: each change is told once, and of a node that was killed by the other one. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { NodeProcess } from '../../support/node-process.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { WEBHOOK_SECRET, WebhookReceiver } from '../../support/webhook-receiver.ts';

const PATIENCE_MS = 30_000;

interface Pair {
  readonly receiver: WebhookReceiver;
  readonly a: NodeProcess;
  readonly b: NodeProcess;
}

async function pair(debounceMs: number): Promise<Pair> {
  const redis = await RedisProcess.start();
  onTestFinished(async () => {
    await redis.end();
  });
  const receiver = await WebhookReceiver.start();
  const start = async (id: string): Promise<NodeProcess> => {
    const env = {
      NODE_ID: id,
      REDIS_URL: redis.url,
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET,
      WEBHOOK_DEBOUNCE_MS: `${debounceMs}ms`,
    };
    return await NodeProcess.start({ dataDir: tempDir(), env });
  };
  const [a, b] = await Promise.all([start('a'), start('b')]);
  await waitUntil('they hear each other', async () => {
    const heard = await Promise.all([a, b].map(({ url }) => peersOf(url)));
    return heard.every((peers) => peers === 1);
  });
  // Said when the other one was heard; longer than a message takes.
  await waitUntil('both know that the other one tells', async () => {
    const name = `probe${Math.random()}`;
    await new Rest(a.url).put(pathOf(name), textUpdate('x'));
    await waitUntil('told', () => receiver.told.includes(`created ${name}`), PATIENCE_MS);
    await waitUntil('stored by both', async () => {
      return (await new Rest(b.url).get(pathOf(name))).status === 200;
    });
    return receiver.taken.filter(({ document }) => document === name).length === 1;
  });
  return { receiver, a, b };
}

async function peersOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^bus_peers (\d+)/m.exec(text)?.[1]);
}

describe('nodes with the same WEBHOOK_URL', () => {
  it('tell each change once, and it is the node that took it', async () => {
    const { receiver, a, b } = await pair(50);
    const names = Array.from({ length: 20 }, (_, at) => `d${at}`);
    for (const [at, name] of names.entries()) {
      const [first, second] = at % 2 === 0 ? [a, b] : [b, a];
      await new Rest(first.url).put(pathOf(name), textUpdate('x'));
      await waitUntil('it is there', async () => {
        return (await new Rest(second.url).get(pathOf(name))).status === 200;
      });
      await new Rest(second.url).post(`${pathOf(name)}/updates`, textUpdate('y'));
    }
    const told = (): string[] =>
      receiver.taken
        .filter(({ document }) => document.startsWith('d'))
        .map(({ type, document, node }) => `${type.replace('document.', '')} ${document} ${node}`)
        .toSorted();
    const expected = names
      .flatMap((name, at) => {
        const [first, second] = at % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
        return [`created ${name} ${first}`, `changed ${name} ${second}`];
      })
      .toSorted();
    await waitUntil('all is told', () => told().length >= expected.length, PATIENCE_MS);
    // What would come twice would come by now: both logs are empty.
    await waitUntil('nothing is left to tell', async () => {
      const texts = await Promise.all([a, b].map(({ url }) => fetch(`${url}/metrics`)));
      const bodies = await Promise.all(texts.map((answer) => answer.text()));
      return bodies.every(
        (body) => /^webhook_backlog 0$/m.test(body) && /^change_log_bytes 0$/m.test(body),
      );
    });
    expect(told()).toEqual(expected);
    expect(receiver.problems).toEqual([]);
  });

  it('one that is destroyed before it has told is spoken for by the other', async () => {
    const { receiver, a, b } = await pair(3_000);
    await new Rest(a.url).put(pathOf('last words'), textUpdate('x'));
    await new Rest(a.url).post(`${pathOf('last words')}/updates`, textUpdate('y'));
    await waitUntil('b has it', async () => {
      const { body } = await new Rest(b.url).get(`${pathOf('last words')}/state`);
      return body.length > textUpdate('x').length;
    });
    a.kill();
    const byB = (): string[] =>
      receiver.taken.filter(({ node }) => node === 'b').map(({ document }) => document);
    await waitUntil('b tells it', () => byB().includes('last words'), PATIENCE_MS);
  });
});
