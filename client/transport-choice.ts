/**
 * Which transport to use, from what was seen: no socket, no clock. WebSockets are better in everything but reach, so
 * they are tried first, and again now and then while events have to do.
 *
 *               failed twice, or silent; and events opened
 *   websocket ────────────────────────────────────────────► events
 *       ▲   ◄───────────────────────────────────────────────  │
 *       │            a probe held, or events failed           │
 *       └── lasted: forget what was                           └── probes, less and less often
 *
 * A WebSocket has failed when it does not open, or breaks off young without a word of the server: some proxies let
 * the upgrade through and then end or swallow what follows.
 */
import type { Transport } from './link.ts';

export type TransportOption = 'auto' | Transport;

export interface TransportTiming {
  /** A WebSocket that is not open, or has said nothing, after this time: events are tried beside it. */
  readonly hedgeMs: number;
  /** An event stream that has not begun after this time will not begin. */
  readonly streamOpenMs: number;
  /** A WebSocket that breaks off before this has failed; after it, all is well. */
  readonly youngMs: number;
  /** Before the first probe; doubles with each that fails. */
  readonly probeDelayMs: number;
  readonly probeDelayMsMax: number;
  /** How long a probe must hold; doubles with each WebSocket that broke off after one. */
  readonly proofMs: number;
  readonly proofMsMax: number;
}

export const TRANSPORT_TIMING: TransportTiming = {
  hedgeMs: 4_000,
  streamOpenMs: 10_000,
  youngMs: 15_000,
  probeDelayMs: 5_000,
  probeDelayMsMax: 300_000,
  proofMs: 2_000,
  proofMsMax: 60_000,
};

/** One failure may be a server that is just restarting. */
const FAILURES_MAX = 2;

export class TransportChoice {
  readonly #option: TransportOption;
  readonly #timing: TransportTiming;
  #next: Transport;
  #failures = 0;
  #failedProbes = 0;
  #brokenProofs = 0;
  #isProbed = false;

  constructor(option: TransportOption, timing: TransportTiming) {
    this.#option = option;
    this.#timing = timing;
    this.#next = option === 'events' ? 'events' : 'websocket';
  }

  /** What the next connection begins with. */
  get next(): Transport {
    return this.isWebSocketDoubtful ? 'events' : this.#next;
  }

  get mayChange(): boolean {
    return this.#option === 'auto';
  }

  /** Whether events are worth trying at once. */
  get isWebSocketDoubtful(): boolean {
    return this.mayChange && this.#failures >= FAILURES_MAX;
  }

  /** A WebSocket did not open, or broke off young. */
  webSocketFailed(): void {
    this.#failures += 1;
    if (!this.#isProbed) return;
    // It was good for a probe and no good afterwards: probe longer.
    this.#isProbed = false;
    this.#brokenProofs += 1;
    this.#failedProbes += 1;
  }

  /** It is open and nothing comes through: waiting for another one would only take longer. */
  webSocketSilent(): void {
    this.webSocketFailed();
    this.#failures = Math.max(this.#failures, FAILURES_MAX);
  }

  webSocketLasted(): void {
    this.#failures = 0;
    this.#failedProbes = 0;
    this.#brokenProofs = 0;
    this.#isProbed = false;
  }

  eventsOpened(): void {
    if (this.mayChange) this.#next = 'events';
  }

  eventsFailed(): void {
    if (!this.mayChange) return;
    this.#next = 'websocket';
    // Probably it is the server that is away.
    this.#failures = Math.min(this.#failures, FAILURES_MAX - 1);
  }

  probeFailed(): void {
    this.#failedProbes += 1;
  }

  probeHeld(): void {
    this.#next = 'websocket';
    this.#failures = FAILURES_MAX - 1;
    this.#isProbed = true;
  }

  /** `random` in [0, 1): the clients of one office do not probe in step. */
  probeDelayMs(random: number): number {
    const { probeDelayMs, probeDelayMsMax } = this.#timing;
    return Math.min(probeDelayMsMax, probeDelayMs * 2 ** this.#failedProbes) * (0.5 + random / 2);
  }

  get proofMs(): number {
    const { proofMs, proofMsMax } = this.#timing;
    return Math.min(proofMsMax, proofMs * 2 ** this.#brokenProofs);
  }
}
