/** Counts and tickets in a real Redis Cluster: whatever server a key is on, and when one of them is gone. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { rateLimits, type RateConfig } from '../../../server/access/rate-limits.ts';
import { SharedRedis } from '../../../server/access/redis.ts';
import { Tickets } from '../../../server/access/tickets.ts';
import { slotOf } from '../../../server/fanout/redis-address.ts';
import { RedisCluster } from '../../support/redis-cluster.ts';
import { waitUntil } from '../../support/wait-until.ts';

const CONFIG: RateConfig = {
  auth: 'jwt',
  rateWindowMs: 60_000,
  rateUserMax: 2,
  rateAddressMax: 0,
  rateDocumentMax: 0,
  rateUpgradesMax: 0,
  rateBadTokensMax: null,
};

let cluster: RedisCluster;

interface Shared {
  readonly redis: SharedRedis;
  readonly changes: boolean[];
}

async function connect(): Promise<Shared> {
  const changes: boolean[] = [];
  // One of the servers is enough to find the others.
  const urls = cluster.masters.slice(0, 2).map(({ url }) => url);
  const redis = new SharedRedis(
    urls,
    () => performance.now(),
    (isUp) => changes.push(isUp),
  );
  redis.start();
  onTestFinished(() => {
    redis.close();
  });
  await waitUntil('ready', () => redis.client.status === 'ready');
  return { redis, changes };
}

/** So many names whose keys lie on that server. */
function namesOn(master: number, keyOf: (name: string) => string, tag: string): string[] {
  const names: string[] = [];
  for (let at = 0; names.length < 3; at += 1) {
    const slot = slotOf(keyOf(`${tag}${at}`));
    if (slot >= (master * 16_384) / 3 && slot < ((master + 1) * 16_384) / 3 - 1) {
      names.push(`${tag}${at}`);
    }
  }
  return names;
}

const userKey = (name: string): string => `syncline:rate:user:${name}`;
const ticketKey = (id: string): string => `syncline:ticket:${id}`;

async function isAllowed(shared: Shared, subject: string): Promise<boolean> {
  const limits = rateLimits(CONFIG, shared.redis);
  return (await limits.take({ address: null, subject, document: null })).isAllowed;
}

describe('rates and tickets in a Redis Cluster', () => {
  beforeAll(async () => {
    cluster = await RedisCluster.start({ isPartial: true });
    return async () => {
      await cluster.end();
    };
  });

  it.each([0, 1, 2])('are shared by nodes wherever their keys are (server %i)', async (master) => {
    const [a, b] = [await connect(), await connect()];
    for (const name of namesOn(master, userKey, 'u')) {
      expect(await isAllowed(a, name)).toBe(true);
      expect(await isAllowed(b, name)).toBe(true);
      expect(await isAllowed(a, name)).toBe(false);
    }
    const nowMs = Date.now();
    for (const id of namesOn(master, ticketKey, 't')) {
      expect(await new Tickets(a.redis).use(id, nowMs + 30_000, nowMs)).toBe(true);
      expect(await new Tickets(b.redis).use(id, nowMs + 30_000, nowMs)).toBe(false);
    }
    expect([...a.changes, ...b.changes]).toEqual([]);
  });

  it('the first server dies: what it held each node counts for itself, the rest goes on being shared', async () => {
    const [a, b] = [await connect(), await connect()];
    await cluster.masters[0]?.kill();
    onTestFinished(async () => {
      await cluster.masters[0]?.restart();
      await cluster.untilWhole();
    });
    const limits = [rateLimits(CONFIG, a.redis), rateLimits(CONFIG, b.redis)];
    const take = async (node: number, subject: string): Promise<boolean | undefined> =>
      (await limits[node]?.take({ address: null, subject, document: null }))?.isAllowed;
    const [lost = ''] = namesOn(0, userKey, 'lost');
    // Neither "no service" nor "no limit", and nobody waits for it long.
    const startedMs = performance.now();
    const here = [await take(0, lost), await take(0, lost), await take(0, lost)];
    expect(here).toEqual([true, true, false]);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect(await take(1, lost)).toBe(true);
    for (const [kept = ''] of [namesOn(1, userKey, 'kept'), namesOn(2, userKey, 'kept')]) {
      expect([await take(0, kept), await take(1, kept), await take(0, kept)]).toEqual([
        true,
        true,
        false,
      ]);
    }
    // A ticket is good once on each node, while nobody can tell.
    const nowMs = Date.now();
    const [ticket = ''] = namesOn(0, ticketKey, 'lost');
    const tickets = [new Tickets(a.redis), new Tickets(b.redis)];
    expect(await tickets[0]?.use(ticket, nowMs + 30_000, nowMs)).toBe(true);
    expect(await tickets[0]?.use(ticket, nowMs + 30_000, nowMs)).toBe(false);
    expect(await tickets[1]?.use(ticket, nowMs + 30_000, nowMs)).toBe(true);
    const [held = ''] = namesOn(1, ticketKey, 'held');
    expect(await tickets[0]?.use(held, nowMs + 30_000, nowMs)).toBe(true);
    expect(await tickets[1]?.use(held, nowMs + 30_000, nowMs)).toBe(false);
    // Told once, not once a command.
    expect(a.changes).toEqual([false]);
  });

  it('a node that starts while the first server is down finds the others', async () => {
    await cluster.masters[0]?.kill();
    onTestFinished(async () => {
      await cluster.masters[0]?.restart();
      await cluster.untilWhole();
    });
    const shared = await connect();
    const [name = ''] = namesOn(2, userKey, 'late');
    expect(await isAllowed(shared, name)).toBe(true);
    expect(await isAllowed(shared, name)).toBe(true);
    expect(await isAllowed(shared, name)).toBe(false);
  });
});
