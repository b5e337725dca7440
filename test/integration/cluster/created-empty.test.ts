/**
 * Documents created without content, over a real Redis and LevelDB: every node answers for them, also one that comes
 * later, and after restarts; and what a node says of clocks and of itself while others are there.
 */
import { expect, it, onTestFinished } from 'vitest';
import { metric, startNode, type RunningNode } from '../../support/in-process-node.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { Rest, pathOf } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 20_000;

async function statusOf({ url }: RunningNode, name: string, what = ''): Promise<string> {
  const { status, code } = await new Rest(url).get(pathOf(name) + what);
  return status === 200 ? '200' : `${status} ${code}`;
}

async function namesOn({ url }: RunningNode): Promise<readonly string[]> {
  const { status, json } = await new Rest(url).get('/v1/documents');
  return status === 200
    ? (json['documents'] as readonly { readonly name: string }[]).map(({ name }) => name)
    : [];
}

async function until(node: RunningNode, name: string, wanted: string): Promise<void> {
  await waitUntil(
    `${name} is ${wanted}`,
    async () => (await statusOf(node, name)) === wanted,
    PATIENCE_MS,
  );
}

it('[I2] a document without content is on every node, on a newcomer, and gone from all when it is deleted', async () => {
  const redis = await RedisProcess.start();
  onTestFinished(async () => {
    await redis.end();
  });
  const config = { redisUrl: redis.url, roomIdleMs: 1_000 };
  const folder = tempDir();
  const a = await startNode({ ...config, nodeId: 'a' });
  const b = await startNode({ ...config, nodeId: 'b', dataDir: folder });
  for (const name of ['kept', 'gone']) {
    expect((await new Rest(a.url).put(pathOf(name))).status).toBe(201);
    await until(b, name, '200');
    expect(await statusOf(b, name, '/state')).toBe('200');
  }
  expect((await new Rest(b.url).delete(pathOf('gone'))).status).toBe(204);
  await until(a, 'gone', '404 document-deleted');
  // It is on the disk of the node that has only heard of it.
  await b.node.close();
  const alone = await startNode({ nodeId: 'b', dataDir: folder });
  expect(await namesOn(alone)).toEqual(['kept']);
  await alone.node.close();
  const late = await startNode({ ...config, nodeId: 'late' });
  const said = new Set<string>();
  await waitUntil(
    'the newcomer has it',
    async () => {
      said.add(await statusOf(late, 'kept'));
      return (await namesOn(late)).includes('kept');
    },
    PATIENCE_MS,
  );
  said.delete('200');
  said.delete('503 replica-behind');
  expect([...said]).toEqual([]);
  await waitUntil('the deletion came too', async () => {
    return (await statusOf(late, 'gone')) === '404 document-deleted';
  });
  expect(await namesOn(late)).toEqual(['kept']);
  await waitUntil('a has said what its clock says', async () => {
    const { json } = await new Rest(late.url).get('/v1/cluster');
    const peers = json['peers'] as readonly Readonly<Record<string, unknown>>[];
    const ahead = peers.find(({ id }) => id === 'a')?.['clockAheadSeconds'];
    return typeof ahead === 'number' && Math.abs(ahead) < 30;
  });
  expect(await metric(late.node, 'sweep_filling_up')).toBe(0);
  expect(await metric(late.node, 'sweep_documents')).toBe(2);
  expect(await metric(late.node, 'clock_difference_seconds')).toBeLessThan(30);
});
