/** A node's end of a Redis bus, and everything that it was told. Made and closed by bus-stage.ts. */
import { EVERYONE, type Channel, type Link } from '../../server/fanout/bus.ts';
import { RedisBus, type RedisPlace } from '../../server/fanout/redis-bus.ts';
import { realTimers } from '../../server/rooms/timers.ts';
import { waitUntil } from './wait-until.ts';

export interface BusNodeOptions {
  readonly node: string;
  readonly places: readonly [RedisPlace, ...RedisPlace[]];
  readonly channels?: readonly Channel[];
  readonly queueBytesMax?: number;
}

export class BusNode {
  readonly bus: RedisBus;
  readonly heard: string[] = [];
  /** `region status reason`, in order. */
  readonly history: string[] = [];
  readonly links: Link[] = [];
  readonly drops: string[] = [];

  /** Opens at once, waits for nothing. */
  constructor({ node, places, channels = [EVERYONE], queueBytesMax }: BusNodeOptions) {
    this.bus = new RedisBus({
      node,
      places,
      ...(queueBytesMax === undefined ? {} : { queueBytesMax }),
      timers: realTimers,
      random: Math.random,
      observer: { onDrop: (reason) => this.drops.push(reason) },
    });
    this.bus.open({
      onMessage: ({ bytes }) => this.heard.push(Buffer.from(bytes).toString('latin1')),
      onLink: (link) => {
        this.links.push(link);
        this.history.push(`${link.region} ${link.status} ${link.reason}`);
      },
    });
    void this.bus.subscribe(channels);
  }

  async untilUp(timeoutMs?: number): Promise<void> {
    const isUp = (): boolean => this.bus.links.every(({ status }) => status === 'up');
    await waitUntil(`all links of ${this.bus.node} are up`, isUp, timeoutMs);
  }

  /** Resolves when the link to a region is no longer up; returns after how long: milliseconds. */
  async untilNotUp(region: string): Promise<number> {
    const startMs = performance.now();
    await waitUntil(`the link to ${region} is noticed`, () => this.statusOf(region) !== 'up');
    return performance.now() - startMs;
  }

  statusOf(region: string): string {
    return this.bus.links.find((link) => link.region === region)?.status ?? 'none';
  }

  say(text: string, channel: Channel = EVERYONE): string {
    return this.bus.publish(channel, Buffer.from(text, 'latin1'));
  }

  /** Publishes until it is heard everywhere: links are up, so the first one should do. */
  async reaches(
    text: string,
    others: readonly BusNode[],
    channel: Channel = EVERYONE,
  ): Promise<void> {
    this.say(text, channel);
    await waitUntil(`"${text}" is heard`, () => others.every(({ heard }) => heard.includes(text)));
  }
}
