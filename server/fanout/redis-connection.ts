/**
 * One connection to one Redis server that comes back by itself, for ever. Hardened against what looks healthy
 * and is not: a stopped server accepts connections and bytes but answers nothing, therefore no reply within
 * `SILENCE_MS` of a command ends the connection, and `beat` sends a command regularly. Nothing is queued while it
 * is away and nothing is sent again: what was under way is lost, and told so.
 */
import { Redis, type RedisOptions } from 'ioredis';
import type { LinkReason } from './bus.ts';
import type { RedisAddress } from './redis-address.ts';

/** With a command every 700 ms, silence is noticed within 2.6 s. */
export const BEAT_MS = 700;
const SILENCE_MS = 1_900;
const CONNECT_TIMEOUT_MS = 2_000;
/** A connection that is given up may be one on which nobody answers a goodbye. */
const DISCONNECT_TIMEOUT_MS = 200;
const RETRY_MIN_MS = 50;
/** An outage ends within seconds of the server's return, with jitter, at a price of one attempt a second. */
const RETRY_MAX_MS = 1_000;

export interface RedisConnectionOptions {
  readonly address: RedisAddress;
  /** As `CLIENT LIST` shows it. */
  readonly name: string;
  /** In [0, 1). */
  readonly random: () => number;
  onReady(): void;
  /** Once for each `onReady`, and for attempts that failed. */
  onLost(reason: LinkReason, detail: string): void;
}

export class RedisConnection {
  readonly client: Redis;
  readonly address: RedisAddress;
  readonly #options: RedisConnectionOptions;
  #failures = 0;
  #lastError: Error | null = null;
  #isReady = false;
  #isClosed = false;
  /** Times that it was lost. */
  losses = 0;

  constructor(options: RedisConnectionOptions) {
    const { address, name, random } = options;
    this.#options = options;
    this.address = address;
    const settings = {
      ...(address.path === null
        ? { host: address.host, port: address.port }
        : { path: address.path }),
      ...(address.isTls ? { tls: { servername: address.host } } : {}),
      ...(address.username === null ? {} : { username: address.username }),
      ...(address.password === null ? {} : { password: address.password }),
      db: address.db,
      connectionName: name,
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      socketTimeout: SILENCE_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      // Pub/sub is served while Redis loads its data, and asking would need the right to call INFO.
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => {
        this.#failures += 1;
        const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 10));
        return Math.round(delayMs * (0.5 + random() / 2));
      },
    } satisfies RedisOptions;
    this.client = new Redis(settings);
    this.client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    this.client.on('ready', () => {
      if (this.#isClosed) return;
      this.#isReady = true;
      this.#lastError = null;
      options.onReady();
    });
    this.client.on('close', () => {
      this.#onClose();
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  open(): void {
    // A failed first attempt is like any other: `close` is emitted and it is tried again.
    this.client.connect().catch(() => undefined);
  }

  /** The connection does what it is for: the next outage starts with short delays again. */
  proven(): void {
    this.#failures = 0;
  }

  /** Sends something that must be answered. */
  beat(): void {
    if (this.#isReady) this.client.ping().catch(() => undefined);
  }

  /** Gives this connection up and makes another; `error` is why. */
  renew(error: unknown): void {
    if (this.#isClosed) return;
    this.#lastError = error instanceof Error ? error : null;
    this.client.disconnect(true);
  }

  /** At once, whether or not anybody answers. */
  close(): void {
    this.#isClosed = true;
    this.#isReady = false;
    this.client.disconnect();
    // ioredis would wait two seconds for the other side to agree.
    (this.client.stream as typeof this.client.stream | undefined)?.destroy();
  }

  #onClose(): void {
    this.#isReady = false;
    if (this.#isClosed) return;
    this.losses += 1;
    const error = this.#lastError;
    this.#options.onLost(reasonOf(error), detailOf(error, this.address));
  }
}

function reasonOf(error: Error | null): LinkReason {
  const message = error?.message ?? '';
  if (message.startsWith('Socket timeout') || message.includes('ETIMEDOUT')) return 'silent';
  // Redis' own words begin with a code in capitals: NOAUTH, WRONGPASS, NOPERM, LOADING, MOVED …
  return /^[A-Z]{3,}\s/.test(message) ? 'refused' : 'connection-lost';
}

/** Errors of commands carry their arguments, the password among them: only code and words are taken. */
function detailOf(error: Error | null, { label, password }: RedisAddress): string {
  if (error === null) return label;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const words = error.message.slice(0, 200);
  const text = words.includes(code) ? words : `${code} ${words}`;
  const safe = password === null ? text : text.replaceAll(password, '…');
  return safe.includes(label) ? safe : `${label}: ${safe}`;
}
