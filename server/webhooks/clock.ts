/** Time as webhooks see it: passed in, so that tests need no hours for an hour's backoff. */
export interface WebhookTimers {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since the epoch. */
  wallClock(): number;
  setTimeout(callback: () => void, delayMs: number): object;
  clearTimeout(handle: object): void;
}
