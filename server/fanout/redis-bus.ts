/**
 * The bus over Redis pub/sub: publishes to the own region's Redis, listens to every region's. Everything that
 * can go wrong with a server is a link's state here and nobody's exception. See bus.ts for what is promised.
 */
import {
  MESSAGE_BYTES_MAX,
  type Bus,
  type BusListener,
  type BusObserver,
  type BusQueue,
  type BusStats,
  type Channel,
  type Link,
  type PublishOutcome,
} from './bus.ts';
import { Ledger } from './ledger.ts';
import { parseRedisAddress, type RedisAddress } from './redis-address.ts';
import { RedisRegion } from './redis-region.ts';
import type { RedisContext } from './redis-shard.ts';
import type { Timers } from '../rooms/timers.ts';

/** What may be under way to Redis: two seconds (until a dead connection is noticed) of 4 MiB/s. */
const QUEUE_BYTES_MAX: number = 8 * 1024 * 1024;

/** A region's Redis: one URL, or several of one cluster. */
export interface RedisPlace {
  readonly region: string;
  readonly urls: readonly string[];
  /** Default: when there are several URLs. */
  readonly isCluster?: boolean;
}

export interface RedisBusOptions {
  readonly node: string;
  /** The own region first. */
  readonly places: readonly [RedisPlace, ...RedisPlace[]];
  /** Before every channel; without braces. Tenants and tests that share a Redis differ in it. */
  readonly prefix?: string;
  readonly timers: Timers;
  /** In [0, 1): jitter, and a token that tells own probes from others'. */
  readonly random: () => number;
  readonly queueBytesMax?: number;
  readonly observer?: BusObserver;
}

export class RedisBus implements Bus {
  readonly node: string;
  readonly region: string;
  readonly #timers: Timers;
  readonly #ledger: Ledger;
  readonly #own: RedisRegion;
  readonly #regions: readonly RedisRegion[];

  /** @throws RangeError for an address or a prefix that is none; the message holds no credentials */
  constructor(options: RedisBusOptions) {
    const { node, places, prefix = 'syncline:', timers, random } = options;
    if (/[{}\s]/.test(prefix))
      throw new RangeError('a bus prefix must not contain braces or spaces');
    this.node = node;
    this.region = places[0].region;
    this.#timers = timers;
    this.#ledger = new Ledger(options.observer ?? {});
    const context: RedisContext = {
      node,
      token: Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256)),
      timers,
      random,
      queueBytesMax: options.queueBytesMax ?? QUEUE_BYTES_MAX,
      ledger: this.#ledger,
    };
    this.#regions = places.map(({ region, urls, isCluster = urls.length > 1 }, index) => {
      const addresses = urls.map((url) => addressOf(url, region));
      const onLink = (link: Link): void => {
        this.#ledger.tell(link);
      };
      const speaks = index === 0;
      return new RedisRegion({ region, addresses, isCluster, speaks, prefix, onLink }, context);
    });
    this.#own = this.#regions[0] as RedisRegion;
  }

  get links(): readonly Link[] {
    return this.#regions.map(({ link }) => link);
  }

  get stats(): BusStats {
    return this.#ledger.stats;
  }

  get queue(): BusQueue {
    return this.#own.queue;
  }

  open(listener: BusListener): void {
    this.#ledger.listener = listener;
    for (const region of this.#regions) region.open();
  }

  publish(channel: Channel, bytes: Uint8Array): PublishOutcome {
    if (bytes.length > MESSAGE_BYTES_MAX) return this.#ledger.drop('too-large', bytes.length);
    return this.#own.publish(channel, bytes);
  }

  async subscribe(channels: readonly Channel[]): Promise<void> {
    await Promise.all(this.#regions.map((region) => region.subscribe(channels)));
  }

  unsubscribe(channels: readonly Channel[]): void {
    for (const region of this.#regions) region.unsubscribe(channels);
  }

  async close(deadlineMs: number): Promise<void> {
    this.#ledger.listener = null;
    await new Promise<void>((resolve) => {
      const deadline = this.#timers.setTimeout(resolve, deadlineMs);
      void this.#own.drained().then(() => {
        this.#timers.clearTimeout(deadline);
        resolve();
      });
    });
    for (const region of this.#regions) region.close();
  }
}

function addressOf(url: string, region: string): RedisAddress {
  const address = parseRedisAddress(url);
  if (address === null) {
    throw new RangeError(`the address of region ${region} is not redis://, rediss:// or unix://`);
  }
  return address;
}
