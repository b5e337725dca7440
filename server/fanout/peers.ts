/**
 * The other nodes, as their messages show them. A node lives until its lease ends, which every message renews, or
 * until it says goodbye. Bounded: the one that was heard least recently is forgotten. [I6]
 */
import type { Timers } from '../rooms/timers.ts';
import type { Received } from './exchange.ts';
import type { Peer, PeerChange } from './part.ts';

/** Ten heartbeats. */
export const LEASE_MS = 10_000;
/** One that was heard this lately will most likely answer. */
const LIVELY_MS = 2_500;
const PEERS_MAX = 1_024;
/** Who is behind says so each second. */
const BEHIND_MS = 3_000;
/** Dead ones are shown to operators for this long. */
const SHOWN_MS = 600_000;

export type PeerStatus = 'alive' | 'left' | 'lost';

export interface KnownPeer extends Peer {
  readonly status: PeerStatus;
}

/** Another node, as operators see it. */
export interface ShownPeer extends KnownPeer {
  /** Documents of which it says something else than this node. */
  readonly differing: number;
  /** Positive: its clock is ahead. Null: it does not say. */
  readonly clockDifferenceMs: number | null;
}

export class Peers {
  readonly #timers: Timers;
  readonly #known = new Map<string, KnownPeer>();
  /** Until when nodes are taken to lack what others have. */
  readonly #behindMs = new Map<string, number>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get known(): readonly KnownPeer[] {
    return [...this.#known.values()];
  }

  get alive(): readonly Peer[] {
    return this.known.filter(({ status }) => status === 'alive');
  }

  isAlive(node: string): boolean {
    return this.#known.get(node)?.status === 'alive';
  }

  /** The node says that it does not know yet what it lacks. */
  sayBehind(node: string): void {
    if (this.#known.has(node)) this.#behindMs.set(node, this.#timers.now() + BEHIND_MS);
  }

  isBehind(node: string): boolean {
    return (this.#behindMs.get(node) ?? -Infinity) > this.#timers.now();
  }

  /** A message came. Null: nothing new about its sender. */
  hear({ origin, epoch, region, message }: Received): PeerChange | null {
    const before = this.#known.get(origin);
    const isSame = before?.epoch === epoch;
    const isLeaving = message.kind === 'heartbeat' && message.isLeaving;
    // What it said before its goodbye may come after it.
    if (isSame && before.status === 'left') return null;
    const status = isLeaving ? 'left' : 'alive';
    if (before === undefined && this.#known.size >= PEERS_MAX) this.#forgetOne();
    const heardMs = this.#timers.now();
    this.#known.set(origin, { node: origin, region, epoch, heardMs, status });
    if (isLeaving) return before?.status === 'alive' ? 'left' : null;
    if (before === undefined || (isSame && before.status !== 'alive')) return 'joined';
    return isSame ? null : 'restarted';
  }

  /** Ends leases that have run out; returns whose. */
  expire(): readonly Peer[] {
    const nowMs = this.#timers.now();
    const lost: Peer[] = [];
    for (const [node, peer] of this.#known) {
      const silentMs = nowMs - peer.heardMs;
      if (peer.status === 'alive' && silentMs >= LEASE_MS) {
        const ended: KnownPeer = { ...peer, status: 'lost' };
        this.#known.set(node, ended);
        lost.push(ended);
      } else if (silentMs >= SHOWN_MS) this.#known.delete(node);
    }
    for (const [node, untilMs] of this.#behindMs) {
      if (untilMs <= nowMs) this.#behindMs.delete(node);
    }
    return lost;
  }

  /** Whom to ask when nobody in particular is known to have it: who knows, of the own region if there is one. */
  choose(ownRegion: string, random: () => number, except: string | null = null): Peer | null {
    const nowMs = this.#timers.now();
    const alive = this.alive.filter(({ node }) => node !== except);
    const lively = alive.filter(({ heardMs }) => nowMs - heardMs < LIVELY_MS);
    const knowing = lively.filter(({ node }) => !this.isBehind(node));
    const near = knowing.filter(({ region }) => region === ownRegion);
    const best = [near, knowing, lively, alive].find((some) => some.length > 0) ?? [];
    return best[Math.floor(random() * best.length)] ?? null;
  }

  #forgetOne(): void {
    let oldest: KnownPeer | null = null;
    for (const peer of this.#known.values()) {
      if (oldest === null || peer.heardMs < oldest.heardMs) oldest = peer;
    }
    if (oldest !== null) this.#known.delete(oldest.node);
  }
}
