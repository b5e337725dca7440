/** Snapshots between nodes, while messages are lost. */
import { randomFillSync } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { documentName } from '../../support/room-house.ts';
import {
  DIGEST,
  STATE_BYTES_MAX,
  SnapshotNode,
  nodeOf,
  typed,
  worldOf,
  type SnapshotWorld,
} from '../../support/snapshot-world.ts';
import { waitUntil } from '../../support/wait-until.ts';

const A = documentName('a');
async function expectAll(of: SnapshotWorld, ids: readonly string[]): Promise<void> {
  for (const [name, each] of of.nodes) {
    expect([name, await each.ids()]).toEqual([name, ids.toSorted()]);
    expect(each.errors).toEqual([]);
  }
}

it('[I2] what is made on one node is on every other, as it was made', async () => {
  const house = await worldOf('a', 'b', 'c');
  const state = typed('as it was');
  const info = await nodeOf(house, 'a').make(state);
  await house.settle();
  await expectAll(house, [info.id]);
  const found = await nodeOf(house, 'c').records.gzippedState(A, info.id);
  expect(found?.info).toEqual(info);
  expect(Buffer.compare(gunzipSync(found?.gzipped ?? ''), state)).toBe(0);
  expect(nodeOf(house, 'b').sync.taken).toBe(1);
});

it('[I2] one of several slices comes whole, and slices that are lost are asked for again', async () => {
  const house = await worldOf('a', 'b');
  // Noise does not get shorter.
  const text = Buffer.from(randomFillSync(new Uint8Array(900_000))).toString('base64');
  house.loses = () => true;
  const state = typed(text);
  const { id } = await nodeOf(house, 'a').make(state);
  await house.pass(10);
  let slices = 0;
  house.loses = ({ message }) => {
    if (message.kind !== 'snapshot-reply' || message.size < 500_000) return false;
    slices += 1;
    return slices === 3;
  };
  nodeOf(house, 'a').sync.greet('b');
  await house.pass(1);
  await waitUntil('the third slice is lost', () => slices === 3);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  await house.pass(4);
  await house.settle();
  expect(slices).toBeGreaterThan(5);
  const found = await nodeOf(house, 'b').records.gzippedState(A, id);
  expect(Buffer.compare(gunzipSync(found?.gzipped ?? ''), state)).toBe(0);
});

it('[I2] what both sides make and delete while they are apart is so on both afterwards', async () => {
  const house = await worldOf('a', 'b');
  const [a, b] = [nodeOf(house, 'a'), nodeOf(house, 'b')];
  const [old, kept] = [await a.make(), await a.make()];
  await house.settle();
  house.loses = () => true;
  await a.delete(old.id);
  const ofA = await a.make();
  const ofB = await b.make();
  await house.pass(20);
  expect(await b.ids()).toContain(old.id);
  house.heal();
  // Nothing has changed lately: the round of a minute finds out.
  await house.pass(70);
  await expectAll(house, [kept.id, ofA.id, ofB.id]);
  expect(b.sync.buried).toBe(1);
  // And it stays so.
  house.sent.length = 0;
  await house.pass(130);
  await expectAll(house, [kept.id, ofA.id, ofB.id]);
  expect(house.sent.filter(({ message }) => message.kind !== 'snapshots')).toEqual([]);
});

it('[I2] a message that is lost is not missed for longer than seconds', async () => {
  const house = await worldOf('a', 'b');
  let lost = 0;
  house.loses = () => lost++ < 1;
  const { id } = await nodeOf(house, 'a').make();
  await house.settle();
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  house.heal();
  await house.pass(2);
  await expectAll(house, [id]);
});

it('[I2] who is told of less than it has tells of more', async () => {
  const house = await worldOf('a', 'b');
  house.loses = ({ from }) => from === 'b';
  const ofA = await nodeOf(house, 'a').make();
  const ofB = await nodeOf(house, 'b').make();
  await house.pass(20);
  house.heal();
  // Nobody seems to answer it: it is not heard.
  nodeOf(house, 'b').sync.linked();
  nodeOf(house, 'a').sync.greet('b');
  await house.pass(2);
  await expectAll(house, [ofA.id, ofB.id]);
  // It has nothing to take, and tells all the same.
  house.loses = ({ from, message }) => from === 'b' && message.kind === 'snapshots';
  const more = await nodeOf(house, 'b').make();
  await house.pass(20);
  house.heal();
  house.sent.length = 0;
  nodeOf(house, 'a').sync.greet('b');
  await house.pass(2);
  expect(house.sent.some(({ from, message }) => from === 'b' && message.kind === 'snapshots')).toBe(
    true,
  );
  await expectAll(house, [ofA.id, ofB.id, more.id]);
});

it('[I2] what was deleted here while it was on its way is not taken', async () => {
  const house = await worldOf('a', 'b');
  const { id } = await nodeOf(house, 'a').make();
  await house.settle();
  const found = await nodeOf(house, 'a').records.gzippedState(A, id);
  if (found === null) throw new Error('it is not there');
  await nodeOf(house, 'b').delete(id);
  expect(await nodeOf(house, 'b').replica.adopt(A, found.info, found.gzipped)).toBe('deleted');
  await house.settle();
  await expectAll(house, []);
});

it('[I2] whoever may have missed anything is told of what is recent', async () => {
  const house = await worldOf('a', 'b');
  house.loses = () => true;
  const { id } = await nodeOf(house, 'a').make();
  await house.pass(30);
  house.heal();
  nodeOf(house, 'a').hear('b', {
    kind: 'heartbeat',
    isLeaving: false,
    isAsking: true,
    entries: [],
  });
  await house.settle();
  expect(await nodeOf(house, 'b').ids()).toEqual([id]);
});

it('[I2] a newcomer gets all, and deletions that it has not seen', async () => {
  const house = await worldOf('a');
  const a = nodeOf(house, 'a');
  const names = Array.from({ length: 1_100 }, (_, at) => documentName(`d${at}`));
  for (const name of names) await a.make(typed(name), name);
  const gone = await a.make();
  await a.delete(gone.id);
  await house.settle();
  const b = await house.start('b');
  await house.pass(6);
  for (const name of names) expect(await b.ids(name)).toHaveLength(1);
  expect((await b.records.known(A)).deleted).toEqual([gone.id]);
}, 30_000);

it('[I2] what a node tells when it starts, and nobody hears, it tells again soon', async () => {
  const house = await worldOf('a', 'b');
  const a = nodeOf(house, 'a');
  house.loses = () => true;
  const { id } = await a.make();
  await house.pass(2);
  a.sync.close();
  const again = new SnapshotNode(house, 'a', a.store);
  house.nodes.set('a', again);
  await again.sync.start();
  await house.pass(8);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  house.heal();
  await house.pass(5);
  await expectAll(house, [id]);
});

it('[I2] a round is told to its end, however many there are and however often somebody comes', async () => {
  const house = await worldOf('a', 'b');
  const a = nodeOf(house, 'a');
  const names = Array.from({ length: 3_500 }, (_, at) => documentName(`d${at}`));
  house.loses = () => true;
  for (const name of names) await a.make(typed('x'), name);
  await house.pass(5);
  house.sent.length = 0;
  for (let second = 0; second < 12; second += 1) {
    a.sync.greet('b');
    await house.pass(1);
  }
  const told = new Set(
    house.sent.flatMap(({ from, message }) =>
      from === 'a' && message.kind === 'snapshots'
        ? message.entries.map(({ document }) => document)
        : [],
    ),
  );
  expect(told.size).toBe(names.length);
});

it('[I2] a node that hears nothing holds nobody up: the others are asked', async () => {
  const house = await worldOf('a', 'c');
  const names = Array.from({ length: 100 }, (_, at) => documentName(`d${at}`));
  for (const name of names) await nodeOf(house, 'a').make(typed(name), name);
  await house.settle();
  // What it says is heard, and it is the last to speak.
  house.loses = ({ to }) => to === 'c';
  const b = await house.start('b');
  nodeOf(house, 'a').sync.tick();
  nodeOf(house, 'c').sync.tick();
  await house.pass(75);
  house.heal();
  await house.settle();
  for (const name of names) expect(await b.ids(name)).toHaveLength(1);
}, 30_000);

it('a node that goes while it is asked is not asked for all the rest', async () => {
  const house = await worldOf('a', 'b');
  house.loses = () => true;
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
  for (const text of texts) await nodeOf(house, 'a').make(typed(text));
  await house.pass(10);
  // Lists come, states do not.
  house.loses = ({ message }) => message.kind === 'snapshot-reply' && message.size < 200;
  nodeOf(house, 'a').sync.greet('b');
  await house.pass(30);
  const asked = house.sent.flatMap(({ message }) => {
    return message.kind === 'snapshot-request' && message.id !== null ? [message.id] : [];
  });
  // Tried three times in half a minute, three questions each, and always about the first of them.
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThanOrEqual(9);
  expect(new Set(asked).size).toBe(1);
  house.heal();
  await house.pass(10);
  expect(await nodeOf(house, 'b').ids()).toHaveLength(texts.length);
});

it('[I2] what several messages in a row were lost of is there within ten seconds, although nobody noticed', async () => {
  const house = await worldOf('a', 'b');
  house.loses = () => true;
  const { id } = await nodeOf(house, 'a').make();
  await house.pass(15);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  house.heal();
  await house.pass(10);
  await expectAll(house, [id]);
});

it('[I2] who was not heard is asked again soon after it is', async () => {
  const house = await worldOf('a', 'b');
  // What b asks does not arrive; what a says does.
  house.loses = ({ from }) => from === 'b';
  const { id } = await nodeOf(house, 'a').make();
  await house.pass(60);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  house.heal();
  await house.pass(2);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  nodeOf(house, 'b').hear('a', {
    kind: 'heartbeat',
    isLeaving: false,
    isAsking: true,
    entries: [],
  });
  await house.settle();
  await expectAll(house, [id]);
});

it('[I2] a disk that could not be read or written for a while is caught up with', async () => {
  const house = await worldOf('a', 'b');
  const b = nodeOf(house, 'b');
  b.store.failWrites();
  const { id } = await nodeOf(house, 'a').make();
  await house.pass(5);
  expect(await b.ids()).toEqual([]);
  b.store.recover();
  await house.pass(1);
  await expectAll(house, [id]);
  // Refused at once this time.
  const adopt = b.replica.adopt.bind(b.replica);
  b.replica.adopt = () => Promise.reject(new Error('Input/output error'));
  const more = await nodeOf(house, 'a').make();
  await house.pass(20);
  // Ever less often: after 2, 4, 8 and 8 s.
  expect(b.errors.length).toBeGreaterThan(1);
  expect(b.errors.length).toBeLessThan(6);
  b.errors.length = 0;
  b.replica.adopt = adopt;
  await house.pass(12);
  await expectAll(house, [id, more.id]);
});

it('[I2] what could not be read when it was made is told as soon as it can be', async () => {
  const house = await worldOf('a', 'b');
  const a = nodeOf(house, 'a');
  const known = a.replica.known.bind(a.replica);
  a.replica.known = () => Promise.reject(new Error('Input/output error'));
  const { id } = await a.make();
  await house.pass(3);
  expect(await nodeOf(house, 'b').ids()).toEqual([]);
  expect(a.errors.length).toBeGreaterThan(0);
  a.replica.known = known;
  a.errors.length = 0;
  await house.pass(1);
  await expectAll(house, [id]);
});

it('[I2] a node that could not read what it has when it started begins later', async () => {
  const house = await worldOf('a');
  const a = nodeOf(house, 'a');
  const { id } = await a.make();
  await house.settle();
  a.sync.close();
  const again = new SnapshotNode(house, 'a', a.store);
  house.nodes.set('a', again);
  const known = again.replica.known.bind(again.replica);
  again.replica.known = () => Promise.reject(new Error('Input/output error'));
  await expect(again.sync.start()).rejects.toThrow('Input/output');
  await house.start('b');
  await house.pass(5);
  again.replica.known = known;
  await house.pass(10);
  await expectAll(house, [id]);
});

it('what a restarted node has stored it tells, and compares', async () => {
  const house = await worldOf('a', 'b');
  const a = nodeOf(house, 'a');
  const { id } = await a.make();
  await house.settle();
  a.sync.close();
  house.nodes.delete('a');
  const other = await nodeOf(house, 'b').make();
  const again = new SnapshotNode(house, 'a', a.store);
  house.nodes.set('a', again);
  await again.sync.start();
  await house.pass(3);
  expect(await again.ids()).toEqual([id, other.id].toSorted());
  await expectAll(house, [id, other.id]);
});

it('[I3] a state that is not what it is said to be is not taken', async () => {
  const house = await worldOf('a', 'b');
  const [a, b] = [nodeOf(house, 'a'), nodeOf(house, 'b')];
  const state = typed('x'.repeat(1_000));
  const info = { label: null, createdAtMs: 1, author: 'a', digest: DIGEST };
  const forged: readonly (readonly [string, number, Uint8Array])[] = [
    ['000000000001-00000001', state.length + 1, gzipSync(state)],
    ['000000000002-00000001', state.length, gzipSync(state).subarray(0, 40)],
    ['000000000003-00000001', 100, gzipSync(new Uint8Array(5_000_000))],
    ['000000000004-00000001', 50, gzipSync(new Uint8Array(50).fill(255))],
    ['000000000005-00000001', STATE_BYTES_MAX + 1, gzipSync(state)],
    ['000000000006-00000001', 3, randomFillSync(new Uint8Array(2_000_000))],
  ];
  for (const [id, bytes, gzipped] of forged) {
    await a.records.write(A, { id, bytes, ...info }, gzipped);
  }
  const good = await a.make(state);
  await house.settle();
  expect(await b.ids()).toEqual([good.id]);
  expect(b.sync.refused).toBe(4);
  // They do not become better.
  await house.pass(130);
  expect(b.sync.refused).toBe(4);
  expect(b.errors).toEqual([]);
});

it('[I3] a list that nobody can read is not taken, and asks for nothing', async () => {
  const house = await worldOf('a', 'b');
  const [a, b] = [nodeOf(house, 'a'), nodeOf(house, 'b')];
  const info = { label: null, createdAtMs: 1, author: 'a', bytes: 1 };
  await a.records.write(A, { id: 'no id at all', digest: DIGEST, ...info }, new Uint8Array(9));
  a.replica.onChanged(A);
  await house.settle();
  expect(b.sync.refused).toBeGreaterThan(0);
  expect(await b.ids()).toEqual([]);
  const asked = house.sent.filter(({ message }) => message.kind === 'snapshot-request');
  expect(asked.length).toBeLessThan(3);
});

it('a document that is deleted here takes nothing any more', async () => {
  const house = await worldOf('a', 'b');
  const b = nodeOf(house, 'b');
  await b.store.load(A);
  await b.store.append(A, typed('x')).durable;
  await b.store.delete(A);
  b.sync.forget(A);
  await nodeOf(house, 'a').make();
  await house.settle();
  expect(await b.ids()).toEqual([]);
  expect(b.errors).toEqual([]);
});

it('[I6] who asks for very much at once is not answered without end', async () => {
  const house = await worldOf('a', 'b');
  const { id } = await nodeOf(house, 'a').make();
  await house.settle();
  house.sent.length = 0;
  for (let nonce = 1_000; nonce < 2_000; nonce += 1) {
    const to = 'a';
    nodeOf(house, 'a').hear('b', {
      kind: 'snapshot-request',
      to,
      document: A,
      nonce,
      id,
      offset: 0,
    });
  }
  await house.settle();
  const answers = house.sent.filter(({ message }) => message.kind === 'snapshot-reply');
  expect(answers.length).toBeGreaterThan(0);
  expect(answers.length).toBeLessThanOrEqual(16);
});
