/** Stamps facts and keeps them in memory, and hands each on to a sink if there is one (history-file.ts). */
import type { Fact, History, HistoryEvent } from './events.ts';

export interface HistoryClock {
  /** Milliseconds; never goes back. */
  mono(): number;
  wall(): number;
}

export class HistoryRecorder {
  readonly #clock: HistoryClock;
  readonly #sink: ((event: HistoryEvent) => void) | null;
  readonly #events: HistoryEvent[] = [];

  constructor(clock: HistoryClock, sink: ((event: HistoryEvent) => void) | null = null) {
    this.#clock = clock;
    this.#sink = sink;
  }

  get history(): History {
    return this.#events;
  }

  /** `mono`: when it happened, if not now (a frame that was stamped when it arrived). */
  record(proc: string, fact: Fact, mono: number = this.#clock.mono()): void {
    const event: HistoryEvent = { t: this.#clock.wall(), mono, proc, ...fact };
    this.#events.push(event);
    this.#sink?.(event);
  }
}
