/**
 * Message numbers of the y-protocols family: y-websocket 3 (src/y-websocket.js), y-protocols 1.0.7
 * (sync.js, awareness.js, auth.js), and Y-Sweet's SyncStatus (y-sweet client 0.9.1, provider.ts).
 */
export const MESSAGE = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  /** Y-Sweet: `66 varBytes(payload)`, echoed once everything received before it is durable. */
  syncStatus: 102,
} as const;

/**
 * Subtypes of `MESSAGE.auth`. A server says 0 (y-protocols auth.js: access denied) or 1 (ours: the token ends in so
 * many seconds; y-protocols' reader leaves it alone). A client says 0, a new token, as Hocuspocus' clients do.
 */
export const AUTH = {
  /** Client: `02 00 varString(token)`. */
  token: 0,
  /** Server: `02 01 varUint(seconds left)`. */
  expiry: 1,
} as const;

export const SYNC = {
  /** `00 00 varBytes(state vector)`: "this is what I have", answered by step 2. */
  step1: 0,
  /** `00 01 varBytes(update)`: "this is what you lack"; the first one makes a client `synced`. */
  step2: 1,
  /** `00 02 varBytes(update)` */
  update: 2,
} as const;

/** Longest SyncStatus payload that is echoed, bytes: a varUint takes at most 8. */
export const SYNC_STATUS_BYTES_MAX = 64;
