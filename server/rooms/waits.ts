/**
 * Callers that wait until something holds of a room. Looked at when it may have come true, never polled; given up
 * after a time, and when it can come true no more.
 */
import type { TimerHandle, Timers } from './timers.ts';

interface Waiter {
  readonly isMet: () => boolean;
  readonly end: (outcome: boolean | Error) => void;
}

export class Waits {
  readonly #timers: Timers;
  readonly #waiting = new Set<Waiter>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** True once it holds, false after `timeoutMs` (`Infinity`: never). @throws what `fail` was given */
  until(isMet: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isMet()) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      let timer: TimerHandle | null = null;
      const waiter: Waiter = {
        isMet,
        end: (outcome) => {
          this.#waiting.delete(waiter);
          if (timer !== null) this.#timers.clearTimeout(timer);
          if (typeof outcome === 'boolean') resolve(outcome);
          else reject(outcome);
        },
      };
      this.#waiting.add(waiter);
      if (timeoutMs < Infinity) {
        timer = this.#timers.setTimeout(() => {
          timer = null;
          waiter.end(false);
        }, timeoutMs);
      }
    });
  }

  /** To be called when a condition may have come true. */
  look(): void {
    for (const waiter of this.#waiting) if (waiter.isMet()) waiter.end(true);
  }

  /** `error` is made only if somebody waits: its stack costs more than the closing of a room. */
  fail(error: () => Error): void {
    if (this.#waiting.size === 0) return;
    const reason = error();
    for (const waiter of this.#waiting) waiter.end(reason);
  }
}
