/**
 * Which single-use tickets were used. A ticket is remembered until nobody would accept it any more; with Redis
 * by all nodes that share it. While Redis is out each node remembers for itself: a ticket could then be used
 * once on every node, for the half minute that it lives. Refusing all tickets instead would lock everybody out.
 */
import type { SharedRedis } from './redis.ts';

/** A ticket lives for at most half a minute: this many are three thousand a second. */
const REMEMBERED_MAX = 100_000;
const KEY_PREFIX = 'syncline:ticket:';

export class Tickets {
  readonly #redis: SharedRedis | null;
  /** Id → until when it is remembered, in order of use. */
  readonly #used = new Map<string, number>();

  constructor(redis: SharedRedis | null) {
    this.#redis = redis;
  }

  /** True the first time. `untilMs`: when the ticket is refused for its age anyway. */
  async use(id: string, untilMs: number, nowMs: number): Promise<boolean> {
    if (!this.#useHere(id, untilMs, nowMs)) return false;
    if (this.#redis === null) return true;
    const ttlMs = Math.max(1, Math.ceil(untilMs - nowMs));
    const key = KEY_PREFIX + id;
    return await this.#redis.attempt(
      key,
      async (client) => (await client.set(key, '', 'PX', ttlMs, 'NX')) === 'OK',
      () => true,
    );
  }

  #useHere(id: string, untilMs: number, nowMs: number): boolean {
    for (const [used, endMs] of this.#used) {
      if (endMs > nowMs) break;
      this.#used.delete(used);
    }
    // Full: a ticket that cannot be remembered is not accepted.
    if (this.#used.has(id) || this.#used.size >= REMEMBERED_MAX) return false;
    this.#used.set(id, untilMs);
    return true;
  }
}
