/**
 * The receiver's side of the wire: one signed POST, one outcome. Node's `fetch`; no redirects; the answer's body is
 * not looked at, only read far enough that the connection can be used again.
 */
import { eventBody, eventId, type Origin, type WebhookEvent } from './event.ts';
import { outcomeOf, type Outcome } from './attempt.ts';
import type { WebhookTimers } from './clock.ts';
import { signature } from './signature.ts';

export interface EndpointOptions {
  readonly url: string;
  readonly key: Uint8Array;
  readonly timeoutMs: number;
  readonly timers: WebhookTimers;
}

/** Sends an event once. Never rejects; `signal` gives up early, and then nothing is known. */
export type Send = (event: WebhookEvent, origin: Origin, signal: AbortSignal) => Promise<Outcome>;

/** Of an answer's body: bytes. */
const READ_MAX = 16 * 1024;

export function createSend({ url, key, timeoutMs, timers }: EndpointOptions): Send {
  return async (event, origin, signal) => {
    const id = eventId(event, origin.source);
    const body = eventBody(event, origin);
    const timestampS = Math.floor(timers.wallClock() / 1000);
    const abort = new AbortController();
    const onAbort = (): void => {
      abort.abort();
    };
    let isLate = false;
    const timer = timers.setTimeout(() => {
      isLate = true;
      abort.abort();
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        redirect: 'manual',
        signal: abort.signal,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'syncline-webhooks/1',
          'webhook-id': id,
          'webhook-timestamp': String(timestampS),
          'webhook-signature': signature(key, id, timestampS, body),
        },
      });
      await readAway(response);
      return outcomeOf(response.status, response.headers.get('retry-after'), timers.wallClock());
    } catch (error) {
      const reason = isLate ? `no answer within ${timeoutMs} ms` : describe(error);
      return { type: 'failed', reason, isPermanent: false, retryAfterMs: null };
    } finally {
      timers.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  };
}

/** The status has decided; a body that does not end changes nothing about it. */
async function readAway({ body }: Response): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      bytes += (chunk as Uint8Array).length;
      if (bytes > READ_MAX) break; // leaving the loop cancels the stream
    }
  } catch {
    // Cut off, or too slow: as above.
  }
}

function describe(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? `no connection (${code})` : 'no connection';
}
