/** Rate limits as HTTP says them: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10). */
import type { RateVerdict } from '../access/rate-limits.ts';

/** `RateLimit-Policy: "user";q=600;w=60` · `RateLimit: "user";r=599;t=12` */
export function rateHeaders(verdict: RateVerdict): Readonly<Record<string, string>> {
  const { policies } = verdict;
  const retry = verdict.isAllowed
    ? {}
    : { 'Retry-After': String(Math.max(1, Math.ceil(verdict.retryAfterS))) };
  if (policies.length === 0) return retry;
  return {
    ...retry,
    'RateLimit-Policy': policies
      .map(({ name, quota, windowS }) => `"${name}";q=${quota};w=${windowS}`)
      .join(', '),
    RateLimit: policies
      .map(({ name, remaining, resetS }) => `"${name}";r=${remaining};t=${Math.ceil(resetS)}`)
      .join(', '),
  };
}
