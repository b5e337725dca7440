/**
 * Regions of several nodes, a Redis cluster, and what nobody has open: real nodes, real Redis servers, real disks that are
 * destroyed.
 */
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { SynclineProvider } from '../../../client/index.ts';
import { canonicalOf, ClusterStage, sample } from '../../support/cluster-stage.ts';
import type { NodeProcess } from '../../support/node-process.ts';
import { RedisCluster } from '../../support/redis-cluster.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { RestWriter } from '../../support/rest-writer.ts';
import { waitUntil } from '../../support/wait-until.ts';

const PATIENCE_MS = 30_000;
const HEALED_MS = 5_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Member {
  readonly node: NodeProcess;
  readonly folder: string;
  /** On the same disk. */
  readonly restart: () => Promise<NodeProcess>;
}

/** Two nodes each in two regions, a Redis each. */
async function fourNodes(
  stage: ClusterStage,
): Promise<{ readonly eu: readonly Member[]; readonly us: readonly Member[] }> {
  const redis = { eu: await stage.redis(), us: await stage.redis() };
  const start = async (region: 'eu' | 'us', number: number): Promise<Member> => {
    const folder = stage.folder();
    const other = region === 'eu' ? 'us' : 'eu';
    const restart = async (): Promise<NodeProcess> =>
      await stage.node({
        id: `${region}-${number}`,
        redisUrl: redis[region].url,
        dataDir: folder,
        env: { REGION: region, REGIONS: `${other}=${redis[other].url}`, WRITE_TIMEOUT_MS: '2000' },
      });
    return { node: await restart(), folder, restart };
  };
  const [eu, us] = await Promise.all(
    (['eu', 'us'] as const).map((region) => Promise.all([start(region, 1), start(region, 2)])),
  );
  if (eu === undefined || us === undefined) throw new Error('no regions');
  return { eu, us };
}

async function destroy(members: readonly Member[]): Promise<void> {
  for (const { node } of members) node.kill();
  for (const { node, folder } of members) {
    await node.exited();
    rmSync(folder, { recursive: true, force: true });
  }
}

const replicated = (node: NodeProcess, update: Uint8Array) =>
  new Rest(node.url).post(`${pathOf('notes')}/updates?durability=replicated`, update);

describe.concurrent('regions of several nodes', () => {
  it('[I1] acked over an event stream as replicated: a whole region is destroyed, disks and all, and the other has it', async (context) => {
    const stage = new ClusterStage(context);
    const { eu, us } = await fourNodes(stage);
    const [first, second] = eu.map(({ node }) => node) as [NodeProcess, NodeProcess];
    const ada = new SynclineProvider(first.url, 'notes', new Y.Doc(), {
      durability: 'replicated',
      transport: 'events',
      WebSocketPolyfill: WebSocket,
      disableBc: true,
    });
    stage.onFinished(() => {
      ada.destroy();
    });
    // Everybody has it, in both regions.
    const readers = [second, ...us.map(({ node }) => node)].map((node) =>
      stage.client(node, 'notes'),
    );
    const text = ada.doc.getText('text');
    for (let edit = 0; edit < 20; edit += 1) {
      text.insert(text.length, `${edit} `);
      await ada.whenSaved();
    }
    expect(ada.transport).toBe('events');
    await waitUntil('all see it', () => readers.every((reader) => reader.text === text.toString()));
    const acked = text.toString();
    await destroy(eu);
    ada.destroy();
    for (const { node } of us) {
      const doc = await new Rest(node.url).document('notes');
      expect(doc.getText('text').toString()).toBe(acked);
    }
  }, 120_000);

  it('[I1] a second node of the own region is no other region; one of another that comes back is', async (context) => {
    const stage = new ClusterStage(context);
    const { eu, us } = await fourNodes(stage);
    const [writer, neighbour] = eu.map(({ node }) => node) as [NodeProcess, NodeProcess];
    await waitUntil(
      'the regions know each other',
      async () => (await replicated(writer, textUpdate('a', 1))).status === 200,
      PATIENCE_MS,
    );
    const [first, second] = us as [Member, Member];
    // One of them is enough.
    await destroy([second]);
    expect((await replicated(writer, textUpdate('b', 2))).status).toBe(200);
    first.node.kill();
    await first.node.exited();
    const refused = await replicated(writer, textUpdate('c', 3));
    expect([refused.status, refused.code]).toEqual([503, 'not-replicated']);
    const near = await new Rest(neighbour.url).document('notes');
    expect(near.getText('text').toString()).toContain('c');

    // Whoever comes back brings proof: what was refused is repeated, and acked.
    await first.restart();
    await waitUntil(
      'the other region has it',
      async () => (await replicated(writer, textUpdate('c', 3))).status === 200,
      PATIENCE_MS,
    );
  }, 120_000);
});

describe.concurrent('a Redis cluster', () => {
  it('[I2] carries everything between nodes, and heals a master that hung, in whichever slot a document is', async (context) => {
    const stage = new ClusterStage(context);
    const cluster = await RedisCluster.start();
    stage.onFinished(async () => {
      await cluster.end();
    });
    const { masters } = cluster;
    const redisUrl = masters.map(({ url }) => url).join(',');
    const [a, b] = await Promise.all([
      stage.node({ id: 'a', redisUrl }),
      stage.node({ id: 'b', redisUrl }),
    ]);
    const names = Array.from({ length: 24 }, (_, index) => `notes-${index}`);
    const writers = names.map((name) => new RestWriter(a, name));
    for (const writer of writers) await writer.edit((text) => text.insert(0, 'hello'));
    const readers = names.map((name) => stage.client(b, name));
    const areEqual = (): boolean =>
      readers.every(
        ({ doc }, at) => canonicalOf(doc) === canonicalOf((writers[at] as RestWriter).doc),
      );
    await waitUntil('B has all', areEqual, PATIENCE_MS);
    const sent = await sample(a, 'bus_published_total');
    for (const writer of writers) await writer.edit((text) => text.insert(0, 'live '));
    const liveMs = await stage.time('all has come over the cluster', areEqual);
    expect(liveMs).toBeLessThan(2_000);
    expect(await sample(a, 'bus_published_total')).toBeGreaterThanOrEqual(sent + names.length);

    masters[1]?.stop();
    for (const writer of writers) await writer.edit((text) => text.delete(0, 5));
    await pause(3_000);
    expect(areEqual()).toBe(false);
    masters[1]?.resume();
    expect(await stage.time('all has come', areEqual)).toBeLessThan(HEALED_MS);
  }, 120_000);
});

describe.concurrent('the sweep', () => {
  it('[I2] [I3] what changed while a node was away comes to it although nobody opens anything, deletions too', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const env = { ROOM_IDLE_MS: '100' };
    const [folderA, folderB] = [stage.folder(), stage.folder()];
    const start = async (id: string, dataDir: string): Promise<NodeProcess> =>
      await stage.node({ id, redisUrl: redis.url, dataDir, env });
    const [a, b] = await Promise.all([start('a', folderA), start('b', folderB)]);
    const [edited, deleted] = [new RestWriter(a, 'edited'), new RestWriter(a, 'deleted')];
    for (const writer of [edited, deleted]) await writer.edit((text) => text.insert(0, 'both'));
    const hasBoth = async (): Promise<boolean> => (await sample(b, 'sweep_documents')) === 2;
    await waitUntil('B has both', hasBoth, PATIENCE_MS);

    b.terminate();
    expect(await b.exited()).toBe(0);
    await edited.edit((text) => text.insert(0, 'only a, '));
    expect((await new Rest(a.url).delete(pathOf('deleted'))).status).toBe(204);
    const fresh = Array.from({ length: 30 }, (_, index) => new RestWriter(a, `fresh-${index}`));
    for (const writer of fresh) await writer.edit((text) => text.insert(0, 'new'));
    // A node that has just started has no news: it is the sweep alone that speaks of these.
    a.terminate();
    expect(await a.exited()).toBe(0);
    const again = await Promise.all([start('a', folderA), start('b', folderB)]);
    const [a2, b2] = again;
    const tookMs = await stage.time('B has everything', async () => {
      const [wanted, taken] = [
        await sample(b2, 'sweep_documents'),
        await sample(b2, 'bus_updates_taken_total'),
      ];
      return wanted === 32 && taken >= 31;
    });
    await context.annotate(
      `the sweep brought 30 documents, a change and a deletion in ${tookMs} ms`,
    );
    a2.kill();
    await a2.exited();
    const rest = new Rest(b2.url);
    expect((await rest.get(`${pathOf('deleted')}/state`)).code).toBe('document-deleted');
    expect(canonicalOf(await rest.document('edited'))).toBe(canonicalOf(edited.doc));
    for (const [index, writer] of fresh.entries()) {
      expect(canonicalOf(await rest.document(`fresh-${index}`))).toBe(canonicalOf(writer.doc));
    }
  }, 120_000);
});
