/** Rate limits as HTTP says them: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10). */
import type { RatePolicy } from '../access/rate-limits.ts';

/** `RateLimit-Policy: "user";q=600;w=60` · `RateLimit: "user";r=599;t=12` */
export function rateHeaders(policies: readonly RatePolicy[]): Readonly<Record<string, string>> {
  if (policies.length === 0) return {};
  return {
    'RateLimit-Policy': policies
      .map(({ name, quota, windowS }) => `"${name}";q=${quota};w=${windowS}`)
      .join(', '),
    RateLimit: policies
      .map(({ name, remaining, resetS }) => `"${name}";r=${remaining};t=${Math.ceil(resetS)}`)
      .join(', '),
  };
}
