/**
 * The Redis that nodes of a region share, as access control uses it: for counting and for single-use tickets. A
 * command fails fast instead of waiting for Redis to come back, because whoever waits for it is a user; the
 * callers then go by what this node knows. Settings as measured: a Redis that hangs is noticed within 2.5 s.
 */
import { Redis } from 'ioredis';

const COMMAND_TIMEOUT_MS = 500;
const SOCKET_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS_MAX = 2000;
/** After a failure Redis is left alone for this long: one slow answer for many users, not one for each. */
const PAUSE_MS = 1000;

export class SharedRedis {
  readonly client: Redis;
  readonly #now: () => number;
  readonly #onChange: (isUp: boolean) => void;
  #pausedUntilMs = -Infinity;
  #isUp = true;
  /** After a failure one command finds out whether Redis is back; meanwhile nobody else waits for it. */
  #isProbing = false;

  /** `now`: milliseconds; only differences count. `onChange`: when it goes and when it comes back. */
  constructor(url: string, now: () => number, onChange: (isUp: boolean) => void) {
    this.#now = now;
    this.#onChange = onChange;
    this.client = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: (attempt) => Math.random() * Math.min(RETRY_MS_MAX, 50 * 2 ** attempt) + 50,
    });
    // Every failed command rejects by itself; the event would end the process without a listener.
    this.client.on('error', () => undefined);
  }

  /** Connects, now or when Redis comes up. */
  start(): void {
    // A first attempt that fails is followed by others, as every later one.
    this.client.connect().catch(() => undefined);
  }

  /** Runs `work` on Redis, or `otherwise` when Redis fails, is away, or failed just now. */
  async attempt<T>(
    work: (client: Redis) => Promise<T>,
    otherwise: () => T | Promise<T>,
  ): Promise<T> {
    const isReady = this.client.status === 'ready';
    if (!isReady || this.#now() < this.#pausedUntilMs || this.#isProbing) {
      if (!isReady) this.#note(false);
      return await otherwise();
    }
    this.#isProbing = !this.#isUp;
    try {
      const result = await work(this.client);
      this.#note(true);
      return result;
    } catch {
      this.#pausedUntilMs = this.#now() + PAUSE_MS;
      this.#note(false);
      return await otherwise();
    } finally {
      this.#isProbing = false;
    }
  }

  close(): void {
    this.client.disconnect();
  }

  #note(isUp: boolean): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#onChange(isUp);
  }
}
