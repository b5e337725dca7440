/** When another token is worth asking for: once after one was refused, and when the server says that it ends soon. */
import { ERRORS } from '../server/protocol/errors.ts';
import type { TokenSource } from './token-source.ts';

/** A connection that lasted this long had a good token: milliseconds. */
const GOOD_MS = 10_000;

export class Renewal {
  readonly #token: TokenSource;
  #hasTried = false;
  #joinedMs: number | null = null;

  constructor(token: TokenSource) {
    this.#token = token;
  }

  /** The server's document arrived: the token was good. */
  joined(nowMs: number): void {
    this.#joinedMs = nowMs;
  }

  /** Whether to connect again, with another token, after this close. */
  isWorthwhile(closeCode: number, nowMs: number = Date.now()): boolean {
    const wasGood = this.#joinedMs !== null && nowMs - this.#joinedMs >= GOOD_MS;
    this.#joinedMs = null;
    if (closeCode !== ERRORS['token-expired'].close || !this.#token.isRenewable) return false;
    if (wasGood) this.#hasTried = false;
    const isFirst = !this.#hasTried;
    this.#hasTried = true;
    return isFirst;
  }

  /** Null when there is no other token. */
  async renewed(): Promise<string | null> {
    if (!this.#token.isRenewable) return null;
    // Who has none now is told again, by the close.
    return await this.#token.fresh().catch(() => null);
  }
}
