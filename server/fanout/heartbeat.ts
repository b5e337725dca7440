/**
 * What this node says of itself each second: that it lives, and what changed lately (news.ts). With every tenth
 * heartbeat, or when somebody asks, it tells everything that it knows; after a link came up it asks the others for the
 * same, because it may have missed anything. This is what heals a lost last message without anybody editing. [I2]
 */
import type { TimerHandle, Timers } from '../rooms/timers.ts';
import type { Exchange } from './exchange.ts';
import { inRuns } from './messages.ts';
import type { News } from './news.ts';
import type { SharedRevocations } from './revocations.ts';
import type { FanoutStats } from './stats.ts';

export const BEAT_MS = 1_000;
const FULL_BEAT_EVERY = 10;
/** Asking beats after a link came up: one of them may be lost. */
const ASKING_BEATS = 2;
/** Many nodes are asked, or see a link come up, at once. */
const JITTER_MS = 300;
/** Full heartbeats that others ask for, at least so far apart. */
const FULL_BEAT_MS_MIN = 1_000;
const SOON_MS = 20;

export interface HeartbeatOptions {
  readonly exchange: Exchange;
  readonly timers: Timers;
  readonly random: () => number;
  readonly news: News;
  readonly revocations: SharedRevocations;
  readonly stats: FanoutStats;
  /** Says nothing at all: only for the tests that prove that they would notice. */
  readonly isMute: boolean;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: TimerHandle | null = null;
  #beats = 0;
  #askingBeats = ASKING_BEATS;
  #isFullDue = false;
  #fullBeatMs = -Infinity;
  #hasLeft = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Once a second. */
  beat(): void {
    this.#send(false);
  }

  /** Something changed that others can learn of only by a heartbeat. */
  beatSoon(): void {
    this.#sendIn(SOON_MS);
  }

  /** Somebody may know nothing of what happened here. */
  tellAll(): void {
    const { timers, random } = this.#options;
    this.#isFullDue = true;
    const sinceMs = timers.now() - this.#fullBeatMs;
    this.#sendIn(Math.max(0, FULL_BEAT_MS_MIN - sinceMs) + random() * JITTER_MS);
  }

  /** This node may have missed anything. */
  ask(): void {
    this.#askingBeats = ASKING_BEATS;
    this.#sendIn(this.#options.random() * JITTER_MS);
  }

  /** The last one. */
  leave(): void {
    this.#send(true);
    this.#hasLeft = true;
    if (this.#timer !== null) this.#options.timers.clearTimeout(this.#timer);
  }

  #sendIn(delayMs: number): void {
    if (this.#hasLeft) return;
    this.#timer ??= this.#options.timers.setTimeout(() => {
      this.#timer = null;
      this.#send(false);
    }, delayMs);
  }

  #send(isLeaving: boolean): void {
    const { exchange, timers, news, revocations, stats, isMute } = this.#options;
    if (this.#hasLeft || isMute) return;
    const isAsking = this.#askingBeats > 0;
    const isAsked = this.#isFullDue;
    const isFull = isAsking || isAsked || this.#beats % FULL_BEAT_EVERY === 0;
    this.#beats += 1;
    if (isFull) this.#fullBeatMs = timers.now();
    let isAccepted = true;
    for (const entries of inRuns(news.toTell(isFull))) {
      const { outcome } = exchange.send({ kind: 'heartbeat', isLeaving, isAsking, entries });
      isAccepted &&= outcome === 'accepted';
    }
    revocations.repeat(isFull, isAsked);
    stats.heartbeats += 1;
    if (!isAccepted) return;
    this.#isFullDue = false;
    this.#askingBeats = Math.max(0, this.#askingBeats - 1);
  }
}
