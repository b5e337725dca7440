/** Rate limits as HTTP says them: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10). */

export interface RatePolicy {
  readonly name: 'user' | 'address' | 'document';
  readonly quota: number;
  readonly windowS: number;
  readonly remaining: number;
  readonly resetS: number;
}

export interface RateVerdict {
  readonly isAllowed: boolean;
  readonly policies: readonly RatePolicy[];
  readonly retryAfterS: number;
}

export interface RateLimits {
  take(caller: {
    readonly address: string;
    readonly subject: string | null;
    readonly document: string | null;
  }): Promise<RateVerdict>;
}

/** `RateLimit-Policy: "user";q=600;w=60` · `RateLimit: "user";r=599;t=12` */
export function rateHeaders(verdict: RateVerdict): Readonly<Record<string, string>> {
  const { policies } = verdict;
  return {
    ...(policies.length === 0
      ? {}
      : {
          'RateLimit-Policy': policies
            .map(({ name, quota, windowS }) => `"${name}";q=${quota};w=${windowS}`)
            .join(', '),
          RateLimit: policies
            .map(({ name, remaining, resetS }) => `"${name}";r=${remaining};t=${resetS}`)
            .join(', '),
        }),
    ...(verdict.isAllowed ? {} : { 'Retry-After': String(Math.max(1, verdict.retryAfterS)) }),
  };
}
