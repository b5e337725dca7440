/**
 * What every bus promises, run by both adapters: memory on real timers, and Redis with a real redis-server for
 * each region. Each test has a prefix (a network) of its own.
 */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  BUCKETS,
  EVERYONE,
  MESSAGE_BYTES_MAX,
  bucketChannel,
  nodeChannel,
  type Bus,
  type BusObserver,
  type Channel,
  type Delivery,
  type Link,
} from '../../server/fanout/bus.ts';
import { MemoryNetwork } from '../../server/fanout/memory-bus.ts';
import { RedisBus, type RedisPlace } from '../../server/fanout/redis-bus.ts';
import { realTimers } from '../../server/rooms/timers.ts';
import { RedisProcess } from '../support/redis-process.ts';
import { waitUntil } from '../support/wait-until.ts';

type Build = (node: string, region: string, observer?: BusObserver) => Bus;

interface Adapter {
  readonly name: string;
  start(): Promise<void>;
  end(): Promise<void>;
  /** A network for one test. */
  network(): Build;
}

const REGIONS = ['eu', 'us'];
const servers = new Map<string, RedisProcess>();
let networks = 0;

const placeOf = (region: string): RedisPlace => ({
  region,
  urls: [`unix://${servers.get(region)?.socketPath}`],
});

const memory: Adapter = {
  name: 'memory',
  start: async () => {},
  end: async () => {},
  network: () => {
    const network = new MemoryNetwork({ timers: realTimers, random: Math.random });
    return (node, region, observer) => network.join(node, region, REGIONS, observer);
  },
};

const redis: Adapter = {
  name: 'redis',
  start: async () => {
    for (const region of REGIONS) servers.set(region, await RedisProcess.start());
  },
  end: async () => {
    for (const server of servers.values()) await server.end();
  },
  network: () => {
    networks += 1;
    const prefix = `test-${networks}:`;
    return (node, region, observer = {}) => {
      const others = REGIONS.filter((name) => name !== region).map(placeOf);
      const places = [placeOf(region), ...others] as const;
      return new RedisBus({
        node,
        places,
        prefix,
        timers: realTimers,
        random: Math.random,
        observer,
      });
    };
  },
};

interface Node {
  readonly bus: Bus;
  readonly deliveries: Delivery[];
  readonly links: Link[];
}

const textOf = ({ bytes }: Delivery): string => Buffer.from(bytes).toString('latin1');
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

async function open(
  build: Build,
  name: string,
  region: string = 'eu',
  channels: readonly Channel[] = [EVERYONE],
  observer: BusObserver = {},
): Promise<Node> {
  const bus = build(name, region, observer);
  onTestFinished(async () => {
    await bus.close(100);
  });
  const node: Node = { bus, deliveries: [], links: [] };
  bus.open({
    onMessage: (delivery) => node.deliveries.push(delivery),
    onLink: (link) => node.links.push(link),
  });
  await bus.subscribe(channels);
  await waitUntil('all links are up', () => bus.links.every(({ status }) => status === 'up'));
  return node;
}

describe.each([memory, redis])('bus over $name', (adapter) => {
  beforeAll(async () => {
    await adapter.start();
  });
  afterAll(async () => {
    await adapter.end();
  });

  it('brings the bytes as they were, with their channel and the region that carried them', async () => {
    const build = adapter.network();
    const [a, b] = [await open(build, 'a'), await open(build, 'b', 'us')];
    const bytes = Uint8Array.from({ length: 1_024 }, (_, index) => index & 0xff);
    expect(a.bus.publish(EVERYONE, bytes)).toBe('accepted');
    await waitUntil('it arrives', () => b.deliveries.length === 1);
    expect(b.deliveries[0]).toMatchObject({ channel: EVERYONE, region: 'eu' });
    expect(Buffer.from(b.deliveries[0]?.bytes ?? []).equals(bytes)).toBe(true);
  });

  it('keeps the order of each origin', async () => {
    const build = adapter.network();
    const nodes = [await open(build, 'a'), await open(build, 'b', 'us'), await open(build, 'c')];
    for (let n = 0; n < 200; n += 1) {
      for (const { bus } of nodes) bus.publish(EVERYONE, bytesOf(`${bus.node}${n}`));
    }
    await waitUntil('all arrive', () => nodes.every(({ deliveries }) => deliveries.length === 600));
    for (const { deliveries } of nodes) {
      for (const origin of ['a', 'b', 'c']) {
        const seen = deliveries.map(textOf).filter((text) => text.startsWith(origin));
        expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => `${origin}${n}`));
      }
    }
  });

  it('echoes to the sender, once', async () => {
    const a = await open(adapter.network(), 'a');
    a.bus.publish(EVERYONE, bytesOf('x'));
    a.bus.publish(EVERYONE, bytesOf('y'));
    await waitUntil('both are back', () => a.deliveries.length === 2);
    expect(a.deliveries.map(textOf)).toEqual(['x', 'y']);
  });

  it('delivers only what was subscribed to', async () => {
    const build = adapter.network();
    const mine = [bucketChannel(3), nodeChannel('a')];
    const [a, b] = [await open(build, 'a', 'eu', mine), await open(build, 'b', 'eu', [])];
    const sent = [EVERYONE, bucketChannel(4), nodeChannel('b'), bucketChannel(3), nodeChannel('a')];
    for (const channel of sent) b.bus.publish(channel, bytesOf(channel));
    await waitUntil('both arrive', () => a.deliveries.length === 2);
    expect(a.deliveries.map(textOf)).toEqual(mine);
    expect(b.deliveries).toEqual([]);
  });

  it('listens to a channel when `subscribe` has resolved, and no more after `unsubscribe`', async () => {
    const build = adapter.network();
    const [a, b] = [await open(build, 'a', 'eu', []), await open(build, 'b', 'us', [])];
    const channel = bucketChannel(7);
    await a.bus.subscribe([channel]);
    b.bus.publish(channel, bytesOf('1'));
    await waitUntil('it arrives', () => a.deliveries.length === 1);
    a.bus.unsubscribe([channel]);
    await a.bus.subscribe([EVERYONE]);
    b.bus.publish(channel, bytesOf('2'));
    b.bus.publish(EVERYONE, bytesOf('3'));
    await waitUntil('the last arrives', () => a.deliveries.length > 1);
    expect(a.deliveries.map(textOf)).toEqual(['1', '3']);
  });

  it('takes all buckets at once', async () => {
    const build = adapter.network();
    const channels = Array.from({ length: BUCKETS }, (_, bucket) => bucketChannel(bucket));
    const a = await open(build, 'a', 'eu', channels);
    for (const channel of channels) a.bus.publish(channel, bytesOf(channel));
    await waitUntil('all are back', () => a.deliveries.length === BUCKETS);
    expect(new Set(a.deliveries.map(({ channel }) => channel))).toEqual(new Set(channels));
  });

  it('[I6] B12 sends nothing over 256 KiB, and counts it', async () => {
    const drops: string[] = [];
    const observer: BusObserver = { onDrop: (reason, bytes) => drops.push(`${reason} ${bytes}`) };
    const a = await open(adapter.network(), 'a', 'eu', [EVERYONE], observer);
    expect(a.bus.publish(EVERYONE, new Uint8Array(MESSAGE_BYTES_MAX + 1))).toBe('too-large');
    expect(a.bus.publish(EVERYONE, new Uint8Array(40_000_000))).toBe('too-large');
    expect(a.bus.publish(EVERYONE, new Uint8Array(MESSAGE_BYTES_MAX))).toBe('accepted');
    await waitUntil('the one that fits is back', () => a.deliveries.length === 1);
    expect(drops).toEqual([`too-large ${MESSAGE_BYTES_MAX + 1}`, 'too-large 40000000']);
    expect(a.bus.stats.dropped['too-large']).toBe(2);
  });

  it('calls nobody inside of publish, open or subscribe', async () => {
    const build = adapter.network();
    const bus = build('a', 'eu');
    onTestFinished(async () => {
      await bus.close(100);
    });
    let isInside = true;
    const calls: boolean[] = [];
    const inside = (): void => {
      calls.push(isInside);
    };
    bus.open({ onMessage: inside, onLink: inside });
    const subscribed = bus.subscribe([EVERYONE]);
    isInside = false;
    await subscribed;
    await waitUntil('all links are up', () => bus.links.every(({ status }) => status === 'up'));
    isInside = true;
    bus.publish(EVERYONE, bytesOf('x'));
    isInside = false;
    await waitUntil('link and message were told', () => calls.length === 3);
    expect(calls).toEqual([false, false, false]);
  });

  it('goes on after a listener that throws, and reports it', async () => {
    const failures: unknown[] = [];
    const bus = adapter.network()('a', 'eu', { onListenerFailed: (error) => failures.push(error) });
    onTestFinished(async () => {
      await bus.close(100);
    });
    const heard: string[] = [];
    bus.open({
      onMessage: (delivery) => {
        heard.push(textOf(delivery));
        if (heard.length === 1) throw new Error('poisoned');
      },
      onLink: () => {
        throw new Error('link');
      },
    });
    await bus.subscribe([EVERYONE]);
    await waitUntil('all links are up', () => bus.links.every(({ status }) => status === 'up'));
    bus.publish(EVERYONE, bytesOf('1'));
    bus.publish(EVERYONE, bytesOf('2'));
    await waitUntil('both are back', () => heard.length === 2);
    expect(failures.map(String)).toEqual(['Error: link', 'Error: link', 'Error: poisoned']);
  });

  it('has a link a region, the own one first, and says when each came up', async () => {
    const a = await open(adapter.network(), 'a', 'us');
    expect(a.bus.links.map(({ region, status, reason }) => [region, status, reason])).toEqual([
      ['us', 'up', 'connected'],
      ['eu', 'up', 'connected'],
    ]);
    await waitUntil('both were told', () => a.links.length === 2);
    expect(a.links.map(({ region }) => region).toSorted()).toEqual(['eu', 'us']);
  });

  it('networks with another prefix hear nothing of each other', async () => {
    const [a, b] = [await open(adapter.network(), 'a'), await open(adapter.network(), 'b')];
    b.bus.publish(EVERYONE, bytesOf('theirs'));
    await waitUntil('they hear it', () => b.deliveries.length === 1);
    a.bus.publish(EVERYONE, bytesOf('ours'));
    await waitUntil('we hear ours', () => a.deliveries.length === 1);
    expect(a.deliveries.map(textOf)).toEqual(['ours']);
  });

  it('hands over what was accepted before it closes, then is silent', async () => {
    const build = adapter.network();
    const [a, b] = [await open(build, 'a'), await open(build, 'b')];
    // More than a socket takes at once.
    for (let n = 0; n < 50; n += 1) a.bus.publish(EVERYONE, new Uint8Array(100_000));
    await a.bus.close(1_000);
    await waitUntil('all arrive', () => b.deliveries.length === 50);
    expect(a.bus.publish(EVERYONE, bytesOf('late'))).toBe('not-connected');
    expect(a.bus.links.map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      'down closed',
      'down closed',
    ]);
    const before = a.deliveries.length;
    b.bus.publish(EVERYONE, bytesOf('x'));
    await waitUntil('b hears itself', () => b.deliveries.some((one) => textOf(one) === 'x'));
    expect(a.deliveries).toHaveLength(before);
  });
});
