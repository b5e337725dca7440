/**
 * When a room sends what it has collected: at once while it is quiet, at the end of a window while it is busy.
 * The window grows with the number of deliveries (frames × receivers) the room causes a second, up to a
 * maximum; it is counted, not timed, so that a simulation sees the same windows as a server.
 */

/** Deliveries a second at which the window reaches its maximum. Below, a send costs less than it delays. */
const FULL_WINDOW_DELIVERIES_PER_S = 2_000;
/** The rate is an exponential average over about this long. */
const RATE_MEMORY_MS = 500;

export class FlushWindow {
  readonly #windowMsMax: number;
  #lastFlushMs = -Infinity;
  /** Deliveries a second if every pending change had been sent by itself. */
  #rate = 0;
  #rateAtMs = 0;

  constructor(windowMsMax: number) {
    this.#windowMsMax = windowMsMax;
  }

  /** Notes that a change arrived which `receivers` connections will get. */
  note(nowMs: number, receivers: number): void {
    this.#decay(nowMs);
    this.#rate += (receivers * 1000) / RATE_MEMORY_MS;
  }

  /** Milliseconds to wait before the next flush; 0 means at once. */
  delayMs(nowMs: number): number {
    this.#decay(nowMs);
    const share = Math.min(1, this.#rate / FULL_WINDOW_DELIVERIES_PER_S);
    return Math.max(0, this.#lastFlushMs + this.#windowMsMax * share - nowMs);
  }

  flushed(nowMs: number): void {
    this.#lastFlushMs = nowMs;
  }

  #decay(nowMs: number): void {
    const elapsedMs = nowMs - this.#rateAtMs;
    if (elapsedMs <= 0) return;
    this.#rate *= Math.exp(-elapsedMs / RATE_MEMORY_MS);
    this.#rateAtMs = nowMs;
  }
}
