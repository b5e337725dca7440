/**
 * Fairness: what one connection may cost, as a token bucket. Who exceeds it is slowed (its socket is not read
 * until the bucket is full enough), never dropped. [I6]
 */
export class Budget {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs = 0;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes `amount`; returns the milliseconds to wait before anything more is read: 0 within the budget. */
  spend(amount: number, nowMs: number): number {
    const refill = ((nowMs - this.#atMs) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill) - amount;
    this.#atMs = nowMs;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }
}
