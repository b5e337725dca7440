/** What came of sending an event once, and what that means for the next time. */

export type Outcome = { readonly type: 'delivered' } | Failure;

export interface Failure {
  readonly type: 'failed';
  /** For logs and dead letters; no URL, no secret, nothing that the receiver has written. */
  readonly reason: string;
  /** The receiver has understood this event and refused it: asking again is no use. */
  readonly isPermanent: boolean;
  /** It asks to be left alone for so long. */
  readonly retryAfterMs: number | null;
}

/**
 * Of the 4xx, those that speak of the endpoint or of the moment (a rotated secret, a route that is not deployed
 * yet, a rate) rather than of this event. They are retried as a 5xx is.
 */
const PASSING: ReadonlySet<number> = new Set([401, 403, 404, 407, 408, 410, 421, 423, 425, 429]);

/** A receiver cannot silence the node for longer. */
const RETRY_AFTER_MAX_MS = 3_600_000;

export function outcomeOf(status: number, retryAfter: string | null, wallMs: number): Outcome {
  if (status >= 200 && status < 300) return { type: 'delivered' };
  const isRefusal = status >= 400 && status < 500 && !PASSING.has(status);
  const isPause = status === 429 || status === 503;
  return {
    type: 'failed',
    // Redirects are not followed: the signed body would go to whoever the answer names.
    reason: status >= 300 && status < 400 ? `status ${status} (not followed)` : `status ${status}`,
    isPermanent: isRefusal,
    retryAfterMs: isPause ? parseRetryAfter(retryAfter, wallMs) : null,
  };
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function parseRetryAfter(value: string | null, wallMs: number): number | null {
  if (value === null) return null;
  const isDate = value.endsWith(' GMT'); // `Date.parse` takes much that is no date
  const date = isDate ? Date.parse(value) : Number.NaN;
  const delayMs = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : date - wallMs;
  return Number.isNaN(delayMs) ? null : Math.min(Math.max(0, delayMs), RETRY_AFTER_MAX_MS);
}

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Doubles with each failed attempt; jittered by half, so that a thousand documents do not come back at once. */
export function backoffMs(attempts: number, { firstMs, maxMs }: Backoff, random: number): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempts - 1, 40));
  return fullMs * (0.5 + random / 2);
}
