/**
 * Which master of a Redis cluster owns which slots, asked from the first server that answers. ioredis' own cluster
 * client would do it too; it is not used, because its shard subscribers retry in silence and send no heartbeat, so
 * that a stopped master would look healthy. See docs/decisions/0014-bus.md.
 */
import { Redis } from 'ioredis';
import { parseRedisAddress, type RedisAddress } from './redis-address.ts';

const ASK_TIMEOUT_MS = 1_500;
const SLOTS = 16_384;

export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

export interface Master {
  readonly address: RedisAddress;
  readonly ranges: readonly SlotRange[];
}

export function owns(master: Master, slot: number): boolean {
  return master.ranges.some(({ from, to }) => from <= slot && slot <= to);
}

/** Null when nobody could be asked. Asks one server after another; each may take `ASK_TIMEOUT_MS`. */
export async function askTopology(seeds: readonly RedisAddress[]): Promise<Master[] | null> {
  for (const seed of seeds) {
    const masters = parseSlots(await ask(seed), seed);
    if (masters !== null) return masters;
  }
  return null;
}

async function ask(address: RedisAddress): Promise<unknown> {
  const client = new Redis({
    host: address.host,
    port: address.port,
    ...(address.isTls ? { tls: { servername: address.host } } : {}),
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    connectionName: 'syncline-topology',
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: null,
    connectTimeout: ASK_TIMEOUT_MS,
    socketTimeout: ASK_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.cluster('SLOTS');
  } catch {
    return null;
  } finally {
    client.disconnect();
    (client.stream as typeof client.stream | undefined)?.destroy();
  }
}

/** Rows of [from, to, [host, port, …] of the master, replicas …]; an empty host is the one that was asked. */
export function parseSlots(reply: unknown, asked: RedisAddress): Master[] | null {
  if (!Array.isArray(reply) || reply.length === 0) return null;
  const masters = new Map<string, { address: RedisAddress; ranges: SlotRange[] }>();
  for (const row of reply as unknown[]) {
    if (!Array.isArray(row) || !Array.isArray(row[2])) return null;
    const [from, to, [host, port]] = row as [unknown, unknown, unknown[]];
    if (!isSlot(from) || !isSlot(to) || typeof port !== 'number') return null;
    const address = addressOf(typeof host === 'string' && host !== '' ? host : asked.host, port);
    if (address === null) return null;
    const { isTls, username, password } = asked;
    const master = masters.get(address.label) ?? {
      address: { ...address, isTls, username, password },
      ranges: [],
    };
    master.ranges.push({ from, to });
    masters.set(address.label, master);
  }
  return [...masters.values()];
}

function addressOf(host: string, port: number): RedisAddress | null {
  return parseRedisAddress(`redis://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

function isSlot(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS;
}
