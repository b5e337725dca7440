/**
 * Keys from a JWKS URL. The whole set is kept in memory and looked up by id; a token can make the node fetch it
 * again at most once a minute, whatever ids it names. A set that is too old is refreshed in the background
 * while it is still used; when the URL is down the last one goes on being used for a day.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { JwksClient } from 'jwks-rsa';
import { algorithmOf, type KeyAnswer, type KeySource, type VerificationKey } from './keys.ts';

export interface KeySetOptions {
  readonly url: string;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  /** A fetch that failed: for one log line. */
  readonly onFailure: (error: unknown) => void;
}

/** With the authorize hook's two seconds and Redis' half of one an upgrade is answered within five. (W14) */
const FETCH_TIMEOUT_MS = 2500;
const SET_BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;
/** After this the set is fetched again, so that a withdrawn key leaves. */
const FRESH_MS = 10 * 60_000;
/** How long an old set is used while the URL does not answer. */
const STALE_MS = 24 * 3_600_000;
/** An id that is not in the set: the set may have been rotated, but is not fetched more often than this. */
const UNKNOWN_COOL_DOWN_MS = 60_000;
/** Without any set nobody gets in, so it is tried sooner. */
const EMPTY_COOL_DOWN_MS = 2000;

export class KeySet implements KeySource {
  readonly #options: KeySetOptions;
  #client: JwksClient | null = null;
  readonly #abort = new AbortController();
  #keys: ReadonlyMap<string | null, VerificationKey> | null = null;
  #fetchedMs = -Infinity;
  #triedMs = -Infinity;
  #fetching: Promise<void> | null = null;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  async keyFor(kid: string | null): Promise<KeyAnswer> {
    const ageMs = this.#options.now() - this.#fetchedMs;
    if (this.#keys === null || ageMs > STALE_MS) {
      await this.#fetch(EMPTY_COOL_DOWN_MS);
    } else if (this.#find(kid) === undefined) {
      await this.#fetch(UNKNOWN_COOL_DOWN_MS);
    } else if (ageMs > FRESH_MS) {
      void this.#fetch(UNKNOWN_COOL_DOWN_MS);
    }
    if (this.#options.now() - this.#fetchedMs > STALE_MS) return 'unavailable';
    return this.#find(kid) ?? 'unknown';
  }

  close(): void {
    this.#abort.abort();
  }

  #find(kid: string | null): VerificationKey | undefined {
    const keys = this.#keys;
    if (kid !== null || keys?.size !== 1) return keys?.get(kid);
    const [only] = keys.values();
    return only;
  }

  /** Everybody who asks meanwhile shares one fetch; never rejects. */
  #fetch(coolDownMs: number): Promise<void> {
    const nowMs = this.#options.now();
    if (this.#fetching === null && nowMs - this.#triedMs >= coolDownMs) {
      this.#triedMs = nowMs;
      this.#fetching = this.#refresh().finally(() => {
        this.#fetching = null;
      });
    }
    return this.#fetching ?? Promise.resolve();
  }

  async #refresh(): Promise<void> {
    try {
      const keys = usableKeys(await (await this.#jwks()).getKeys());
      if (keys.size === 0) throw new Error('the key set holds no RSA or P-256 key for signatures');
      this.#keys = keys;
      this.#fetchedMs = this.#options.now();
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#options.onFailure(error);
    }
  }

  /** Loaded when it is needed: few nodes have a set, and all would load it for 30 ms at each start. */
  async #jwks(): Promise<JwksClient> {
    const { JwksClient: Client } = await import('jwks-rsa');
    this.#client ??= new Client({
      jwksUri: this.#options.url,
      cache: false,
      fetcher: (url) => this.#read(url),
    });
    return this.#client;
  }

  async #read(url: string): Promise<{ keys: unknown }> {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]),
    });
    if (!response.ok) throw new Error(`the key set URL answered ${response.status}`);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
      bytes += part.byteLength;
      if (bytes > SET_BYTES_MAX) throw new Error(`the key set is over ${SET_BYTES_MAX} bytes`);
      parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString()) as { keys: unknown };
  }
}

/** By id; keys that are of no use here (symmetric, for encryption, other algorithms) are left out. */
function usableKeys(set: unknown): ReadonlyMap<string | null, VerificationKey> {
  const keys = new Map<string | null, VerificationKey>();
  if (!Array.isArray(set)) return keys;
  for (const entry of set.slice(0, KEYS_MAX) as unknown[]) {
    if (typeof entry !== 'object' || entry === null) continue;
    const jwk = entry as Record<string, unknown>;
    if (jwk['use'] !== undefined && jwk['use'] !== 'sig') continue;
    if (jwk['kty'] !== 'RSA' && jwk['kty'] !== 'EC') continue;
    const key = readJwk(jwk);
    const algorithm = key === null ? null : algorithmOf(key);
    if (key === null || algorithm === null) continue;
    if (jwk['alg'] !== undefined && jwk['alg'] !== algorithm) continue;
    keys.set(typeof jwk['kid'] === 'string' ? jwk['kid'] : null, { algorithm, key });
  }
  return keys;
}

function readJwk(jwk: Record<string, unknown>): ReturnType<typeof createPublicKey> | null {
  try {
    // Only the public members: a set that leaks private ones is no reason to load them.
    const { kty, n, e, crv, x, y } = jwk as Record<string, string>;
    return createPublicKey({ key: { kty, n, e, crv, x, y } as JsonWebKey, format: 'jwk' });
  } catch {
    return null;
  }
}
