/** Several nodes in virtual time: what is lost, doubled, late or cut off heals without anybody editing. */
import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import { DOCUMENT, NodeMesh, deleting, typing, type MeshOptions } from '../../support/node-mesh.ts';

async function pair(seed: number, options: MeshOptions = {}): Promise<NodeMesh> {
  const mesh = new NodeMesh(seed, options);
  await mesh.join('a');
  await mesh.join('b');
  await mesh.run(1_500);
  return mesh;
}

/** Both have a text, and a while has passed. */
async function pairWithText(seed: number, options: MeshOptions = {}): Promise<NodeMesh> {
  const mesh = await pair(seed, options);
  const [a] = mesh.nodes;
  if (a === undefined) throw new Error('no node');
  await mesh.edit(a, DOCUMENT, typing('hello world'));
  await mesh.untilEqual(DOCUMENT, 100);
  await mesh.run(3_000);
  return mesh;
}

describe('[I2] two nodes', () => {
  it('an update is on the other node at once, stored, and never comes back', async () => {
    const mesh = await pair(1);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.edit(a, DOCUMENT, typing('x'));
    expect(await mesh.untilEqual(DOCUMENT, 100)).toBeLessThanOrEqual(50);
    expect((await b.store.load(DOCUMENT)).tail).toHaveLength(1);
    await mesh.run(1_000);
    expect([a.fanout.stats.sent, b.fanout.stats.sent]).toEqual([1, 0]);
  });

  it('a lost last message heals within two seconds and some', async () => {
    const mesh = await pairWithText(2);
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await mesh.edit(a, DOCUMENT, typing('lost '));
    mesh.network.heal('a', 'b');
    expect(await mesh.difference(DOCUMENT)).not.toBeNull();
    expect(await mesh.untilEqual(DOCUMENT, 2_500)).toBeLessThan(2_500);
  });

  it('a lost delete heals too, although no clock tells of it', async () => {
    const mesh = await pairWithText(3);
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await mesh.edit(a, DOCUMENT, deleting(5));
    mesh.network.heal('a', 'b');
    expect(await mesh.difference(DOCUMENT)).not.toBeNull();
    expect(await mesh.untilEqual(DOCUMENT, 2_500)).toBeLessThan(2_500);
  });

  it('without heartbeats neither heals: the tests would notice', async () => {
    const mesh = await pairWithText(4, { sabotage: { skipHeartbeat: true } });
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await mesh.edit(a, DOCUMENT, deleting(5));
    mesh.network.heal('a', 'b');
    await expect(mesh.untilEqual(DOCUMENT, 5_000)).rejects.toThrow('seed 4');
  });

  it.each([
    ['there', [['a', 'b']]],
    ['back', [['b', 'a']]],
    [
      'both ways',
      [
        ['a', 'b'],
        ['b', 'a'],
      ],
    ],
  ] as const)('edits on both sides of a cut of 8 s (%s) meet within 5 s', async (_which, cuts) => {
    const mesh = await pairWithText(5);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    for (const [from, to] of cuts) mesh.network.cut(from, to);
    await mesh.run(4_000);
    await mesh.edit(a, DOCUMENT, typing('from a '));
    await mesh.edit(b, DOCUMENT, typing('from b '));
    await mesh.edit(b, DOCUMENT, deleting(2));
    await mesh.run(4_000);
    for (const [from, to] of cuts) mesh.network.heal(from, to);
    expect(await mesh.untilEqual(DOCUMENT, 5_000)).toBeLessThan(5_000);
  });

  it('equal nodes ask nothing, however long they look at each other', async () => {
    const mesh = await pairWithText(6);
    const rounds = (): number => mesh.nodes.reduce((sum, { fanout }) => sum + total(fanout), 0);
    const before = rounds();
    await mesh.run(60_000);
    expect(rounds() - before).toBe(0);
  });

  it('steady typing causes no questions', async () => {
    const mesh = await pairWithText(7);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    const before = total(a.fanout) + total(b.fanout);
    for (let key = 0; key < 60; key += 1) {
      await mesh.edit(key % 2 === 0 ? a : b, DOCUMENT, typing('k'));
      await mesh.run(80);
    }
    await mesh.untilEqual(DOCUMENT, 2_000);
    expect(total(a.fanout) + total(b.fanout) - before).toBeLessThanOrEqual(2);
  });

  it('a document that nobody has open is brought to a node that was away', async () => {
    const mesh = await pair(8);
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await mesh.edit(a, DOCUMENT, typing('while you were away'));
    await mesh.run(45_000);
    expect(a.registry.find(DOCUMENT)).toBeNull();
    mesh.network.heal('a', 'b');
    expect(await mesh.untilEqual(DOCUMENT, 5_000)).toBeLessThan(5_000);
  });

  it('a document is fetched before it is served for the first time', async () => {
    const mesh = await pair(9);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await mesh.edit(a, DOCUMENT, typing('there'));
    mesh.network.heal('a', 'b');
    expect((await mesh.read(b, DOCUMENT)).getText('t').toString()).toBe('there');
  });

  it('a room that opens waits half a second at most for a node that does not answer', async () => {
    const mesh = await pair(10);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.edit(a, DOCUMENT, typing('there'));
    await mesh.run(40_000);
    mesh.network.mute('a', true);
    const startMs = mesh.timers.now();
    await mesh.settle(b.documents.state(DOCUMENT, null));
    expect(mesh.timers.now() - startMs).toBeLessThanOrEqual(520);
  });

  it('rooms opened only for storing close soon', async () => {
    const mesh = await pairWithText(11);
    const [, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.run(5_000);
    expect(b.registry.openCount).toBe(0);
    expect(b.fanout.peers).toMatchObject([{ node: 'a', status: 'alive', differing: 0 }]);
  });
});

describe('[I2] many nodes', () => {
  it.each([21, 22, 23, 24, 25, 26])(
    'loss, doubles and disorder between four nodes heal by themselves (seed %i)',
    async (seed) => {
      const mesh = new NodeMesh(seed);
      const regions = ['a', 'b', 'c', 'd'];
      for (const name of regions) await mesh.join(name);
      await mesh.run(1_500);
      for (const from of regions) {
        for (const to of regions) {
          mesh.network.setFaults(from, to, {
            drop: 0.2,
            duplicate: 0.2,
            reorder: 0.3,
            latencyMaxMs: 40,
          });
        }
      }
      for (let step = 0; step < 40; step += 1) {
        const node = mesh.random.pick(mesh.nodes);
        if (mesh.random.oneIn(12)) {
          const [from, to] = [mesh.random.pick(regions), mesh.random.pick(regions)];
          mesh.network.cut(from, to);
          mesh.timers.setTimeout(() => {
            mesh.network.heal(from, to);
          }, mesh.random.below(6_000));
        }
        const isDelete = mesh.random.oneIn(3);
        const length = (await mesh.read(node, DOCUMENT)).getText('t').length;
        const change = isDelete && length > 4 ? deleting(3) : typing(`${step} `);
        await mesh.edit(node, DOCUMENT, change);
        await mesh.run(mesh.random.below(300));
      }
      await mesh.run(6_500);
      for (const from of regions) {
        for (const to of regions) mesh.network.setFaults(from, to, {});
      }
      expect(await mesh.untilEqual(DOCUMENT, 10_000)).toBeLessThan(10_000);
    },
  );
});

describe('replication of what is open', () => {
  it('a document is stored by the nodes on which it is open, and fetched when it opens', async () => {
    const mesh = await pair(71, { replication: 'open' });
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.edit(a, DOCUMENT, typing('here'));
    await mesh.run(5_000);
    expect(await b.store.stat(DOCUMENT)).toBeNull();
    expect((await mesh.read(b, DOCUMENT)).getText('t').toString()).toBe('here');
    await mesh.edit(a, DOCUMENT, typing('still '));
    expect(await mesh.untilEqual(DOCUMENT, 1_000)).toBeLessThan(1_000);
  });
});

describe('[I6] a busy cluster', () => {
  it('a node that asks all the time is answered once a second', async () => {
    const mesh = await pairWithText(81);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    const before = a.fanout.stats.answers;
    for (let nonce = 1; nonce <= 1_000; nonce += 1) {
      b.fanout.exchange.send({
        kind: 'request',
        to: 'a',
        document: DOCUMENT,
        nonce,
        stateVector: Uint8Array.of(0),
        deleteDigest: new Uint8Array(16),
      });
      await mesh.run(2);
    }
    await mesh.run(500);
    // B15
    expect(a.fanout.stats.answers - before).toBeLessThanOrEqual(3);
    expect(a.fanout.stats.dropped.flood).toBeGreaterThan(990);
  });

  it('questions that wait for a slow disk are bounded in bytes, not only in number', async () => {
    const mesh = await pairWithText(83);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    const authors = Array.from({ length: 22_000 }, (_, index) => [2 ** 31 + index, 1] as const);
    const stateVector = Y.encodeStateVector(new Map(authors));
    const disk = new EventEmitter();
    const stalled = once(disk, 'goes on');
    const load = a.store.load.bind(a.store);
    a.store.load = async (document) => {
      await stalled;
      return await load(document);
    };
    const questions = 200;
    for (let nonce = 1; nonce <= questions; nonce += 1) {
      b.fanout.exchange.send({
        kind: 'request',
        to: 'a',
        document: `many-authors-${nonce}` as DocumentName,
        nonce,
        stateVector,
        deleteDigest: new Uint8Array(16),
      });
      await mesh.run(5);
    }
    const dropped = a.fanout.stats.dropped.flood;
    expect((questions - dropped) * stateVector.length).toBeLessThan(20 * 1024 * 1024);
    expect(dropped).toBeLessThan(questions / 2);

    disk.emit('goes on');
    await mesh.run(1_000);
    await mesh.edit(b, DOCUMENT, typing('still there '));
    expect(await mesh.untilEqual(DOCUMENT, 1_000)).toBeLessThan(1_000);
  });

  it('an update that builds on what is missing waits for the answer, and nothing of it is lost', async () => {
    const mesh = await pairWithText(82);
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    const doc = await mesh.read(a, DOCUMENT);
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (let key = 0; key < 5; key += 1) doc.getText('t').insert(0, `${key}`);
    for (const [at, update] of updates.entries()) {
      if (at === 1) mesh.network.heal('a', 'b');
      await mesh.settle(a.documents.write(DOCUMENT, update));
    }
    expect(await mesh.untilEqual(DOCUMENT, 1_000)).toBeLessThan(1_000);
  });
});

describe('[I3] deletion', () => {
  it('is everywhere at once, and a late update does not bring it back', async () => {
    const mesh = await pairWithText(31);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.settle(a.documents.delete(DOCUMENT));
    await mesh.run(100);
    expect((await b.store.stat(DOCUMENT))?.isDeleted).toBe(true);
    await expect(mesh.edit(b, DOCUMENT, typing('late'))).rejects.toThrow(ProtocolError);
  });

  it('is learned by a node that was away, whatever it wrote meanwhile', async () => {
    const mesh = await pairWithText(32);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    mesh.network.cut('b', 'a');
    await mesh.settle(a.documents.delete(DOCUMENT));
    await mesh.edit(b, DOCUMENT, typing('late'));
    await mesh.run(20_000);
    mesh.network.heal('a', 'b');
    mesh.network.heal('b', 'a');
    await mesh.run(5_000);
    expect((await a.store.stat(DOCUMENT))?.isDeleted).toBe(true);
    expect((await b.store.stat(DOCUMENT))?.isDeleted).toBe(true);
  });
});

describe('[I4] alone', () => {
  it('edits are stored while no other node can be reached, and no question waits for one', async () => {
    const mesh = await pair(41);
    const [a] = mesh.nodes as [(typeof mesh.nodes)[0]];
    mesh.network.mute('a', true);
    mesh.network.deafen('a', true);
    await mesh.run(15_000);
    const startMs = mesh.timers.now();
    await mesh.edit(a, DOCUMENT, typing('alone'));
    expect(mesh.timers.now() - startMs).toBeLessThan(100);
    mesh.network.mute('a', false);
    mesh.network.deafen('a', false);
    expect(await mesh.untilEqual(DOCUMENT, 5_000)).toBeLessThan(5_000);
  });
});

describe('revocations', () => {
  it('are in force on the other node although the first message is lost', async () => {
    const mesh = await pair(51);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    mesh.network.cut('a', 'b');
    await a.access.revoke({ subject: 'ann', atMs: 5 });
    mesh.network.heal('a', 'b');
    await mesh.run(2_000);
    expect(b.revoked).toEqual([{ subject: 'ann', atMs: 5 }]);
    await mesh.run(30_000);
    expect([a.revoked.length, b.revoked.length]).toEqual([1, 1]);
  });
});

describe('goodbye', () => {
  it('a node that leaves says so: nobody waits for it', async () => {
    const mesh = await pairWithText(61);
    const [a, b] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0]];
    await mesh.settle(a.registry.close());
    a.fanout.leave();
    await mesh.run(20);
    expect(b.fanout.peers).toMatchObject([{ node: 'a', status: 'left' }]);
  });
});

function total(fanout: { stats: { rounds: Readonly<Record<string, number>> } }): number {
  return Object.values(fanout.stats.rounds).reduce((sum, count) => sum + count, 0);
}
