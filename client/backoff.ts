/**
 * When to try again: full jitter, so that the clients of a node that went away do not return in step.
 * The window doubles with every connection that did not last; it starts over only once one was open long
 * enough to have been worth something (a server that accepts, syncs and then fails is backed off too).
 */

/** The first window, milliseconds. */
const WINDOW_MIN_MS = 500;
/** A connection that lasted this long counts as good, milliseconds. */
const STABLE_MS = 10_000;

export class Backoff {
  readonly #delayMaxMs: number;
  readonly #random: () => number;
  #attempts = 0;
  #openedAtMs: number | null = null;

  /** `random` returns a number in [0, 1). */
  constructor(delayMaxMs: number, random: () => number) {
    this.#delayMaxMs = delayMaxMs;
    this.#random = random;
  }

  opened(nowMs: number): void {
    this.#openedAtMs = nowMs;
  }

  /** How long to wait after the connection, or the attempt at one, that ended now: milliseconds. */
  closed(nowMs: number): number {
    if (this.#openedAtMs !== null && nowMs - this.#openedAtMs >= STABLE_MS) this.#attempts = 0;
    this.#openedAtMs = null;
    const window = Math.min(this.#delayMaxMs, WINDOW_MIN_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.floor(this.#random() * window);
  }
}
