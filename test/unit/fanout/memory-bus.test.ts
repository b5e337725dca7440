/** The bus of the simulation: what it does to messages when told to, and that a seed replays it. */
import { describe, expect, it } from 'vitest';
import { ECHO_TIMEOUT_MS, EVERYONE, type Link } from '../../../server/fanout/bus.ts';
import {
  MemoryNetwork,
  type LinkFaults,
  type MemoryBus,
} from '../../../server/fanout/memory-bus.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

interface Node {
  readonly bus: MemoryBus;
  readonly heard: { readonly value: number; readonly atMs: number }[];
  readonly statuses: string[];
}

class World {
  readonly timers: VirtualTimers = new VirtualTimers();
  readonly network: MemoryNetwork;

  constructor(seed: number = 1) {
    const random = seededRandom(seed);
    this.network = new MemoryNetwork({ timers: this.timers, random: () => random.float() });
  }

  async node(
    name: string,
    region = 'eu',
    regions: readonly string[] = ['eu', 'us'],
  ): Promise<Node> {
    const bus = this.network.join(name, region, regions);
    const heard: Node['heard'] = [];
    const statuses: string[] = [];
    bus.open({
      onMessage: ({ bytes }) => heard.push({ value: bytes[0] ?? -1, atMs: this.timers.now() }),
      onLink: (link: Link) => statuses.push(`${link.region} ${link.status}`),
    });
    await bus.subscribe([EVERYONE]);
    await this.timers.advance(1);
    return { bus, heard, statuses };
  }
}

const values = (node: Node): number[] => node.heard.map(({ value }) => value);
const send = (node: Node, from: number, to: number): void => {
  for (let value = from; value <= to; value += 1) node.bus.publish(EVERYONE, Uint8Array.of(value));
};
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const counts = async (faults: Partial<LinkFaults>): Promise<number[]> => {
  const world = new World();
  const [a, b] = [await world.node('a'), await world.node('b')];
  world.network.setFaults('eu', 'eu', faults);
  send(a, 1, 200);
  await world.timers.advance(1_000);
  return values(b);
};

const history = async (seed: number): Promise<unknown> => {
  const world = new World(seed);
  const nodes = [await world.node('a'), await world.node('b', 'us'), await world.node('c')];
  const faults = { latencyMaxMs: 30, drop: 0.1, duplicate: 0.1, reorder: 0.2 };
  for (const from of ['eu', 'us']) {
    for (const to of ['eu', 'us']) world.network.setFaults(from, to, faults);
  }
  for (const node of nodes) send(node, 1, 50);
  world.network.cut('eu', 'us');
  await world.timers.advance(5_000);
  world.network.heal('eu', 'us');
  await world.timers.advance(5_000);
  return nodes.map(({ heard, statuses }) => ({ heard, statuses }));
};

describe('memory bus', () => {
  it('keeps the order of an origin under any latency', async () => {
    const world = new World();
    const [a, b] = [await world.node('a'), await world.node('b')];
    world.network.setFaults('eu', 'eu', { latencyMinMs: 1, latencyMaxMs: 200 });
    send(a, 1, 100);
    await world.timers.advance(500);
    expect(values(b)).toEqual(range(1, 100));
    expect(b.heard.at(-1)?.atMs).toBeGreaterThan(100);
  });

  it('loses, repeats and reorders as often as it is told', async () => {
    const lossy = await counts({ drop: 0.5 });
    expect(lossy.length).toBeGreaterThan(70);
    expect(lossy.length).toBeLessThan(130);
    expect(lossy).toEqual(lossy.toSorted((x, y) => x - y));
    const doubled = await counts({ duplicate: 1 });
    expect(doubled).toHaveLength(400);
    const shuffled = await counts({ reorder: 0.3 });
    expect(shuffled.toSorted((x, y) => x - y)).toEqual(range(1, 200));
    expect(shuffled).not.toEqual(range(1, 200));
  });

  it('replays from its seed', async () => {
    const first = await history(7);
    expect(await history(7)).toEqual(first);
    expect(await history(8)).not.toEqual(first);
  });

  it('a cut between regions stops exactly that direction, is noticed late, and heals by itself', async () => {
    const world = new World();
    const [eu, us] = [await world.node('a', 'eu'), await world.node('b', 'us')];
    world.network.cut('eu', 'us');
    send(eu, 1, 1);
    send(us, 2, 2);
    await world.timers.advance(ECHO_TIMEOUT_MS - 100);
    expect(us.statuses).toEqual(['us up', 'eu up']);
    await world.timers.advance(200);
    expect(us.statuses).toEqual(['us up', 'eu up', 'eu down']);
    expect(eu.statuses).toEqual(['eu up', 'us up']);
    expect([values(eu).toSorted((x, y) => x - y), values(us)]).toEqual([[1, 2], [2]]);
    world.network.heal('eu', 'us');
    await world.timers.advance(1_000);
    expect(us.statuses.at(-1)).toBe('eu up');
    send(eu, 3, 3);
    await world.timers.advance(10);
    expect(values(us)).toEqual([2, 3]);
  });

  it('a cut too short to be noticed loses messages without a word', async () => {
    const world = new World();
    const [a, b] = [await world.node('a'), await world.node('b')];
    world.network.deafen('b', true);
    send(a, 1, 1);
    await world.timers.advance(500);
    world.network.deafen('b', false);
    send(a, 2, 2);
    await world.timers.advance(5_000);
    expect(values(b)).toEqual([2]);
    expect(b.statuses).toEqual(['eu up', 'us up']);
  });

  it('a node that is not heard is one-way, and told so when it publishes', async () => {
    const world = new World();
    const [a, b] = [await world.node('a'), await world.node('b')];
    world.network.mute('a', true);
    expect(a.bus.publish(EVERYONE, Uint8Array.of(1))).toBe('accepted');
    await world.timers.advance(ECHO_TIMEOUT_MS + 10);
    expect(a.statuses.at(-1)).toBe('eu one-way');
    expect(a.bus.publish(EVERYONE, Uint8Array.of(2))).toBe('not-connected');
    send(b, 3, 3);
    await world.timers.advance(10);
    expect(values(a)).toEqual([3]);
    world.network.mute('a', false);
    await world.timers.advance(1_000);
    expect(a.statuses.at(-1)).toBe('eu up');
    expect(values(b)).toEqual([3]);
  });

  it('leaves no timer behind', async () => {
    const world = new World();
    const a = await world.node('a');
    send(a, 1, 5);
    world.network.deafen('a', true);
    await a.bus.close(100);
    expect(world.timers.pendingCount).toBe(0);
  });
});
