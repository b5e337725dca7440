/**
 * Nodes in processes of their own, over real Redis servers: what is cut, stopped, killed or emptied heals by itself,
 * and nobody who edits notices. The readers only listen: nothing is healed by somebody who types or comes back. [I2] [I4]
 */
import { describe, expect, it, type TestContext } from 'vitest';
import * as Y from 'yjs';
import { BusStage } from '../../support/bus-stage.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { AUDIENCE, ISSUER, SECRET, admin, token } from '../../support/tokens.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NAME = 'minutes';
/** No promise: how soon what was lost comes is measured in heal.test.ts and outage.test.ts. */
const HEALED_MS = 15_000;
const PATIENCE_MS = 30_000;

interface Two {
  readonly a: NodeProcess;
  readonly b: NodeProcess;
  readonly reader: SyncClient;
}

async function node(env: Readonly<Record<string, string>>): Promise<NodeProcess> {
  return await NodeProcess.start({ dataDir: tempDir(), env });
}

async function two(
  envA: Readonly<Record<string, string>>,
  envB: Readonly<Record<string, string>>,
): Promise<Two> {
  const [a, b] = await Promise.all([node(envA), node(envB)]);
  // The document has a text, and its reader at B sees it: the bus carries.
  expect((await new Rest(a.url).put(pathOf(NAME), textUpdate('hello world', 1))).status).toBe(201);
  const reader = new SyncClient(b.webSocketUrl, NAME);
  await waitUntil('the reader has the text', () => textOf(reader.doc) !== '', PATIENCE_MS);
  return { a, b, reader };
}

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toString();
}

/** Types (or deletes) on top of all that the node has; returns how long the answer took: milliseconds. */
async function edit({ url }: NodeProcess, change: (text: Y.Text) => void): Promise<number> {
  const rest = new Rest(url);
  const doc = await rest.document(NAME);
  const before = Y.encodeStateVector(doc);
  change(doc.getText('text'));
  const update = Y.encodeStateAsUpdate(doc, before);
  const startMs = performance.now();
  const { status } = await rest.post(`${pathOf(NAME)}/updates`, update);
  expect(status).toBe(200);
  return performance.now() - startMs;
}

async function untilRead({ reader }: Two, text: string): Promise<void> {
  await waitUntil(`the reader reads "${text}"`, () => textOf(reader.doc) === text, HEALED_MS);
}

async function oneRedis(context: TestContext): Promise<
  Two & {
    readonly redis: Awaited<ReturnType<BusStage['redis']>>;
  }
> {
  const stage = new BusStage(context);
  const redis = await stage.redis();
  const nodes = await two(
    { NODE_ID: 'a', REDIS_URL: redis.url },
    { NODE_ID: 'b', REDIS_URL: redis.url },
  );
  return { ...nodes, redis };
}

describe('two nodes, one Redis', () => {
  it('[I2] [I4] Redis hangs, is killed, is emptied: nobody waits, and all arrives without anybody typing', async (context) => {
    const scene = await oneRedis(context);
    const { a, redis } = scene;
    redis.stop();
    const tookMs = await edit(a, (text) => {
      text.insert(0, 'old ');
    });
    expect(tookMs).toBeLessThan(2_000);
    expect((await fetch(`${a.url}/readyz`)).status).toBe(200);
    redis.resume();
    await untilRead(scene, 'old hello world');

    await redis.kill();
    await edit(a, (text) => {
      text.insert(0, 'brave ');
    });
    await redis.restart();
    await untilRead(scene, 'brave old hello world');
    await redis.run('FLUSHALL');
    await edit(a, (text) => {
      text.delete(0, 6);
    });
    await untilRead(scene, 'old hello world');
  }, 90_000);

  it('[I4] [I3] a node starts without Redis and finds the others later; a deletion is everywhere', async (context) => {
    const redis = await new BusStage(context).redis();
    const url = `redis://127.0.0.1:${redis.port}`;
    await redis.kill();
    const a = await node({ NODE_ID: 'a', REDIS_URL: url });
    expect((await new Rest(a.url).put(pathOf(NAME), textUpdate('early', 1))).status).toBe(201);
    await redis.restart();
    const b = await node({ NODE_ID: 'b', REDIS_URL: url });
    const reader = new SyncClient(b.webSocketUrl, NAME);
    await waitUntil('B has it', () => textOf(reader.doc) === 'early', HEALED_MS);

    expect((await new Rest(a.url).delete(pathOf(NAME))).status).toBe(204);
    await waitUntil('the reader is told', () => reader.isClosed, HEALED_MS);
    const late = await new Rest(b.url).post(`${pathOf(NAME)}/updates`, textUpdate('late', 2));
    expect(late.code).toBe('document-deleted');
  }, 90_000);

  it('a user revoked on one node loses the sockets on the other within 5 s', async (context) => {
    const redis = await new BusStage(context).redis();
    const env = {
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      JWT_SECRET: SECRET,
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
    };
    const [a, b] = await Promise.all([
      node({ ...env, NODE_ID: 'a' }),
      node({ ...env, NODE_ID: 'b' }),
    ]);
    const docs = [{ match: '*', access: 'write' }];
    const ann = new SyncClient(b.webSocketUrl, NAME, { token: token({ sub: 'ann', docs }) });
    await waitUntil('ann is in', () => ann.isSynced, PATIENCE_MS);
    const rest = new Rest(a.url, admin());
    const hearsB = async (): Promise<boolean> => {
      const { json } = await rest.get('/v1/cluster');
      return JSON.stringify(json['peers']).includes('"alive"');
    };
    await waitUntil('A hears B', hearsB, PATIENCE_MS);
    const startMs = performance.now();
    const revoked = await fetch(`${a.url}/v1/revocations`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${admin()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ subject: 'ann' }),
    });
    expect(revoked.status).toBe(201);
    await waitUntil('ann is out', () => ann.isClosed, HEALED_MS);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  }, 90_000);
});
