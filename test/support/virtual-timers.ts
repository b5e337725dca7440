/**
 * Time that only moves when a test says so. Callbacks run in order of their time, at the same time in order of
 * their making, so that a run depends on nothing but its inputs.
 */
import type { TimerHandle, Timers } from '../../server/rooms/timers.ts';

interface Entry extends TimerHandle {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class VirtualTimers implements Timers {
  #nowMs = 0;
  #order = 0;
  readonly #entries = new Set<Entry>();

  now(): number {
    return this.#nowMs;
  }

  wallClock(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    this.#order += 1;
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#entries.add(entry);
    return entry;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#entries.delete(handle as Entry);
  }

  setImmediate(callback: () => void): void {
    this.setTimeout(callback, 0);
  }

  get pendingCount(): number {
    return this.#entries.size;
  }

  /** Runs what is due within the next `ms`, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      // Promise callbacks may set timers, and timers settle promises.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const next = this.#next();
      if (next === null || next.atMs > untilMs) break;
      this.#nowMs = next.atMs;
      this.#entries.delete(next);
      next.callback();
    }
    this.#nowMs = untilMs;
  }

  #next(): Entry | null {
    let next: Entry | null = null;
    for (const entry of this.#entries) {
      if (next === null || entry.atMs < next.atMs) next = entry;
      else if (entry.atMs === next.atMs && entry.order < next.order) next = entry;
    }
    return next;
  }
}
