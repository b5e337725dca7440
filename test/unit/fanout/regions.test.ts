/** Two regions in one process, on virtual time: what replicated acks, presence and the sweep promise together. */
import * as encoding from 'lib0/encoding';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { MemoryNetwork } from '../../../server/fanout/memory-bus.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { ProtocolError } from '../../../server/protocol/errors.ts';
import type { MemoryStore } from '../../../persistence/memory-store.ts';
import type { Seen } from '../../../server/rooms/documents.ts';
import { encodeDeletesOf, readDeleteSet } from '../../../server/rooms/updates/delete-set.ts';
import { FanoutNode } from '../../support/fanout-node.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const notes = 'notes' as DocumentName;

function dice(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.float();
}

class World {
  readonly timers = new VirtualTimers();
  readonly random: () => number = dice(11);
  readonly network: MemoryNetwork = new MemoryNetwork({ timers: this.timers, random: this.random });

  async start(node: string, region: string, store?: MemoryStore): Promise<FanoutNode> {
    const regions = ['eu', 'us'];
    const { network, timers, random } = this;
    const made = await FanoutNode.start({
      network,
      timers,
      random,
      node,
      region,
      regions,
      ...(store === undefined ? {} : { store }),
    });
    onTestFinished(async () => {
      const ending = made.end();
      await timers.advance(1_000);
      await ending;
    });
    return made;
  }

  /** One node a region, who know each other. */
  async pair(): Promise<readonly [eu: FanoutNode, us: FanoutNode]> {
    const eu = await this.start('a', 'eu');
    const us = await this.start('b', 'us');
    await this.timers.advance(7_000);
    return [eu, us];
  }

  cut(): void {
    this.network.cut('eu', 'us');
    this.network.cut('us', 'eu');
  }

  heal(): void {
    this.network.heal('eu', 'us');
    this.network.heal('us', 'eu');
  }

  /** Runs the world until the promise settles. */
  async settle<T>(promise: Promise<T>, ms: number = 20_000): Promise<T | ProtocolError> {
    const outcomes: (T | ProtocolError)[] = [];
    promise.then(
      (value) => outcomes.push(value),
      (error: unknown) => {
        if (!(error instanceof ProtocolError)) throw error;
        outcomes.push(error);
      },
    );
    for (let left = ms; left > 0 && outcomes.length === 0; left -= 10) {
      await this.timers.advance(10);
    }
    if (outcomes.length === 0) throw new Error('does not settle');
    return outcomes[0] as T | ProtocolError;
  }
}

class Writer {
  readonly doc = new Y.Doc();
  next(text: string): Uint8Array {
    const before = Y.encodeStateVector(this.doc);
    this.doc.getText('t').insert(0, text);
    return Y.encodeStateAsUpdate(this.doc, before);
  }
}

async function textOn(
  world: World,
  { documents }: FanoutNode,
  name: DocumentName,
): Promise<string> {
  const state = await world.settle(documents.state(name, null));
  if (state instanceof ProtocolError) return state.code;
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Buffer.concat(state.parts));
  return doc.getText('t').toString();
}

const codeOf = (outcome: unknown): unknown =>
  outcome instanceof ProtocolError ? outcome.code : outcome;

describe('two regions', () => {
  it('[I1] a replicated ack comes when the disk of the other region has it; what it loses then, the other has', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = new Writer();
    const { session, outlet } = await connectIn(world, eu, 'replicated');
    us.store.failWrites();
    session.receive({ type: 'update', update: ada.next('x') });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    await world.timers.advance(3_000);
    expect(us.registry.find(notes)?.appliedSeq).toBe(0);
    expect(eu.registry.find(notes)?.durableSeq).toBe(0);
    expect(outlet.payloads('ack')).toEqual([]);
    us.store.recover();
    await world.timers.advance(3_000);
    expect(outlet.payloads('ack')).toEqual([Uint8Array.of(1)]);
    // The region is gone. What the other one has on disk is all there is.
    const left = us.store.crash(() => 0);
    await us.fanout.close(0);
    const reborn = await new World().start('b', 'us', left);
    expect((await reborn.store.load(notes)).lastSeq).toBe(0);
  });

  it('[I1] a local ack waits for no region, in the same document', async () => {
    const world = new World();
    const [eu] = await world.pair();
    const { session, outlet } = await connectIn(world, eu, 'local');
    world.cut();
    session.receive({ type: 'update', update: new Writer().next('x') });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(7) });
    await world.timers.advance(100);
    expect(outlet.payloads('ack')).toEqual([Uint8Array.of(7)]);
  });

  it('[I1] in a partition edits go on and acks stall; nobody types, and healing releases them', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = new Writer();
    const { session, outlet } = await connectIn(world, eu, 'replicated');
    world.cut();
    for (let edit = 1; edit <= 20; edit += 1) {
      session.receive({ type: 'update', update: ada.next('x') });
      session.receive({ type: 'ack-request', payload: Uint8Array.of(edit) });
      await world.timers.advance(1_000);
    }
    expect(outlet.payloads('ack')).toEqual([]);
    expect(eu.registry.find(notes)?.durableSeq).toBe(19);
    world.heal();
    await world.timers.advance(12_000);
    expect(outlet.payloads('ack').at(-1)).toEqual(Uint8Array.of(20));
    expect(await textOn(world, us, notes)).toBe('x'.repeat(20));
  });

  it('[I1] REST: answered when replicated, else not-replicated in time, and repeating it is answered when it is', async () => {
    const world = new World();
    const [eu] = await world.pair();
    const ada = new Writer();
    const options = { isCreating: true, durability: 'replicated' } as const;
    expect(await world.settle(eu.documents.write(notes, ada.next('a'), options))).toMatchObject({
      isRedundant: false,
    });
    world.cut();
    const update = ada.next('b');
    expect(codeOf(await world.settle(eu.documents.write(notes, update, options)))).toBe(
      'not-replicated',
    );
    expect(eu.registry.find(notes)?.durableSeq).toBe(1);
    expect(codeOf(await world.settle(eu.documents.write(notes, update, options)))).toBe(
      'not-replicated',
    );
    world.heal();
    await world.timers.advance(3_000);
    expect(await world.settle(eu.documents.write(notes, update, options))).toMatchObject({
      isRedundant: true,
    });
  });

  it('[I1] after a restart what was written before it is acked once the other region has shown that it has it', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = new Writer();
    world.cut();
    const before = ada.next('a');
    await world.settle(eu.documents.write(notes, before, { isCreating: true }));
    const store = eu.store.crash(() => 1);
    await eu.fanout.close(0);
    const again = await world.start('a', 'eu', store);
    await world.timers.advance(1_000);
    const { session, outlet } = await connectIn(world, again, 'replicated');
    session.receive({ type: 'update', update: before });
    await world.timers.advance(5_000);
    world.heal();
    // This one arrives at once; that does not prove the one before it.
    session.receive({ type: 'update', update: new Writer().next('b') });
    session.receive({ type: 'ack-request', payload: Uint8Array.of(1) });
    for (let waitedMs = 0; outlet.payloads('ack').length === 0; waitedMs += 5) {
      expect(waitedMs).toBeLessThan(15_000);
      await world.timers.advance(5);
    }
    const left = us.store.crash(() => 0);
    await left.open();
    expect(
      (await left.load(notes)).tail.map(({ bytes }) => Y.decodeUpdate(bytes).structs.length),
    ).toEqual([1, 1]);
  });

  it('a reader that names what it has seen elsewhere gets it, or is told that this node is behind', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = new Writer();
    const first = ada.next('a');
    await world.settle(eu.documents.write(notes, first, { isCreating: true }));
    await connectIn(world, us, 'local');
    await world.timers.advance(5_000);
    world.cut();
    await world.settle(eu.documents.write(notes, ada.next('b')));
    const seen = { stateVector: Y.encodeStateVector(ada.doc) };
    expect(codeOf(await world.settle(us.documents.waitFor(notes, seen, 2_000)))).toBe(
      'replica-behind',
    );
    world.heal();
    // Less than a heartbeat.
    expect(codeOf(await world.settle(us.documents.waitFor(notes, seen, 900)))).toBeUndefined();
  });

  it('who has deleted something there waits for it here, although no state vector tells of it', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = new Writer();
    await world.settle(eu.documents.write(notes, ada.next('abc'), { isCreating: true }));
    await connectIn(world, us, 'local');
    await world.timers.advance(5_000);
    world.cut();
    const before = Y.encodeStateVector(ada.doc);
    ada.doc.getText('t').delete(1, 1);
    const deletion = Y.encodeStateAsUpdate(ada.doc, before);
    await world.settle(eu.documents.write(notes, deletion));
    const digest = encodeDeletesOf(deletion) ?? new Uint8Array(0);
    const deletes = readDeleteSet(digest);
    if (deletes === null) throw new Error('not read back');
    const stateVector = Y.encodeStateVector(ada.doc);
    const wait = async (seen: Seen, ms: number): Promise<unknown> =>
      codeOf(await world.settle(us.documents.waitFor(notes, seen, ms)));
    expect(await wait({ stateVector }, 0)).toBeUndefined();
    expect(await wait({ stateVector, deletes }, 2_000)).toBe('replica-behind');
    world.heal();
    expect(await wait({ stateVector, deletes }, 900)).toBeUndefined();
    expect(await textOn(world, us, notes)).toBe('ac');
    // A node that knows of more is not behind.
    await world.settle(us.documents.write(notes, ada.next('x')));
    expect(await wait({ deletes }, 0)).toBeUndefined();
  });

  it('[I9] cursors of the other region come with the room, go within 30 s of a cut, and are back after it', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    const ada = await connectIn(world, eu, 'local');
    ada.session.receive({ type: 'presence', entries: cursor(1) });
    await world.timers.advance(1_000);
    const bob = await connectIn(world, us, 'local');
    bob.session.receive({ type: 'presence', entries: cursor(2) });
    await world.timers.advance(1_000);
    expect([cursorsIn(eu), cursorsIn(us)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    world.cut();
    await world.timers.advance(15_000);
    // Their node is lost by now; they stay for as long as they might come back no newer than they went.
    expect([cursorsIn(eu), cursorsIn(us)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await world.timers.advance(14_000);
    expect([cursorsIn(eu), cursorsIn(us)]).toEqual([[1], [2]]);
    world.heal();
    await world.timers.advance(5_000);
    expect([cursorsIn(eu), cursorsIn(us)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await eu.fanout.close(0);
    await world.timers.advance(100);
    expect(cursorsIn(us)).toEqual([2]);
  });

  it('[I2] an empty newcomer fills up, and meanwhile says that it is behind rather than that there is nothing', async () => {
    const world = new World();
    const eu = await world.start('a', 'eu');
    await world.timers.advance(1_000);
    for (let at = 0; at < 50; at += 1) {
      await world.settle(
        eu.documents.write(`d${at}` as DocumentName, new Writer().next(`${at}`), {
          isCreating: true,
        }),
      );
    }
    await world.settle(eu.documents.delete('d7' as DocumentName));
    // Long enough that no heartbeat speaks of them any more.
    await world.timers.advance(700_000);
    world.network.cut('eu', 'us');
    const us = await world.start('b', 'us');
    expect(codeOf(await world.settle(us.documents.state(notes, null)))).toBe('replica-behind');
    world.heal();
    await world.timers.advance(15_000);
    expect(us.sweep.counts()?.documents).toBe(50);
    world.cut();
    await world.timers.advance(1_000);
    expect(await textOn(world, us, 'd49' as DocumentName)).toBe('49');
    expect(await textOn(world, us, 'd7' as DocumentName)).toBe('document-deleted');
    expect(codeOf(await world.settle(us.documents.state(notes, null)))).toBe('document-not-found');
  });

  it('[I2] what nobody has open converges by the sweep, deletions too, also after a restart', async () => {
    const world = new World();
    const [eu, us] = await world.pair();
    for (const name of ['old', 'gone'] as DocumentName[]) {
      await world.settle(eu.documents.write(name, new Writer().next('1'), { isCreating: true }));
    }
    await world.timers.advance(5_000);
    world.cut();
    await world.settle(us.documents.delete('gone' as DocumentName));
    await world.settle(us.documents.write('old' as DocumentName, new Writer().next('2')));
    const store = us.store.crash(() => 1);
    await us.fanout.close(0);
    await world.start('b', 'us', store);
    // Nobody speaks of them any more.
    await world.timers.advance(700_000);
    world.heal();
    await world.timers.advance(90_000);
    world.cut();
    await world.timers.advance(1_000);
    expect(await textOn(world, eu, 'gone' as DocumentName)).toBe('document-deleted');
    expect((await textOn(world, eu, 'old' as DocumentName)).split('').toSorted()).toEqual([
      '1',
      '2',
    ]);
  });
});

async function connectIn(
  world: World,
  node: FanoutNode,
  durability: 'local' | 'replicated',
): ReturnType<FanoutNode['connect']> {
  const connected = await world.settle(node.connect(notes, durability));
  if (connected instanceof ProtocolError) throw connected;
  return connected;
}

function cursor(clientId: number): Uint8Array {
  return encoding.encode((encoder) => {
    for (const number of [1, clientId, 1]) encoding.writeVarUint(encoder, number);
    encoding.writeVarString(encoder, '{}');
  });
}

/** As a newcomer is told. */
function cursorsIn(node: FanoutNode): readonly number[] {
  const ids: number[] = [];
  node.registry.find(notes)?.presence.sendAll({
    outlet: {
      wire: {
        presence: (entries: Uint8Array) => {
          // One byte each here.
          for (let at = 0; at < (entries[0] ?? 0); at += 1) ids.push(entries[1 + at * 5] ?? 0);
          return [];
        },
      },
      send: () => undefined,
    },
  } as never);
  return ids.toSorted((a, b) => a - b);
}
