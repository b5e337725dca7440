/**
 * How much one user, one address or one document may ask for in a window, and how often one address may open
 * sockets. Shared between nodes through Redis when there is one; a Redis outage falls back to the same limits
 * counted on this node: never "no limit", never "no service".
 */
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
  /** One request. Always settles within a bounded time; never rejects. */
  take(caller: {
    readonly address: string;
    readonly subject: string | null;
    readonly document: string | null;
  }): Promise<RateVerdict>;
  /** One upgrade to a WebSocket. Null at once when upgrades are not limited. */
  takeUpgrade(address: string): Promise<RateVerdict> | null;
  close(): Promise<void>;
}

const ALLOWED: RateVerdict = { isAllowed: true, policies: [], retryAfterS: 0 };

/** No limits at all: a node that only its own machine can reach. */
export const noRateLimits: RateLimits = {
  take: () => Promise.resolve(ALLOWED),
  takeUpgrade: () => null,
  close: () => Promise.resolve(),
};
