/**
 * The state of one link, as a pure machine: what is known of both directions becomes one status.
 *
 *            subscribed, echo heard
 *   down ──────────────────────────────▶ up ◀─────────────┐
 *    ▲ ▲  subscribed, no echo for 3 s     │ no echo for 3 s, │ echo heard
 *    │ └──────────────────────▶ one-way ◀─┘ publisher lost ──┘
 *    └── subscription lost, from anywhere
 *
 * Links to other regions are listened to only (`speaks` false): for them subscribed is up.
 */
import { ECHO_TIMEOUT_MS, type Link, type LinkReason } from './bus.ts';

export type LinkView = Omit<Link, 'region'>;

export class LinkState {
  readonly #speaks: boolean;
  #view: LinkView;
  #isHearing = false;
  #isPublisherLost = false;
  /** The last proof of being heard, or when proof began to be waited for. */
  #echoAtMs = 0;
  #hasEcho = false;

  constructor(speaks: boolean, nowMs: number) {
    this.#speaks = speaks;
    this.#view = { status: 'down', reason: 'starting', detail: '', sinceMs: nowMs };
  }

  get view(): LinkView {
    return this.#view;
  }

  // Each returns true when the status has changed.

  /** Every subscription is confirmed. */
  subscribed(nowMs: number): boolean {
    this.#isHearing = true;
    this.#hasEcho = false;
    this.#echoAtMs = nowMs;
    return this.#speaks ? false : this.#become('up', 'connected', '', nowMs);
  }

  lost(reason: LinkReason, detail: string, nowMs: number): boolean {
    this.#isHearing = false;
    this.#hasEcho = false;
    return this.#become('down', reason, detail, nowMs);
  }

  publisherLost(detail: string, nowMs: number): boolean {
    this.#isPublisherLost = true;
    this.#hasEcho = false;
    return this.#isHearing && this.#become('one-way', 'publisher-lost', detail, nowMs);
  }

  publisherReady(nowMs: number): void {
    this.#isPublisherLost = false;
    if (!this.#hasEcho) this.#echoAtMs = nowMs;
  }

  echoed(nowMs: number): boolean {
    if (!this.#isHearing || this.#isPublisherLost) return false;
    this.#echoAtMs = nowMs;
    this.#hasEcho = true;
    return this.#become('up', 'connected', '', nowMs);
  }

  /** Time has passed. */
  tick(nowMs: number): boolean {
    const isWaiting = this.#speaks && this.#isHearing && !this.#isPublisherLost;
    if (!isWaiting || nowMs - this.#echoAtMs < ECHO_TIMEOUT_MS) return false;
    return this.#become('one-way', 'no-echo', '', nowMs);
  }

  #become(status: LinkView['status'], reason: LinkReason, detail: string, nowMs: number): boolean {
    const isChange = status !== this.#view.status;
    // The latest reason is worth more than the first; the time is that of the status.
    const sinceMs = isChange ? nowMs : this.#view.sinceMs;
    this.#view = { status, reason, detail, sinceMs };
    return isChange;
  }
}
