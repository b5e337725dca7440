/** Documents that were created without content travel like all others, and are deleted like them. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MemoryStore } from '../../../persistence/memory-store.ts';
import { MemoryNetwork } from '../../../server/fanout/memory-bus.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { FanoutNode } from '../../support/fanout-node.ts';
import { DOCUMENT, NodeMesh, typing, type MeshNode } from '../../support/node-mesh.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

async function pair(seed: number, replication: 'full' | 'open' = 'full'): Promise<NodeMesh> {
  const mesh = new NodeMesh(seed, { replication });
  await mesh.join('a');
  await mesh.join('b');
  await mesh.run(1_500);
  return mesh;
}

const nodesOf = (mesh: NodeMesh): [MeshNode, MeshNode] => mesh.nodes as [MeshNode, MeshNode];

/** `{}`: there, without content. */
async function whatIs(
  mesh: NodeMesh,
  node: MeshNode | FanoutNode,
  document: DocumentName,
): Promise<string> {
  const answer = await mesh.settle(
    node.documents.state(document, null).then(
      ({ parts }) => Buffer.concat(parts).toString('hex'),
      (error: unknown) => (error as { code: string }).code,
    ),
  );
  return answer === '0000' ? '{}' : answer;
}

describe('[I2] a document without content', () => {
  it('is on the other node’s disk at once, and never comes back', async () => {
    const mesh = await pair(31);
    const [a, b] = nodesOf(mesh);
    await mesh.settle(a.documents.create(DOCUMENT, null));
    expect(await mesh.untilEqual(DOCUMENT, 200)).toBeLessThanOrEqual(100);
    expect((await b.store.load(DOCUMENT)).tail).toHaveLength(1);
    await mesh.run(30_000);
    expect([a.fanout.stats.sent, b.fanout.stats.sent]).toEqual([1, 0]);
    expect(b.fanout.stats.rounds).toMatchObject({ heartbeat: 0, gap: 0, verdict: 0 });
    expect(b.fanout.divergence.documents).toBe(0);
    mesh.network.cut('a', 'b');
    expect(await whatIs(mesh, b, DOCUMENT)).toBe('{}');
  });

  it('whose creation was lost heals by a heartbeat, and rests then', async () => {
    const mesh = await pair(32);
    const [a, b] = nodesOf(mesh);
    mesh.network.cut('a', 'b');
    await mesh.settle(a.documents.create(DOCUMENT, null));
    await mesh.run(100);
    expect(await b.store.stat(DOCUMENT)).toBeNull();
    mesh.network.heal('a', 'b');
    expect(await mesh.untilEqual(DOCUMENT, 2_500)).toBeLessThan(2_500);
    const asked = b.fanout.stats.roundsUseful + b.fanout.stats.roundsIdle;
    await mesh.run(60_000);
    expect(b.fanout.stats.roundsUseful + b.fanout.stats.roundsIdle).toBe(asked);
    expect([a, b].map(({ fanout }) => fanout.divergence.documents)).toEqual([0, 0]);
  });

  it.each(['full', 'open'] as const)(
    'is fetched before it is served for the first time (REPLICATION=%s)',
    async (replication) => {
      const mesh = await pair(33, replication);
      const [a, b] = nodesOf(mesh);
      mesh.network.cut('a', 'b');
      await mesh.settle(a.documents.create(DOCUMENT, null));
      mesh.network.heal('a', 'b');
      expect(await whatIs(mesh, b, DOCUMENT)).toBe('{}');
    },
  );

  it('and a question about one that is nowhere creates it nowhere', async () => {
    const mesh = await pair(34);
    const [a, b] = nodesOf(mesh);
    expect(await whatIs(mesh, b, DOCUMENT)).toBe('document-not-found');
    await mesh.run(5_000);
    expect([await a.store.stat(DOCUMENT), await b.store.stat(DOCUMENT)]).toEqual([null, null]);
  });

  it('created on two nodes apart gets its content from either', async () => {
    const mesh = await pair(35);
    const [a, b] = nodesOf(mesh);
    mesh.network.cut('a', 'b');
    mesh.network.cut('b', 'a');
    await mesh.settle(a.documents.create(DOCUMENT, null));
    await mesh.settle(b.documents.create(DOCUMENT, null));
    await mesh.edit(b, DOCUMENT, typing('here'));
    mesh.network.heal('a', 'b');
    mesh.network.heal('b', 'a');
    await mesh.untilEqual(DOCUMENT, 5_000);
    expect((await mesh.read(a, DOCUMENT)).getText('t').toString()).toBe('here');
  });

  it('is deleted everywhere, also where the word of it was lost', async () => {
    const mesh = await pair(36);
    const [a, b] = nodesOf(mesh);
    await mesh.settle(a.documents.create(DOCUMENT, null));
    await mesh.untilEqual(DOCUMENT, 200);
    mesh.network.cut('b', 'a');
    await mesh.settle(b.documents.delete(DOCUMENT));
    await mesh.run(500);
    mesh.network.heal('b', 'a');
    await mesh.untilEqual(DOCUMENT, 5_000);
    expect((await a.store.stat(DOCUMENT))?.isDeleted).toBe(true);
    expect(await whatIs(mesh, a, DOCUMENT)).toBe('document-deleted');
  });
});

describe('[I2] the sweep brings documents without content', () => {
  it('to a newcomer, also after a restart of who has them, and their deletion too', async () => {
    const timers = new VirtualTimers();
    const random = (): number => dice.float();
    const dice = seededRandom(37);
    const network = new MemoryNetwork({ timers, random });
    const start = async (
      node: string,
      region: string,
      store?: MemoryStore,
    ): Promise<FanoutNode> => {
      const made = await FanoutNode.start({
        network,
        timers,
        random,
        node,
        region,
        regions: ['eu', 'us'],
        ...(store === undefined ? {} : { store }),
      });
      onTestFinished(async () => {
        const ending = made.end();
        await timers.advance(1_000);
        await ending;
      });
      return made;
    };
    const settle = async (work: Promise<unknown>): Promise<void> => {
      const state = { isSettled: false };
      const watched = work.finally(() => (state.isSettled = true));
      for (let left = 1_000; left > 0 && !state.isSettled; left -= 1) await timers.advance(10);
      await watched;
    };
    const first = await start('a', 'eu');
    for (const name of ['blank', 'gone'] as DocumentName[]) {
      await settle(first.documents.create(name, null));
    }
    await settle(first.documents.delete('gone' as DocumentName));
    const disk = first.store.crash(() => 1);
    await first.fanout.close(0);
    await start('a', 'eu', disk);
    // No heartbeat speaks of them.
    await timers.advance(700_000);
    const newcomer = await start('b', 'us');
    await timers.advance(15_000);
    const stats = await Promise.all(['blank', 'gone'].map((name) => newcomer.store.stat(name)));
    expect(stats).toMatchObject([{ isDeleted: false }, { isDeleted: true }]);
    expect(newcomer.sweep.counts()?.documents).toBe(2);
  });
});
