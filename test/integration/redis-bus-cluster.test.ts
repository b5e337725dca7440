/**
 * Sharded pub/sub on a real Redis cluster of three masters on loopback: every bucket arrives wherever its slot is,
 * and stays so when a slot moves, a master restarts or stops answering.
 */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  BUCKETS,
  EVERYONE,
  bucketChannel,
  nodeChannel,
  type Channel,
} from '../../server/fanout/bus.ts';
import { slotOf } from '../../server/fanout/redis-address.ts';
import { BusNode } from '../support/bus-node.ts';
import { RedisCluster } from '../support/redis-cluster.ts';
import type { RedisProcess } from '../support/redis-process.ts';
import { waitUntil } from '../support/wait-until.ts';

const CHANNELS = [
  EVERYONE,
  nodeChannel('b'),
  ...Array.from({ length: BUCKETS }, (_, bucket) => bucketChannel(bucket)),
];
let masters: readonly RedisProcess[] = [];
let cluster: RedisCluster;

function openNode(node: string): BusNode {
  const urls = masters.slice(0, 2).map(({ url }) => url);
  const opened = new BusNode({ node, places: [{ region: 'eu', urls }], channels: CHANNELS });
  onTestFinished(async () => {
    await opened.bus.close(100);
  });
  return opened;
}

async function allReach(from: BusNode, to: readonly BusNode[], text: string): Promise<void> {
  for (const channel of CHANNELS) from.say(`${text} ${channel}`, channel);
  await waitUntil(`"${text}" is heard on all channels`, () =>
    to.every(({ heard }) => CHANNELS.every((channel) => heard.includes(`${text} ${channel}`))),
  );
}

/** Publishes until something is heard: what is on its way while a slot moves may be lost. */
async function comesThrough(
  from: BusNode,
  to: BusNode,
  channel: Channel,
  text: string,
): Promise<void> {
  await waitUntil(`"${text}" comes through`, () => {
    from.say(text, channel);
    return to.heard.includes(text);
  });
}

describe('redis bus on a cluster', () => {
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    ({ masters } = cluster);
    return async () => {
      await cluster.end();
    };
  });

  it('every channel arrives, once, from a list of seeds', async () => {
    const [a, b] = [openNode('a'), openNode('b')];
    await Promise.all([a.untilUp(), b.untilUp()]);
    await allReach(a, [a, b], 'first');
    expect(new Set(b.heard).size).toBe(b.heard.length);
    const shards = new Set(
      CHANNELS.map((channel) => Math.min(2, slotOf(`{${channel}}`) / 5_461) | 0),
    );
    expect(shards.size).toBe(3);
    expect(a.history).toEqual(['eu up connected']);
    expect(a.drops).toEqual([]);
  });

  it('a channel whose slot has moved arrives from its new master', async () => {
    const [a, b] = [openNode('a'), openNode('b')];
    await Promise.all([a.untilUp(), b.untilUp()]);
    const channel = CHANNELS.find((name) => slotOf(`{${name}}`) <= 5_460) ?? EVERYONE;
    const slot = String(slotOf(`{${channel}}`));
    const target = masters[2] as RedisProcess;
    const id = String(await target.run('CLUSTER', 'MYID'));
    for (const master of [target, ...masters]) {
      await master.run('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    }
    await comesThrough(a, b, channel, 'moved');
    // Redis takes the subscriptions of a slot away although it stays where it is.
    await target.run('CLUSTER', 'SETSLOT', slot, 'NODE', id);
    await comesThrough(a, b, channel, 'taken away');
    // Both have subscribed again, each in its own time.
    await comesThrough(b, a, channel, 'taken away from both');
    await allReach(b, [a, b], 'after the move');
    expect(a.statusOf('eu')).toBe('up');
  });

  it('a master that is stopped is noticed, the others go on, and it comes back', async () => {
    const [a, b] = [openNode('a'), openNode('b')];
    await Promise.all([a.untilUp(), b.untilUp()]);
    const stopped = masters[1] as RedisProcess;
    stopped.stop();
    onTestFinished(() => {
      stopped.resume();
    });
    expect(await a.untilNotUp('eu')).toBeLessThan(3_000);
    stopped.resume();
    await Promise.all([a.untilUp(), b.untilUp()]);
    await cluster.untilWhole();
    await allReach(a, [a, b], 'after the stop');
  });

  it('a master that is killed and started again has its subscribers back', async () => {
    const [a, b] = [openNode('a'), openNode('b')];
    await Promise.all([a.untilUp(), b.untilUp()]);
    const killed = masters[0] as RedisProcess;
    await killed.kill();
    await Promise.all([a.untilNotUp('eu'), b.untilNotUp('eu')]);
    await killed.restart();
    await cluster.untilWhole();
    await Promise.all([a.untilUp(), b.untilUp()]);
    await expect(allReach(b, [a, b], 'after the kill')).resolves.toBeUndefined();
  });
});
