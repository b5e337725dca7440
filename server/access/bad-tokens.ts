/**
 * Addresses that keep sending bad tokens: above a budget their tokens are not looked at any more until the
 * window ends, so that guessing costs the guesser and not the node. Counted on this node only. (J26)
 */
import { addressGroup } from './caller.ts';

/** Above this the oldest are forgotten: an attacker with more addresses than this has other means. */
const ADDRESSES_MAX = 100_000;

interface Window {
  readonly endMs: number;
  count: number;
}

export class BadTokens {
  readonly #quota: number;
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>();

  /** `quota`: bad tokens that an address may send in a window; 0: any number. */
  constructor(quota: number, windowMs: number) {
    this.#quota = quota;
    this.#windowMs = windowMs;
  }

  isOver(address: string, nowMs: number): boolean {
    if (this.#quota === 0 || this.#windows.size === 0) return false;
    const window = this.#windows.get(addressGroup(address));
    return window !== undefined && window.endMs > nowMs && window.count >= this.#quota;
  }

  note(address: string, nowMs: number): void {
    if (this.#quota === 0) return;
    const group = addressGroup(address);
    const window = this.#windows.get(group);
    if (window !== undefined && window.endMs > nowMs) {
      window.count += 1;
      return;
    }
    this.#windows.delete(group);
    this.#windows.set(group, { endMs: nowMs + this.#windowMs, count: 1 });
    // In order of their ends: the front is the oldest.
    for (const [old, { endMs }] of this.#windows) {
      if (endMs > nowMs && this.#windows.size <= ADDRESSES_MAX) break;
      this.#windows.delete(old);
    }
  }
}
