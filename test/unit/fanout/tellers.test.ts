/** Webhooks in a cluster: each change is told of by one node; of a lost node’s last ones by those who are left. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { tellersPart } from '../../../server/fanout/tellers.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { DOCUMENT, NodeMesh, deleting, typing, type MeshNode } from '../../support/node-mesh.ts';

/** Nodes that tell (t…) and nodes that do not. */
async function cluster(seed: number, ...names: readonly string[]): Promise<NodeMesh> {
  const mesh = new NodeMesh(seed);
  for (const name of names) await join(mesh, name);
  await mesh.run(1_500);
  return mesh;
}

async function join(mesh: NodeMesh, name: string): Promise<MeshNode> {
  const store = new MemoryStore({ clock: mesh.timers, recordsChanges: true });
  onTestFinished(async () => {
    await store.close(0);
  });
  const region = 'abcd'.charAt(mesh.nodes.length);
  return await mesh.join(name, region, store, [tellersPart(name.startsWith('t'))]);
}

async function told(mesh: NodeMesh): Promise<Record<string, readonly string[]>> {
  const entries = mesh.nodes.map(async ({ name, store }) => {
    const records = await store.changes.read(0, 1_000);
    return [
      name,
      records.flatMap(({ changes }) => changes.map(({ kind, name: of }) => `${kind} ${of}`)),
    ];
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<string, readonly string[]>;
}

const nodesOf = (mesh: NodeMesh): [MeshNode, MeshNode, MeshNode] =>
  mesh.nodes as [MeshNode, MeshNode, MeshNode];

describe('a change', () => {
  it('is told by the node that took it, and by no other', async () => {
    const mesh = await cluster(61, 't1', 't2', 't3');
    const [one, two] = nodesOf(mesh);
    await mesh.edit(one, DOCUMENT, typing('hello'));
    await mesh.untilEqual(DOCUMENT, 500);
    await mesh.edit(two, DOCUMENT, deleting(2));
    await mesh.untilEqual(DOCUMENT, 500);
    await mesh.settle(two.documents.delete(DOCUMENT));
    await mesh.untilEqual(DOCUMENT, 500);
    await mesh.run(60_000);
    expect(await told(mesh)).toEqual({
      t1: ['created meeting'],
      t2: ['changed meeting', 'deleted meeting'],
      t3: [],
    });
  });

  it('that came by an answer, and not by itself, is not told again', async () => {
    const mesh = await cluster(62, 't1', 't2');
    const [one] = nodesOf(mesh);
    mesh.network.cut('a', 'b');
    await mesh.edit(one, DOCUMENT, typing('hello'));
    await mesh.run(2_000);
    mesh.network.heal('a', 'b');
    await mesh.untilEqual(DOCUMENT, 5_000);
    expect(await told(mesh)).toEqual({ t1: ['created meeting'], t2: [] });
  });

  it('on a node that tells nobody is told by the one that does', async () => {
    const mesh = await cluster(63, 't1', 'quiet');
    const [, quiet] = nodesOf(mesh);
    await mesh.edit(quiet, DOCUMENT, typing('hello'));
    await mesh.untilEqual(DOCUMENT, 500);
    await mesh.settle(quiet.documents.delete(DOCUMENT));
    await mesh.untilEqual(DOCUMENT, 500);
    expect((await told(mesh))['t1']).toEqual(['created meeting', 'deleted meeting']);
  });
});

describe('the last changes of a node', () => {
  it('that is lost are told by exactly one of those who are left', async () => {
    const mesh = await cluster(64, 't1', 't2', 't3', 'quiet');
    const [one] = nodesOf(mesh);
    const documents = Array.from({ length: 12 }, (_, at) => `d${at}` as DocumentName);
    for (const document of documents) await mesh.edit(one, document, typing('x'));
    await mesh.run(500);
    mesh.network.mute('t1', true);
    await mesh.run(12_000);
    const { t2 = [], t3 = [], quiet = [] } = await told(mesh);
    expect([...t2, ...t3].toSorted()).toEqual(
      documents.map((name) => `created ${name}`).toSorted(),
    );
    expect(t2.length).toBeGreaterThan(0);
    expect(t3.length).toBeGreaterThan(0);
    expect(quiet).toHaveLength(0);
  });

  it('that left in order are left to it, and so is what is older than a minute', async () => {
    const mesh = await cluster(65, 't1', 't2');
    const [one] = nodesOf(mesh);
    await mesh.edit(one, DOCUMENT, typing('x'));
    await mesh.untilEqual(DOCUMENT, 500);
    await mesh.run(61_000);
    const late = 'late' as DocumentName;
    await mesh.edit(one, late, typing('x'));
    await mesh.run(500);
    await one.fanout.close(0);
    await mesh.run(12_000);
    expect((await told(mesh))['t2']).toEqual([]);
  });
});
