/**
 * One region's Redis as one link: a single server, or a cluster whose masters share the channels. The link is as
 * good as its worst shard. A cluster's topology is asked again when a shard is not up, when a channel has moved,
 * and now and then.
 */
import type { BusQueue, Channel, Link, PublishOutcome } from './bus.ts';
import { slotOf, type RedisAddress } from './redis-address.ts';
import { RedisShard, type RedisContext } from './redis-shard.ts';
import { askTopology, owns, type Master } from './redis-topology.ts';
import type { TimerHandle } from '../rooms/timers.ts';

const TOPOLOGY_MS = 15_000;
const TOPOLOGY_TROUBLED_MS = 1_000;
/** Between two questions, however many messages come back as MOVED. */
const TOPOLOGY_PAUSE_MS = 100;
const EVERYTHING = [{ from: 0, to: 16_383 }];
const RANK: Readonly<Record<Link['status'], number>> = { down: 0, 'one-way': 1, up: 2 };

export interface RedisRegionOptions {
  readonly region: string;
  readonly addresses: readonly RedisAddress[];
  readonly isCluster: boolean;
  /** The own region. */
  readonly speaks: boolean;
  readonly prefix: string;
  onLink(link: Link): void;
}

interface Member {
  master: Master;
  readonly shard: RedisShard;
}

export class RedisRegion {
  readonly #options: RedisRegionOptions;
  readonly #context: RedisContext;
  readonly #members = new Map<string, Member>();
  readonly #channels = new Map<string, Channel>();
  readonly #startedAtMs: number;
  #told: Link['status'] = 'down';
  #timer: TimerHandle | null = null;
  #timerAtMs = Infinity;
  #isAsking = false;
  #askedAtMs = -Infinity;
  #isClosed = false;

  constructor(options: RedisRegionOptions, context: RedisContext) {
    this.#options = options;
    this.#context = context;
    const { addresses, isCluster } = options;
    this.#startedAtMs = context.timers.now();
    const address = addresses[0];
    if (!isCluster && address !== undefined) this.#add({ address, ranges: EVERYTHING });
  }

  get link(): Link {
    const { region } = this.#options;
    const worst = this.#shards
      .map((shard) => shard.view)
      .toSorted((a, b) => RANK[a.status] - RANK[b.status])[0];
    if (worst !== undefined) return { region, ...worst };
    // A cluster of which nobody has answered yet.
    const reason = this.#isClosed ? 'closed' : 'starting';
    return { region, status: 'down', reason, detail: '', sinceMs: this.#startedAtMs };
  }

  get queue(): BusQueue {
    const queues = this.#shards.map((shard) => shard.publisher?.queue);
    return {
      messages: queues.reduce((sum, queue) => sum + (queue?.messages ?? 0), 0),
      bytes: queues.reduce((sum, queue) => sum + (queue?.bytes ?? 0), 0),
    };
  }

  get #shards(): RedisShard[] {
    return [...this.#members.values()].map(({ shard }) => shard);
  }

  open(): void {
    if (this.#options.isCluster) void this.#ask();
    else for (const shard of this.#shards) shard.open();
  }

  publish(channel: Channel, bytes: Uint8Array): PublishOutcome {
    const name = this.#nameOf(channel);
    const { publisher } = this.#ownerOf(name)?.shard ?? {};
    if (!publisher) return this.#context.ledger.drop('not-connected', bytes.length);
    return publisher.publish(name, bytes);
  }

  async subscribe(channels: readonly Channel[]): Promise<void> {
    for (const channel of channels) this.#channels.set(this.#nameOf(channel), channel);
    await this.#assign();
  }

  unsubscribe(channels: readonly Channel[]): void {
    const names = channels.map((channel) => this.#nameOf(channel));
    for (const name of names) this.#channels.delete(name);
    for (const shard of this.#shards) shard.unsubscribe(names);
  }

  /** Resolves when what was accepted is with Redis. */
  async drained(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.drained()));
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) this.#context.timers.clearTimeout(this.#timer);
    for (const shard of this.#shards) shard.close();
  }

  /** Only what is in braces decides the slot; the prefix is the tenant's. */
  #nameOf(channel: string): string {
    return `${this.#options.prefix}{${channel}}`;
  }

  #ownerOf(name: string): Member | undefined {
    const members = this.#members.values();
    if (!this.#options.isCluster) return members.next().value;
    const slot = slotOf(name);
    for (const member of members) if (owns(member.master, slot)) return member;
    return undefined;
  }

  #add(master: Master): void {
    const { isCluster, speaks } = this.#options;
    const shard = new RedisShard({
      context: this.#context,
      address: master.address,
      isSharded: isCluster,
      speaks,
      probeName: this.#probeName(master),
      onMessage: (channel, bytes) => {
        this.#context.ledger.deliver({ channel, region: this.#options.region, bytes });
      },
      onStatus: () => {
        this.#onStatus();
      },
      onMoved: () => {
        this.#scheduleAsk(0);
      },
    });
    this.#members.set(master.address.label, { master, shard });
  }

  /** A name that lies in one of the master's slots: each has thousands, so that some are tried in vain. */
  #probeName(master: Master): string {
    for (let attempt = 0; ; attempt += 1) {
      const name = this.#nameOf(`p/${this.#context.node}/${attempt}`);
      if (owns(master, slotOf(name)) || attempt === 100_000) return name;
    }
  }

  /** Every channel at its owner, and nowhere else. */
  async #assign(): Promise<void> {
    const wanted = new Map<RedisShard, Map<string, Channel>>();
    for (const [name, channel] of this.#channels) {
      const shard = this.#ownerOf(name)?.shard;
      if (shard === undefined) continue;
      const names = wanted.get(shard) ?? new Map<string, Channel>();
      wanted.set(shard, names.set(name, channel));
    }
    const subscriptions: Promise<void>[] = [];
    for (const shard of this.#shards) {
      const names = wanted.get(shard) ?? new Map<string, Channel>();
      const had = new Set(shard.names);
      shard.unsubscribe([...had].filter((name) => !names.has(name)));
      const missing = new Map([...names].filter(([name]) => !had.has(name)));
      subscriptions.push(shard.subscribe(missing));
    }
    await Promise.all(subscriptions);
  }

  #onStatus(): void {
    if (this.#isClosed) return;
    const { link } = this;
    if (link.status !== 'up') this.#scheduleAsk(TOPOLOGY_TROUBLED_MS);
    if (link.status === this.#told) return;
    this.#told = link.status;
    this.#options.onLink(link);
  }

  // ── topology ─────────────────────────────────────────────────────────────────────────────────────────

  /** Asks again after a while, or sooner if that was planned. */
  #scheduleAsk(delayMs: number): void {
    if (this.#isClosed || !this.#options.isCluster) return;
    const { timers } = this.#context;
    const atMs = Math.max(timers.now() + delayMs, this.#askedAtMs + TOPOLOGY_PAUSE_MS);
    if (atMs >= this.#timerAtMs) return;
    if (this.#timer !== null) timers.clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = timers.setTimeout(() => {
      this.#timer = null;
      this.#timerAtMs = Infinity;
      void this.#ask();
    }, atMs - timers.now());
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) {
      // What is being asked may be older than what has made us ask.
      this.#scheduleAsk(TOPOLOGY_PAUSE_MS);
      return;
    }
    this.#isAsking = true;
    const known = this.#shards.filter((shard) => shard.view.status === 'up');
    const seeds = [...known.map((shard) => shard.address), ...this.#options.addresses];
    const masters = await askTopology(seeds);
    this.#isAsking = false;
    this.#askedAtMs = this.#context.timers.now();
    if (this.#isClosed) return;
    if (masters !== null) await this.#adopt(masters);
    const isFine = masters !== null && this.link.status === 'up';
    this.#scheduleAsk(isFine ? TOPOLOGY_MS : TOPOLOGY_TROUBLED_MS);
  }

  async #adopt(masters: readonly Master[]): Promise<void> {
    for (const [label, { master, shard }] of this.#members) {
      const now = masters.find(({ address }) => address.label === label);
      // A shard whose probe's slot has gone elsewhere is made anew.
      if (now !== undefined && owns(now, slotOf(this.#probeName(master)))) continue;
      shard.close();
      this.#members.delete(label);
    }
    const added: RedisShard[] = [];
    for (const master of masters) {
      const member = this.#members.get(master.address.label);
      if (member === undefined) {
        this.#add(master);
        const shard = this.#members.get(master.address.label)?.shard;
        if (shard !== undefined) added.push(shard);
      } else {
        member.master = master;
      }
    }
    const assigned = this.#assign();
    for (const shard of added) shard.open();
    await assigned;
    this.#onStatus();
  }
}
