/**
 * The Redis that nodes of a region share, as access control uses it: for counting and for single-use tickets. A
 * command fails fast instead of waiting for Redis to come back, because whoever waits for it is a user; the
 * callers then go by what this node knows. Settings as measured: a Redis that hangs is noticed within 2.5 s.
 *
 * Several URLs are a Redis Cluster. Each of its servers then fails by itself: keys of the others go on being shared.
 */
import { Cluster, Command, Redis } from 'ioredis';

const COMMAND_TIMEOUT_MS = 500;
const SOCKET_TIMEOUT_MS = 2000;
const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS_MAX = 2000;
/** After a failure a server is left alone for this long: one slow answer for many users, not one for each. */
const PAUSE_MS = 1000;
/** Of a cluster: its slots are asked for again this often, so that it is found after a failover. */
const SLOTS_REFRESH_MS = 2000;
const REDIRECTIONS_MAX = 2;
const REDIRECTION_DELAY_MS = 50;
/** A server of which nothing was heard for so long may no longer be one. */
const FORGET_MS = 30_000;

/** A server that failed; the others are not in the table. */
interface Failure {
  atMs: number;
  /** One command finds out whether it is back; meanwhile nobody else waits for it. */
  isProbing: boolean;
}

export class SharedRedis {
  readonly client: Redis | Cluster;
  readonly #now: () => number;
  readonly #onChange: (isUp: boolean) => void;
  readonly #failures = new Map<string, Failure>();
  #isUp = true;

  /**
   * `now`: milliseconds; only differences count. `onChange`: when it, or a server of it, goes and when all are back.
   */
  constructor(urls: readonly string[], now: () => number, onChange: (isUp: boolean) => void) {
    this.#now = now;
    this.#onChange = onChange;
    this.client = clientOf(urls);
    // Every failed command rejects by itself; the event would end the process without a listener.
    this.client.on('error', () => undefined);
  }

  /** Connects, now or when Redis comes up. */
  start(): void {
    // A first attempt that fails is followed by others, as every later one.
    this.client.connect().catch(() => undefined);
  }

  /** Runs `work`, which is about one key, on Redis, or `otherwise` when Redis fails, is away, or failed just now. */
  async attempt<T>(
    key: string,
    work: (client: Redis | Cluster) => Promise<T>,
    otherwise: () => T | Promise<T>,
  ): Promise<T> {
    if (this.client.status !== 'ready') {
      this.#note(false);
      return await otherwise();
    }
    const server = this.#serverOf(key);
    const failure = this.#failures.get(server);
    if (failure !== undefined) {
      if (failure.isProbing || this.#now() - failure.atMs < PAUSE_MS) return await otherwise();
      failure.isProbing = true;
    }
    try {
      const result = await withinTime(work(this.client));
      this.#failures.delete(server);
      this.#look();
      return result;
    } catch {
      this.#failures.set(server, { atMs: this.#now(), isProbing: false });
      this.#look();
      return await otherwise();
    }
  }

  close(): void {
    this.client.disconnect();
  }

  /** Whose key it is, as far as is known. */
  #serverOf(key: string): string {
    if (!(this.client instanceof Cluster)) return '';
    const slot = new Command('get', [key]).getSlot();
    return this.client.slots[slot]?.[0] ?? '';
  }

  #look(): void {
    for (const [server, { atMs }] of this.#failures) {
      if (this.#now() - atMs >= FORGET_MS) this.#failures.delete(server);
    }
    this.#note(this.#failures.size === 0);
  }

  #note(isUp: boolean): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#onChange(isUp);
  }
}

const SETTINGS = {
  commandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: SOCKET_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
};

function retryMs(attempt: number): number {
  return Math.random() * Math.min(RETRY_MS_MAX, 50 * 2 ** attempt) + 50;
}

function clientOf(urls: readonly string[]): Redis | Cluster {
  const [first = ''] = urls;
  if (urls.length === 1) {
    return new Redis(first, {
      ...SETTINGS,
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: retryMs,
    });
  }
  const { username, password, protocol } = new URL(first);
  return new Cluster(
    urls.map((url) => {
      const { hostname, port } = new URL(url);
      return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 6379 : Number(port) };
    }),
    {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      maxRedirections: REDIRECTIONS_MAX,
      retryDelayOnFailover: REDIRECTION_DELAY_MS,
      retryDelayOnClusterDown: REDIRECTION_DELAY_MS,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      slotsRefreshInterval: SLOTS_REFRESH_MS,
      // The same for all of them: what others announce are addresses.
      redisOptions: {
        ...SETTINGS,
        ...(protocol === 'rediss:' ? { tls: {} } : {}),
        ...(username === '' ? {} : { username: decodeURIComponent(username) }),
        ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      },
    },
  );
}

/** Redirections and servers that are gone take their time, each; whoever waits is a user. */
async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('Redis has not answered in time'));
    }, COMMAND_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
