/** [I2] Snapshots are on every node: made, deleted and restored anywhere, over real Redis servers and LevelDB. */
import { expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { metric, startNode, type RunningNode } from '../../support/in-process-node.ts';
import { linkTo } from '../../support/link.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { Rest, pathOf } from '../../support/rest.ts';
import { RestWriter } from '../../support/rest-writer.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 20_000;
const HEALED_MS = 5_000;
const CUT_MS = 3_000;
const NAME = 'minutes';
const SNAPSHOTS = `${pathOf(NAME)}/snapshots`;

async function redisServer(): Promise<RedisProcess> {
  const redis = await RedisProcess.start();
  onTestFinished(async () => {
    await redis.end();
  });
  return redis;
}

async function make({ url }: RunningNode, label: string): Promise<string> {
  const { status, json } = await new Rest(url).send('POST', SNAPSHOTS, {
    json: { label },
  });
  expect(status).toBe(201);
  return String(json['id']);
}

async function labelsOn({ url }: RunningNode): Promise<readonly unknown[]> {
  const { status, json } = await new Rest(url).get(SNAPSHOTS);
  if (status !== 200) return [];
  return (json['snapshots'] as readonly { readonly label: unknown }[]).map(({ label }) => label);
}

async function until(
  node: RunningNode,
  labels: readonly string[],
  withinMs = PATIENCE_MS,
): Promise<void> {
  const wanted = JSON.stringify(labels);
  await waitUntil(
    `there are ${wanted}`,
    async () => JSON.stringify(await labelsOn(node)) === wanted,
    withinMs,
  );
}

async function textOn({ url }: RunningNode): Promise<string> {
  const { body } = await new Rest(url).get(`${pathOf(NAME)}/state`);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, body);
  return doc.getText('text').toString();
}

it('[I2] what is made on one node is listed, fetched, compared, restored and deleted on another', async () => {
  const redis = await redisServer();
  const config = { redisUrl: redis.url, roomIdleMs: 1_000 };
  const a = await startNode({ ...config, nodeId: 'a' });
  const folder = tempDir();
  const b = await startNode({ ...config, nodeId: 'b', dataDir: folder });
  const writer = new RestWriter(a, NAME);
  await writer.edit((text) => text.insert(0, 'as it was'));
  const id = await make(a, 'first');
  await writer.edit((text) => text.insert(9, ', and more'));
  await until(b, ['first']);
  const [here, there] = await Promise.all(
    [a, b].map(async ({ url }) => {
      return await new Rest(url).get(`${SNAPSHOTS}/${id}`, { Accept: 'application/octet-stream' });
    }),
  );
  expect(there?.status).toBe(200);
  expect(Buffer.compare(there?.body ?? Buffer.of(), here?.body ?? Buffer.of(1))).toBe(0);
  await waitUntil('the edit is there', async () => (await textOn(b)).endsWith('more'), PATIENCE_MS);
  const diff = await new Rest(b.url).get(`${SNAPSHOTS}/${id}/diff?name=text`);
  expect(diff.text).toContain('+as it was, and more');
  expect((await new Rest(b.url).post(`${SNAPSHOTS}/${id}/restore`)).status).toBe(200);
  await waitUntil('a shows it', async () => (await textOn(a)) === 'as it was', PATIENCE_MS);

  const second = await make(b, 'second');
  await until(a, ['second', 'first']);
  expect(await metric(b.node, 'snapshots_taken_total')).toBe(1);
  // b is away while its own is deleted; a newcomer with an empty disk has seen nothing.
  await b.node.close();
  expect((await new Rest(a.url).delete(`${SNAPSHOTS}/${second}`)).status).toBe(204);
  const late = await startNode({ ...config, nodeId: 'late' });
  await until(late, ['first']);
  const back = await startNode({ ...config, nodeId: 'b', dataDir: folder });
  await until(back, ['first']);
  for (const node of [a, late]) expect(await labelsOn(node)).toEqual(['first']);
  expect((await new Rest(back.url).get(`${SNAPSHOTS}/${second}`)).code).toBe('snapshot-not-found');

  expect((await new Rest(late.url).delete(pathOf(NAME))).status).toBe(204);
  await waitUntil('it is deleted everywhere', async () => {
    const answers = await Promise.all([a, back].map(({ url }) => new Rest(url).get(SNAPSHOTS)));
    return answers.every(({ code }) => code === 'document-deleted');
  });
});

it('[I2] made and deleted on both sides of a cut of 3 s: the same on both, 5 s after it has healed', async () => {
  const redis = await redisServer();
  const link = await linkTo(redis.port);
  onTestFinished(async () => {
    await link.close();
  });
  const a = await startNode({ nodeId: 'a', redisUrl: redis.url });
  const b = await startNode({ nodeId: 'b', redisUrl: `redis://127.0.0.1:${link.port}` });
  await new RestWriter(a, NAME).edit((text) => text.insert(0, 'text'));
  const gone = await make(a, 'gone');
  await until(b, ['gone']);
  for (const direction of ['up', 'down'] as const) link.set(direction, 'drop');
  await new Promise((resolve) => setTimeout(resolve, CUT_MS / 3));
  await make(a, 'of a');
  await make(b, 'of b');
  expect((await new Rest(b.url).delete(`${SNAPSHOTS}/${gone}`)).status).toBe(204);
  await new Promise((resolve) => setTimeout(resolve, (2 * CUT_MS) / 3));
  expect(await labelsOn(a)).toEqual(['of a', 'gone']);
  expect(await labelsOn(b)).toEqual(['of b']);
  link.heal();
  await until(a, ['of b', 'of a'], HEALED_MS);
  await until(b, ['of b', 'of a'], HEALED_MS);
});
