/** Counts and tickets in a real Redis that two nodes share, and what they do when it stops, dies and comes back. */
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  rateLimits,
  type RateConfig,
  type RateLimits,
} from '../../../server/access/rate-limits.ts';
import { SharedRedis } from '../../../server/access/redis.ts';
import { Tickets } from '../../../server/access/tickets.ts';
import { RedisProcess } from '../../support/redis-process.ts';
import { waitUntil } from '../../support/wait-until.ts';

const CONFIG: RateConfig = {
  auth: 'jwt',
  rateWindowMs: 60_000,
  rateUserMax: 5,
  rateAddressMax: 1000,
  rateDocumentMax: 1000,
  rateUpgradesMax: 5,
  rateBadTokensMax: null,
};

interface Fleet {
  readonly redis: RedisProcess;
  /** What each node's Redis reported, in order. */
  readonly changes: boolean[][];
  readonly connections: SharedRedis[];
}

async function fleet(nodes: number): Promise<Fleet> {
  const redis = await RedisProcess.start();
  onTestFinished(async () => {
    redis.resume();
    await redis.end();
  });
  const changes: boolean[][] = Array.from({ length: nodes }, () => []);
  const connections = changes.map((seen) => {
    const shared = new SharedRedis(
      [redis.url],
      () => performance.now(),
      (isUp) => seen.push(isUp),
    );
    shared.start();
    onTestFinished(() => {
      shared.close();
    });
    return shared;
  });
  await waitUntil('ready', () => connections.every(({ client }) => client.status === 'ready'));
  return { redis, changes, connections };
}

const ask = (limits: RateLimits, subject: string): Promise<boolean> =>
  limits
    .take({ address: '192.0.2.1', subject, document: 'notes' })
    .then(({ isAllowed }) => isAllowed);

async function allowedOf(limits: RateLimits, subject: string, times: number): Promise<number> {
  let allowed = 0;
  for (let count = 0; count < times; count += 1) if (await ask(limits, subject)) allowed += 1;
  return allowed;
}

describe('rates in Redis', () => {
  it('two nodes count together, and say so', async () => {
    const { connections } = await fleet(2);
    const [a, b] = connections.map((redis) => rateLimits(CONFIG, redis));
    if (a === undefined || b === undefined) throw new Error('no nodes');
    expect(await allowedOf(a, 'ann', 3)).toBe(3);
    expect(await allowedOf(b, 'ann', 3)).toBe(2);
    expect(await allowedOf(b, 'bob', 3)).toBe(3);
    const verdict = await a.take({ address: '192.0.2.1', subject: 'ann', document: 'notes' });
    expect(verdict.isAllowed).toBe(false);
    expect(verdict.retryAfterS).toBeGreaterThan(50);
    expect(verdict.policies.map(({ name }) => name)).toEqual(['user', 'address', 'document']);
    expect(verdict.policies[0]).toMatchObject({ quota: 5, windowS: 60, remaining: 0 });
  });

  it('a Redis that hangs: local limits at once after the first slow answer, shared again when it answers', async () => {
    const { redis, connections, changes } = await fleet(1);
    const [shared] = connections;
    if (shared === undefined) throw new Error('no node');
    const limits = rateLimits(CONFIG, shared);
    expect(await allowedOf(limits, 'ann', 5)).toBe(5);
    redis.stop();
    const slowMs = performance.now();
    // Neither "no service" nor "no limit": what Redis had counted is forgotten, the quota holds.
    expect(await ask(limits, 'ann')).toBe(true);
    expect(performance.now() - slowMs).toBeLessThan(1500);
    const fastMs = performance.now();
    expect(await allowedOf(limits, 'ann', 10)).toBe(4);
    expect(performance.now() - fastMs).toBeLessThan(1000);
    expect(changes[0]).toEqual([false]);
    redis.resume();
    await waitUntil('shared again', async () => {
      await ask(limits, 'somebody');
      return changes[0]?.at(-1) === true;
    });
    // Redis still remembers what it had counted.
    expect(await ask(limits, 'ann')).toBe(false);
  });

  it('a Redis that was killed: local limits without waiting, and back when it is', async () => {
    const { redis, connections, changes } = await fleet(1);
    const [shared] = connections;
    if (shared === undefined) throw new Error('no node');
    const limits = rateLimits(CONFIG, shared);
    await redis.kill();
    await waitUntil('noticed', () => shared.client.status !== 'ready');
    const startedMs = performance.now();
    expect(await allowedOf(limits, 'ann', 10)).toBe(5);
    expect(performance.now() - startedMs).toBeLessThan(500);
    expect(changes[0]).toEqual([false]);
    await redis.restart();
    await waitUntil('shared again', async () => {
      await ask(limits, 'somebody');
      return changes[0]?.at(-1) === true;
    });
    expect(await allowedOf(limits, 'bob', 10)).toBe(5);
  });

  it('a node that starts without its Redis limits by itself', async () => {
    const redis = await RedisProcess.start();
    onTestFinished(() => redis.end());
    await redis.kill();
    const shared = new SharedRedis(
      [redis.url],
      () => performance.now(),
      () => undefined,
    );
    shared.start();
    onTestFinished(() => {
      shared.close();
    });
    expect(await allowedOf(rateLimits(CONFIG, shared), 'ann', 10)).toBe(5);
    await redis.restart();
    await waitUntil('connected after all', () => shared.client.status === 'ready');
  });
});

describe('tickets in Redis', () => {
  it('J24 the same ticket at two nodes: the second refuses it', async () => {
    const { connections } = await fleet(2);
    const [a, b] = connections.map((redis) => new Tickets(redis));
    const nowMs = Date.now();
    expect(await a?.use('t', nowMs + 30_000, nowMs)).toBe(true);
    expect(await b?.use('t', nowMs + 30_000, nowMs)).toBe(false);
    expect(await b?.use('u', nowMs + 30_000, nowMs)).toBe(true);
  });

  it('J24 while Redis is out a node still refuses what it has seen itself', async () => {
    const { redis, connections } = await fleet(1);
    const [shared] = connections;
    if (shared === undefined) throw new Error('no node');
    const tickets = new Tickets(shared);
    await redis.kill();
    await waitUntil('noticed', () => shared.client.status !== 'ready');
    const nowMs = Date.now();
    expect(await tickets.use('t', nowMs + 30_000, nowMs)).toBe(true);
    expect(await tickets.use('t', nowMs + 30_000, nowMs)).toBe(false);
  });
});
