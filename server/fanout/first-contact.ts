/**
 * The first seconds of a node, in which nobody else may be known yet: rooms that open then wait a moment for the first
 * one to be heard, which can be asked.
 */
import type { TimerHandle, Timers } from '../rooms/timers.ts';

/** After the start others are still expected for this long. */
const EXPECTED_MS = 3_000;

export class FirstContact {
  readonly #timers: Timers;
  readonly #waiting = new Set<() => void>();
  #startedMs = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  start(): void {
    this.#startedMs = this.#timers.now();
  }

  /** Whoever has not been heard may still be there. */
  get isExpected(): boolean {
    return this.#timers.now() - this.#startedMs < EXPECTED_MS;
  }

  /** Waits until somebody is heard, for this long at most; resolves to what is left of it: milliseconds. */
  within(waitMs: number): Promise<number> {
    const startedMs = this.#timers.now();
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiting.delete(end);
        this.#timers.clearTimeout(timer);
        resolve(waitMs - (this.#timers.now() - startedMs));
      };
      const timer: TimerHandle = this.#timers.setTimeout(end, waitMs);
      this.#waiting.add(end);
    });
  }

  /** Somebody was heard, or nobody is waited for any more. */
  end(): void {
    for (const end of this.#waiting) end();
  }
}
