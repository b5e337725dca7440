/**
 * The Redis bus against a real redis-server that is stopped, killed, restarted, refuses and throws clients out: the
 * link says so within three seconds, comes back by itself with all subscriptions, nothing is thrown, memory stays
 * bounded. [I4] [I6]
 */
import { describe, it } from 'vitest';
import {
  EVERYONE,
  MESSAGE_BYTES_MAX,
  nodeChannel,
  bucketChannel,
} from '../../server/fanout/bus.ts';
import type { BusNode } from '../support/bus-node.ts';
import { BusStage } from '../support/bus-stage.ts';
import type { RedisProcess } from '../support/redis-process.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What a fault may take to be noticed. */
const NOTICED_MS = 3_000;
/** What a user needs who may listen, but not publish. */
const LISTENER = [
  'on',
  '>pw',
  '&*',
  '-@all',
  '+subscribe',
  '+unsubscribe',
  '+ping',
  '+hello',
  '+client',
];
const NOTHING = new Uint8Array(1_024);

const at = (port: number, credentials = ''): [{ region: string; urls: string[] }] => [
  { region: 'eu', urls: [`redis://${credentials}127.0.0.1:${port}`] },
];

async function pair(stage: BusStage, redis: RedisProcess): Promise<[BusNode, BusNode]> {
  const channels = [EVERYONE, bucketChannel(5), nodeChannel('b')];
  return [
    await stage.open({ node: 'a', places: at(redis.port), channels }),
    await stage.open({ node: 'b', places: at(redis.port), channels }),
  ];
}

async function bothReach(a: BusNode, b: BusNode, text: string): Promise<void> {
  await a.reaches(`${text} everyone`, [a, b]);
  await b.reaches(`${text} bucket`, [a, b], bucketChannel(5));
  await a.reaches(`${text} node`, [b], nodeChannel('b'));
}

describe.concurrent('redis bus', () => {
  it('B21 SIGSTOP for 3 s: noticed in time, back by itself, resubscribed, told', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const [a, b] = await pair(stage, redis);
    redis.stop();
    const startMs = performance.now();
    const noticedMs = await Promise.all([a.untilNotUp('eu'), b.untilNotUp('eu')]);
    expect(Math.max(...noticedMs)).toBeLessThan(NOTICED_MS);
    await waitUntil('3 s have passed', () => performance.now() - startMs > 3_000);
    redis.resume();
    await Promise.all([a.untilUp(), b.untilUp()]);
    await bothReach(a, b, 'after');
    expect(a.history.at(0)).toBe('eu up connected');
    expect(a.history.at(-1)).toBe('eu up connected');
    expect(a.links.some(({ reason }) => reason === 'silent' || reason === 'publisher-lost')).toBe(
      true,
    );
    expect(a.bus.stats.reconnects).toBeGreaterThan(0);
  });

  it('B21 kill -9, and a new, empty server on the same port', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const [a, b] = await pair(stage, redis);
    await redis.kill();
    expect(await a.untilNotUp('eu')).toBeLessThan(NOTICED_MS);
    await b.untilNotUp('eu');
    expect(a.say('into the void')).toBe('not-connected');
    await redis.restart();
    await Promise.all([a.untilUp(), b.untilUp()]);
    await bothReach(a, b, 'after');
    expect(b.heard).not.toContain('into the void');
  });

  it('B21 CLIENT KILL TYPE pubsub, again and again under load', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const [a, b] = await pair(stage, redis);
    stage.repeat(() => {
      for (let n = 0; n < 20; n += 1) a.bus.publish(EVERYONE, NOTHING);
    });
    for (let round = 1; round <= 4; round += 1) {
      await redis.run('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await waitUntil('both were lost and are back', () =>
        [a, b].every(({ history }) => {
          return history.filter((line) => line === 'eu up connected').length === round + 1;
        }),
      );
      await bothReach(a, b, `round ${round}`);
    }
    expect(b.bus.stats.reconnects).toBe(4);
  });

  it('B21 CLIENT KILL TYPE normal: not heard for a moment, and told so', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const [a, b] = await pair(stage, redis);
    await redis.run('CLIENT', 'KILL', 'TYPE', 'normal');
    await waitUntil('it was lost and is back', () => a.history.length === 3);
    expect(a.history).toEqual(['eu up connected', 'eu one-way publisher-lost', 'eu up connected']);
    await b.untilUp();
    await bothReach(a, b, 'after');
  });

  it('B21 FLUSHALL, SCRIPT KILL and maxmemory change nothing', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const [a, b] = await pair(stage, redis);
    await redis.run('FLUSHALL');
    await redis.run('CONFIG', 'SET', 'maxmemory', '1mb');
    await expect(redis.run('SCRIPT', 'KILL')).rejects.toThrow('NOTBUSY');
    await bothReach(a, b, 'after');
    expect([...a.history, ...b.history]).toEqual(['eu up connected', 'eu up connected']);
  });

  it('B22 thrown out for reading too slowly: reconnects, no kill loop, the others notice nothing', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis('--client-output-buffer-limit', 'pubsub 1mb 1mb 1');
    const proxy = await stage.proxyTo(redis);
    const a = await stage.open({ node: 'a', places: at(redis.port) });
    const slow = await stage.open({ node: 'slow', places: at(proxy.port) });
    proxy.set('down', 'hold');
    const message = new Uint8Array(200 * 1024);
    await waitUntil('Redis has thrown it out', async () => {
      for (let n = 0; n < 10; n += 1) a.bus.publish(EVERYONE, message);
      return !String(await redis.run('CLIENT', 'LIST')).includes('name=syncline-slow-hear');
    });
    proxy.set('down', 'flow');
    await waitUntil('it was lost', () => slow.history.length > 1);
    await slow.untilUp();
    await a.reaches('after', [a, slow]);
    expect(a.history).toEqual(['eu up connected']);
    expect(slow.bus.stats.reconnects).toBeLessThanOrEqual(2);
  });

  it('[I6] what waits for a stopped Redis is bounded, every drop is counted, nothing old comes later', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const queueBytesMax = 512 * 1024;
    const [a, b] = [
      await stage.open({ node: 'a', places: at(redis.port), queueBytesMax }),
      await stage.open({ node: 'b', places: at(redis.port) }),
    ];
    redis.stop();
    let most = 0;
    let published = 0;
    // Far more than the kernel's buffers and ours take.
    await waitUntil('it is noticed', () => {
      for (let n = 0; n < 2_000; n += 1) {
        a.bus.publish(EVERYONE, NOTHING);
        published += 1;
      }
      most = Math.max(most, a.bus.queue.bytes);
      return a.statusOf('eu') !== 'up';
    });
    expect(most).toBeLessThanOrEqual(queueBytesMax);
    const { stats } = a.bus;
    await waitUntil('what was under way is given up', () => a.bus.queue.messages === 0);
    const accepted = stats.published;
    expect(accepted + stats.dropped['queue-full'] + stats.dropped['not-connected']).toBe(published);
    expect(stats.dropped['publish-failed']).toBe(accepted);
    expect(stats.dropped['queue-full']).toBeGreaterThan(0);
    expect(a.drops.length).toBe(published);
    redis.resume();
    await Promise.all([a.untilUp(), b.untilUp()]);
    await a.reaches('after', [b]);
  });

  it('a wrong password is a state, not an error; it is never shown; the right one helps by itself', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis('--requirepass', 'right');
    const node = stage.start({ node: 'a', places: at(redis.port, ':hunter2@') });
    const own = (): { reason: string; detail: string } =>
      node.bus.links[0] ?? { reason: '', detail: '' };
    await waitUntil('it is refused', () => own().reason === 'refused');
    expect(own().detail).toContain('WRONGPASS');
    expect(JSON.stringify(node.bus.links)).not.toContain('hunter2');
    expect(node.say('x')).toBe('not-connected');
    const admin = await stage.open({ node: 'b', places: at(redis.port, ':right@') });
    await admin.untilUp();
    // A user of that name and password, as an operator would add.
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.port, '127.0.0.1', { password: 'right' });
    await client.config('SET', 'requirepass', 'hunter2');
    client.disconnect();
    await node.untilUp();
    await admin.reaches('after', [node]);
  });

  it('a user who may listen but not publish is one-way, within seconds of it', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    await redis.run('ACL', 'SETUSER', 'mute', ...LISTENER);
    const a = stage.start({ node: 'a', places: at(redis.port, 'mute:pw@') });
    const b = await stage.open({ node: 'b', places: at(redis.port) });
    await waitUntil('it is noticed', () => a.statusOf('eu') === 'one-way');
    expect(a.history).toEqual(['eu one-way no-echo']);
    await b.reaches('still heard', [a]);
    expect(a.say('not heard')).toBe('accepted');
    await waitUntil('it is counted', () => a.bus.stats.dropped['publish-failed'] > 0);
    await redis.run('ACL', 'SETUSER', 'mute', '+publish');
    await a.untilUp();
    await a.reaches('heard', [b]);
  });

  it('B12 what others publish over 256 KiB is dropped and counted', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const a = await stage.open({ node: 'a', places: at(redis.port) });
    await redis.run('PUBLISH', 'syncline:{all}', 'x'.repeat(MESSAGE_BYTES_MAX + 1));
    await redis.run('PUBLISH', 'syncline:{all}', 'x'.repeat(MESSAGE_BYTES_MAX));
    await waitUntil('the one that fits arrives', () => a.heard.length > 0);
    expect(a.heard.map(({ length }) => length)).toEqual([MESSAGE_BYTES_MAX]);
    expect(a.drops).toEqual(['too-large']);
  });

  it('probes of another node of the same name are no echo', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const twin = await stage.open({ node: 'a', places: at(redis.port) });
    await redis.run('ACL', 'SETUSER', 'mute', ...LISTENER);
    const mute = stage.start({ node: 'a', places: at(redis.port, 'mute:pw@') });
    await waitUntil('it is noticed', () => mute.statusOf('eu') === 'one-way');
    expect(mute.history).toEqual(['eu one-way no-echo']);
    expect(twin.history).toEqual(['eu up connected']);
  });

  it.for(['up', 'down'] as const)(
    'a cable cut in direction %s is noticed in time and heals by itself',
    async (direction, context) => {
      const stage = new BusStage(context);
      const { expect } = context;
      const redis = await stage.redis();
      const proxy = await stage.proxyTo(redis);
      const a = await stage.open({ node: 'a', places: at(proxy.port) });
      const b = await stage.open({ node: 'b', places: at(redis.port) });
      proxy.set(direction, 'hold');
      expect(await a.untilNotUp('eu')).toBeLessThan(NOTICED_MS);
      proxy.set(direction, 'flow');
      await a.untilUp();
      await bothReachEveryone(a, b);
      expect(b.history).toEqual(['eu up connected']);
    },
  );

  it('comes up with a server that starts after it', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    await redis.kill();
    const a = stage.start({ node: 'a', places: at(redis.port) });
    await waitUntil('it was refused', () => a.bus.links[0]?.reason === 'connection-lost');
    expect(a.bus.links[0]?.detail).toContain('ECONNREFUSED');
    await redis.restart();
    await a.untilUp();
    await a.reaches('hello', [a]);
  });

  it('closes within its deadline while Redis is stopped, with messages under way', async (context) => {
    const stage = new BusStage(context);
    const { expect } = context;
    const redis = await stage.redis();
    const a = await stage.open({ node: 'a', places: at(redis.port) });
    redis.stop();
    for (let n = 0; n < 100; n += 1) a.say('under way');
    const startMs = performance.now();
    await a.bus.close(300);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(a.statusOf('eu')).toBe('down');
  });
});

async function bothReachEveryone(a: BusNode, b: BusNode): Promise<void> {
  await a.reaches('from a', [a, b]);
  await b.reaches('from b', [a, b]);
}
