/**
 * How much one user, one address or one document may ask for in a window, and how often one address may open
 * sockets. Counted in Redis for all nodes that share one; while Redis is out, each node counts for itself with
 * the same quotas: never "no limit", never "no service". What Redis had counted is then forgotten, and a fleet
 * of n nodes lets through up to n times as much.
 *
 * Quotas are far above what an editor does; they bound what a runaway script or an attacker costs others.
 */
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { addressGroup, isLoopbackAddress } from './caller.ts';
import type { SharedRedis } from './redis.ts';

export interface RatePolicy {
  readonly name: 'user' | 'address' | 'document';
  readonly quota: number;
  readonly windowS: number;
  readonly remaining: number;
  readonly resetS: number;
}

export interface RateVerdict {
  readonly isAllowed: boolean;
  /** Those that apply to the caller; none when limits are off. */
  readonly policies: readonly RatePolicy[];
  /** 0 when allowed. */
  readonly retryAfterS: number;
}

export interface RateLimits {
  /**
   * One request: of those that are named. Always settles within a bounded time; never rejects. A document is counted
   * once its reader is known to be one: strangers neither use up its quota nor see what is left of it. [I7]
   */
  take(caller: {
    readonly address: string | null;
    readonly subject: string | null;
    readonly document: string | null;
  }): Promise<RateVerdict>;
  /** One upgrade to a WebSocket. Null when upgrades from there are not limited: nothing to wait for. */
  takeUpgrade(address: string): Promise<RateVerdict> | null;
  close(): Promise<void>;
}

export interface RateConfig {
  readonly auth: 'loopback' | 'none' | 'jwt';
  readonly rateWindowMs: number;
  readonly rateUserMax: number | null;
  readonly rateAddressMax: number | null;
  readonly rateDocumentMax: number | null;
  readonly rateUpgradesMax: number | null;
  readonly rateBadTokensMax: number | null;
}

/**
 * In a window of 10 s. A first load with content, history and events is about ten requests, an editor over
 * events and POST at most 60 a second; an office of a thousand people behind one address reloads at once.
 */
const DEFAULT_QUOTAS = {
  user: 2000,
  address: 10_000,
  document: 20_000,
  upgrades: 1000,
  badTokens: 200,
} as const;

/** Keys longer than this are cut: they are names that were bounded elsewhere. */
const KEY_LENGTH_MAX = 300;
const ALLOWED: RateVerdict = { isAllowed: true, policies: [], retryAfterS: 0 };

/**
 * A node that only its own machine reaches has no defaults: everybody there is the same user at the same address,
 * and trusted. With AUTH=none there are no users. Everything that is set explicitly holds everywhere.
 */
export function rateLimits(config: RateConfig, redis: SharedRedis | null): RateLimits {
  return new Limits(config, redis);
}

/** Bad tokens that one address may send in a window; 0: any number. */
export function badTokenQuota(config: RateConfig): number {
  return config.rateBadTokensMax ?? (config.auth === 'jwt' ? DEFAULT_QUOTAS.badTokens : 0);
}

class Limits implements RateLimits {
  readonly #user: Limit | null;
  readonly #address: Limit | null;
  readonly #document: Limit | null;
  readonly #upgrades: Limit | null;

  constructor(config: RateConfig, redis: SharedRedis | null) {
    const { auth, rateWindowMs } = config;
    const limit = (name: RatePolicy['name'], key: string, set: number | null, fallback: number) => {
      const quota = set ?? fallback;
      return quota === 0
        ? null
        : new Limit({
            name,
            key,
            quota,
            windowMs: rateWindowMs,
            redis,
            sparesLoopback: set === null,
          });
    };
    const beyondLoopback = (quota: number): number => (auth === 'loopback' ? 0 : quota);
    const { user, address, document, upgrades } = DEFAULT_QUOTAS;
    this.#user = limit('user', 'user', config.rateUserMax, auth === 'jwt' ? user : 0);
    this.#address = limit('address', 'address', config.rateAddressMax, beyondLoopback(address));
    this.#document = limit(
      'document',
      'document',
      config.rateDocumentMax,
      beyondLoopback(document),
    );
    this.#upgrades = limit('address', 'upgrade', config.rateUpgradesMax, beyondLoopback(upgrades));
  }

  async take(caller: {
    readonly address: string | null;
    readonly subject: string | null;
    readonly document: string | null;
  }): Promise<RateVerdict> {
    const { address, subject, document } = caller;
    const takes: Promise<RatePolicy>[] = [];
    if (this.#user !== null && subject !== null) takes.push(this.#user.take(subject));
    if (address !== null && this.#address?.counts(address) === true) {
      takes.push(this.#address.takeAddress(address));
    }
    if (this.#document !== null && document !== null) takes.push(this.#document.take(document));
    return takes.length === 0 ? ALLOWED : verdictOf(await Promise.all(takes));
  }

  takeUpgrade(address: string): Promise<RateVerdict> | null {
    if (this.#upgrades?.counts(address) !== true) return null;
    return this.#upgrades.takeAddress(address).then((policy) => verdictOf([policy]));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function verdictOf(policies: readonly RatePolicy[]): RateVerdict {
  const exceeded = policies.filter(({ remaining }) => remaining < 0);
  return {
    isAllowed: exceeded.length === 0,
    policies: policies.map((policy) => ({ ...policy, remaining: Math.max(0, policy.remaining) })),
    retryAfterS: Math.max(0, ...exceeded.map(({ resetS }) => Math.max(1, resetS))),
  };
}

interface LimitOptions {
  readonly name: RatePolicy['name'];
  readonly key: string;
  readonly quota: number;
  readonly windowMs: number;
  readonly redis: SharedRedis | null;
  readonly sparesLoopback: boolean;
}

/** One quota for each key. `remaining` is -1 when it is exceeded. */
class Limit {
  readonly #options: LimitOptions;
  readonly #prefix: string;
  readonly #here: RateLimiterMemory;
  readonly #shared: RateLimiterRedis | null;

  constructor(options: LimitOptions) {
    const { key, quota, windowMs, redis } = options;
    this.#prefix = `syncline:rate:${key}`;
    const settings = {
      keyPrefix: this.#prefix,
      points: quota,
      // Redis counts in whole seconds.
      duration: Math.ceil(windowMs / 1000),
    };
    this.#options = options;
    this.#here = new RateLimiterMemory(settings);
    this.#shared =
      redis === null ? null : new RateLimiterRedis({ ...settings, storeClient: redis.client });
  }

  /** Without TRUST_PROXY a proxy on this machine hides everybody behind one loopback address. */
  counts(address: string): boolean {
    return !this.#options.sparesLoopback || !isLoopbackAddress(address);
  }

  async takeAddress(address: string): Promise<RatePolicy> {
    return await this.take(addressGroup(address));
  }

  async take(text: string): Promise<RatePolicy> {
    const { name, quota, windowMs, redis } = this.#options;
    const key = text.slice(0, KEY_LENGTH_MAX);
    const shared = this.#shared;
    const here = (): Promise<Taken> => consume(this.#here, key);
    const taken =
      shared === null || redis === null
        ? await here()
        : await redis.attempt(`${this.#prefix}:${key}`, () => consume(shared, key), here);
    return {
      name,
      quota,
      windowS: Math.ceil(windowMs / 1000),
      remaining: taken.isAllowed ? taken.remaining : -1,
      resetS: Math.max(0, Math.ceil(taken.resetMs / 1000)),
    };
  }
}

interface Taken {
  readonly isAllowed: boolean;
  readonly remaining: number;
  readonly resetMs: number;
}

/** The library rejects both when a quota is exceeded and when its store fails; only the latter rejects here. */
async function consume(limiter: RateLimiterMemory | RateLimiterRedis, key: string): Promise<Taken> {
  try {
    const { remainingPoints, msBeforeNext } = await limiter.consume(key);
    return { isAllowed: true, remaining: remainingPoints, resetMs: msBeforeNext };
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    return { isAllowed: false, remaining: 0, resetMs: error.msBeforeNext };
  }
}
