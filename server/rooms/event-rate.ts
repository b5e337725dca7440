/** How often somebody did something lately: small numbers, so the times themselves are kept. */
export const RATE_PERIOD_MS = 10_000;

/** Counts events within `RATE_PERIOD_MS`. */
export class EventRate {
  readonly #max: number;
  #timesMs: number[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Notes an event at `nowMs`; true when there were more than `max` within the period. */
  isOver(nowMs: number): boolean {
    this.#timesMs = this.#timesMs.filter((time) => nowMs - time < RATE_PERIOD_MS).slice(-this.#max);
    this.#timesMs.push(nowMs);
    return this.#timesMs.length > this.#max;
  }
}
