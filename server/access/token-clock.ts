/**
 * The clock that tokens are judged by: the machine's, but it never runs back. When the wall clock is set back under
 * a running node, what had expired stays expired: time goes on from where it was, by the monotonic clock, until the
 * wall clock has caught up. Whoever operates the node is told of jumps in both directions. [J25]
 */

/** Time servers slew; what jumps further was set. */
const JUMP_MS = 30_000;

export interface TokenClockSources {
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class TokenClock {
  readonly #sources: TokenClockSources;
  readonly #onJump: (byMs: number) => void;
  /** The latest time shown, and when on the monotonic clock that was. */
  #shownMs: number;
  #shownAtMs: number;
  /** The wall clock minus the monotonic one, when last looked at. */
  #offsetMs: number;

  constructor(sources: TokenClockSources, onJump: (byMs: number) => void) {
    this.#sources = sources;
    this.#onJump = onJump;
    this.#shownMs = sources.wallClock();
    this.#shownAtMs = sources.now();
    this.#offsetMs = this.#shownMs - this.#shownAtMs;
  }

  /** Milliseconds since the epoch; never less than it was before. */
  now(): number {
    const wallMs = this.#sources.wallClock();
    const nowMs = this.#sources.now();
    const byMs = wallMs - nowMs - this.#offsetMs;
    this.#offsetMs += byMs;
    if (Math.abs(byMs) > JUMP_MS) this.#onJump(Math.round(byMs));
    this.#shownMs = Math.max(wallMs, this.#shownMs + (nowMs - this.#shownAtMs));
    this.#shownAtMs = nowMs;
    return this.#shownMs;
  }
}
