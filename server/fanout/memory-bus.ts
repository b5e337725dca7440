/**
 * The bus in memory, for tests and the simulation: any number of nodes and regions in one process, on timers
 * and randomness that are passed in, so that a run replays from its seed. Everything that a real transport
 * does to messages can be asked for: latency, loss, duplicates, reordering, cuts of one direction.
 *
 * A cut loses what is sent meanwhile. Nodes notice it late, as they do in reality (`ECHO_TIMEOUT_MS`), and are
 * told `up` a moment after it has healed; a cut shorter than that nobody tells them of.
 */
import {
  ECHO_TIMEOUT_MS,
  MESSAGE_BYTES_MAX,
  type Bus,
  type BusListener,
  type BusObserver,
  type BusQueue,
  type BusStats,
  type Channel,
  type Link,
  type LinkReason,
  type LinkStatus,
  type PublishOutcome,
} from './bus.ts';
import { Ledger } from './ledger.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';

/** What happens to messages from one region on their way to another (or within one). */
export interface LinkFaults {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  /** Probabilities, each in [0, 1]. */
  readonly drop: number;
  readonly duplicate: number;
  /** The message may be overtaken: it takes up to `reorderMs` longer. */
  readonly reorder: number;
  readonly reorderMs: number;
}

export const NO_FAULTS: LinkFaults = {
  latencyMinMs: 0,
  latencyMaxMs: 1,
  drop: 0,
  duplicate: 0,
  reorder: 0,
  reorderMs: 50,
};

/** From a cut's end to the `up` of a link that had been noticed down. */
const RECONNECT_MS = 200;

export interface MemoryNetworkOptions {
  readonly timers: Timers;
  /** In [0, 1). */
  readonly random: () => number;
  /** Loses single messages, whatever else becomes of them: only deletions, only the last one. */
  readonly loses?: (message: CarriedMessage) => boolean;
}

export interface CarriedMessage {
  readonly from: string;
  readonly to: string;
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

/** What all the nodes hang on. */
export class MemoryNetwork {
  readonly timers: Timers;
  readonly #random: () => number;
  readonly #loses: (message: CarriedMessage) => boolean;
  readonly #buses = new Set<MemoryBus>();
  readonly #faults = new Map<string, LinkFaults>();
  readonly #cuts = new Set<string>();
  readonly #muted = new Set<string>();
  readonly #deafened = new Set<string>();

  constructor({ timers, random, loses = () => false }: MemoryNetworkOptions) {
    this.timers = timers;
    this.#loses = loses;
    this.#random = random;
  }

  /** `regions`: the others that the node listens to. `timers`: its own, which stand still while it hangs. */
  join(
    node: string,
    region: string,
    regions: readonly string[] = [],
    observer: BusObserver = {},
    timers: Timers = this.timers,
  ): MemoryBus {
    const all = [region, ...regions.filter((other) => other !== region)];
    const bus = new MemoryBus(this, node, all, observer, timers);
    this.#buses.add(bus);
    return bus;
  }

  setFaults(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.#faults.set(key(from, to), { ...NO_FAULTS, ...faults });
  }

  /** What is published in `from` no longer reaches the nodes of `to`. With itself: that region's own transport. */
  cut(from: string, to: string): void {
    this.#change(this.#cuts, key(from, to), true);
  }

  heal(from: string, to: string): void {
    this.#change(this.#cuts, key(from, to), false);
  }

  /** Nodes of `to` lose their connection to `from`'s transport, and know it, and make a new one. */
  reset(from: string, to: string): void {
    for (const bus of this.#buses) if (bus.region === to) bus.reconnect(from);
  }

  /** One node alone: what it publishes gets nowhere. */
  mute(node: string, isMuted: boolean): void {
    this.#change(this.#muted, node, isMuted);
  }

  /** One node alone: it hears nothing. */
  deafen(node: string, isDeaf: boolean): void {
    this.#change(this.#deafened, node, isDeaf);
  }

  hears(bus: MemoryBus, region: string): boolean {
    return !this.#deafened.has(bus.node) && !this.#cuts.has(key(region, bus.region));
  }

  isHeard(bus: MemoryBus): boolean {
    return !this.#muted.has(bus.node);
  }

  /** Sends copies on their way. The order of random numbers depends on nothing but the calls. */
  carry(sender: MemoryBus, channel: Channel, bytes: Uint8Array): void {
    if (!this.isHeard(sender)) return;
    let receivers = 0;
    for (const receiver of this.#buses) {
      if (!receiver.wants(sender.region, channel)) continue;
      receivers += 1;
      if (!this.hears(receiver, sender.region)) continue;
      const faults = this.#faults.get(key(sender.region, receiver.region)) ?? NO_FAULTS;
      if (this.#random() < faults.drop) continue;
      const carried = { from: sender.node, to: receiver.node, channel, bytes };
      if (this.#loses(carried)) continue;
      const copies = this.#random() < faults.duplicate ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        const { latencyMinMs, latencyMaxMs } = faults;
        const delayMs = latencyMinMs + this.#random() * (latencyMaxMs - latencyMinMs);
        const isLate = this.#random() < faults.reorder;
        const extraMs = isLate ? this.#random() * faults.reorderMs : 0;
        receiver.receive(sender, { channel, region: sender.region, bytes }, delayMs, {
          isLate,
          extraMs,
        });
      }
    }
    if (receivers === 0) sender.stats.noReceiver += 1;
  }

  remove(bus: MemoryBus): void {
    this.#buses.delete(bus);
  }

  #change(set: Set<string>, member: string, isIn: boolean): void {
    if (isIn) set.add(member);
    else set.delete(member);
    for (const bus of this.#buses) bus.look();
  }
}

interface MemoryLink {
  link: Link;
  timer: TimerHandle | null;
  /** What the timer is about to announce. */
  next: LinkStatus;
}

export class MemoryBus implements Bus {
  readonly node: string;
  readonly region: string;
  readonly #network: MemoryNetwork;
  readonly #timers: Timers;
  readonly #ledger: Ledger;
  readonly #links = new Map<string, MemoryLink>();
  readonly #channels = new Set<Channel>();
  /** When the last message in order from a node arrives; the next one not before it. */
  readonly #lastAtMs = new Map<MemoryBus, number>();
  readonly #underway = new Set<TimerHandle>();
  #isOpen = false;
  #isClosed = false;

  constructor(
    network: MemoryNetwork,
    node: string,
    regions: readonly string[],
    observer: BusObserver,
    timers: Timers,
  ) {
    this.#timers = timers;
    this.node = node;
    this.region = regions[0] as string;
    this.#network = network;
    this.#ledger = new Ledger(observer);
    for (const region of regions) {
      const link = this.#link(region, 'down', 'starting');
      this.#links.set(region, { link, timer: null, next: 'down' });
    }
  }

  get links(): readonly Link[] {
    return [...this.#links.values()].map(({ link }) => link);
  }

  get stats(): BusStats {
    return this.#ledger.stats;
  }

  get queue(): BusQueue {
    return { messages: 0, bytes: 0 };
  }

  open(listener: BusListener): void {
    this.#ledger.listener = listener;
    this.#isOpen = true;
    this.look();
  }

  publish(channel: Channel, bytes: Uint8Array): PublishOutcome {
    if (bytes.length > MESSAGE_BYTES_MAX) return this.#ledger.drop('too-large', bytes.length);
    // A node that has not noticed yet believes that it is heard.
    const own = this.#links.get(this.region)?.link;
    const isLost = own?.reason === 'starting' || own?.reason === 'publisher-lost';
    if (!this.#isOpen || this.#isClosed || isLost) {
      return this.#ledger.drop('not-connected', bytes.length);
    }
    this.#network.carry(this, channel, bytes);
    return this.#ledger.accept(bytes.length);
  }

  async subscribe(channels: readonly Channel[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
    await Promise.resolve();
  }

  unsubscribe(channels: readonly Channel[]): void {
    for (const channel of channels) this.#channels.delete(channel);
  }

  async close(_deadlineMs: number): Promise<void> {
    this.#isClosed = true;
    this.#network.remove(this);
    const timers = this.#timers;
    for (const handle of this.#underway) timers.clearTimeout(handle);
    this.#underway.clear();
    for (const [region, entry] of this.#links) {
      if (entry.timer !== null) timers.clearTimeout(entry.timer);
      entry.timer = null;
      entry.link = this.#link(region, 'down', 'closed');
    }
    this.#ledger.listener = null;
    await Promise.resolve();
  }

  wants(region: string, channel: Channel): boolean {
    return this.#isOpen && this.#links.has(region) && this.#channels.has(channel);
  }

  receive(
    sender: MemoryBus,
    delivery: { channel: Channel; region: string; bytes: Uint8Array },
    delayMs: number,
    { isLate, extraMs }: { isLate: boolean; extraMs: number },
  ): void {
    const timers = this.#timers;
    const nowMs = timers.now();
    const inOrderMs = Math.max(nowMs + delayMs, this.#lastAtMs.get(sender) ?? 0);
    if (!isLate) this.#lastAtMs.set(sender, inOrderMs);
    const handle = timers.setTimeout(
      () => {
        this.#underway.delete(handle);
        if (this.#channels.has(delivery.channel)) this.#ledger.deliver(delivery);
      },
      (isLate ? nowMs + delayMs + extraMs : inOrderMs) - nowMs,
    );
    this.#underway.add(handle);
  }

  /** The connection was reset: unlike a cut this is noticed at once. */
  reconnect(region: string): void {
    const entry = this.#links.get(region);
    if (entry?.link.status !== 'up' || this.#isClosed) return;
    entry.link = this.#link(region, 'down', 'connection-lost');
    this.#ledger.tell(entry.link);
    this.look();
  }

  /** Something was cut or healed: what this node will have noticed in a while. */
  look(): void {
    if (!this.#isOpen || this.#isClosed) return;
    for (const [region, entry] of this.#links) {
      const hears = this.#network.hears(this, region);
      const isOneWay = region === this.region && !this.#network.isHeard(this);
      const status: LinkStatus = hears ? (isOneWay ? 'one-way' : 'up') : 'down';
      this.#expect(region, entry, status);
    }
  }

  #expect(region: string, entry: MemoryLink, status: LinkStatus): void {
    const timers = this.#timers;
    if (entry.timer !== null && entry.next === status) return;
    if (entry.timer !== null) timers.clearTimeout(entry.timer);
    entry.timer = null;
    if (entry.link.status === status) return;
    const isStart = entry.link.reason === 'starting';
    entry.next = status;
    const delayMs = status === 'up' ? (isStart ? 0 : RECONNECT_MS) : ECHO_TIMEOUT_MS;
    entry.timer = timers.setTimeout(() => {
      entry.timer = null;
      if (status === 'up' && !isStart) this.stats.reconnects += 1;
      const reason =
        status === 'up' ? 'connected' : status === 'down' ? 'silent' : 'publisher-lost';
      entry.link = this.#link(region, status, reason);
      this.#ledger.tell(entry.link);
    }, delayMs);
  }

  #link(region: string, status: LinkStatus, reason: LinkReason): Link {
    return { region, status, reason, sinceMs: this.#timers.now(), detail: '' };
  }
}

function key(from: string, to: string): string {
  return `${from} ${to}`;
}
