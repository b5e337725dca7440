/**
 * The store's status, and the way back from a failed write.
 *
 *   closed ── open ──► open ◄──────── reopened, checked ───────┐
 *                       │ ▲                                    │
 *                 write │ └─ confirmed ── stalled              │
 *                 fails ▼       (told as degraded)             │
 *                    degraded ── 100 ms … 2 s ──► reopen ──────┤
 *                       ▲                            │ fails   │
 *                       └────────────────────────────┘         │
 *
 * For ever, until `stop`: a disk that is full today may have space tomorrow, and what was accepted is still in
 * memory. Nothing is acked in between. [I5]
 */
import type { StoreClock } from './clock.ts';
import type { Database } from './database.ts';
import type { GroupCommit } from './group-commit.ts';
import { StoreError, type StoreObserver, type StoreStatus } from './store.ts';
import { messageOf } from './strict-open.ts';

/** Between two attempts to open the folder again. */
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2_000;

export interface RecoveryOptions {
  readonly database: Database;
  /** Made later: it reports to the recovery. */
  readonly committer: () => GroupCommit;
  readonly clock: StoreClock;
  readonly observer: StoreObserver;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #status: StoreStatus = 'closed';
  #lastError: StoreError | null = null;
  #retryTimer: unknown = null;
  #retryMs = RETRY_FIRST_MS;
  #failedAtMs: number | null = null;
  #isStalled = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  get status(): StoreStatus {
    return this.#status;
  }

  get lastError(): StoreError | null {
    return this.#lastError;
  }

  start(): void {
    this.#setStatus('open', null);
  }

  stop(): void {
    if (this.#retryTimer !== null) this.#options.clock.clearTimeout(this.#retryTimer);
    this.#setStatus('closed', null);
  }

  /** A write has failed; the committer has halted. */
  failed(error: unknown): void {
    if (this.#status === 'closed') return;
    const { clock } = this.#options;
    this.#isStalled = false;
    this.#failedAtMs ??= clock.now();
    const what = `a write failed: ${messageOf(error)}`;
    this.#setStatus('degraded', new StoreError('write-failed', what, { cause: error }));
    this.#retryTimer = clock.setTimeout(() => void this.#retry(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  /** A write that hangs has not failed: nothing is retried, but nobody is told that all is well. */
  stalled(stalledMs: number): void {
    if (this.#status !== 'open') return;
    this.#isStalled = true;
    const what = `the disk has not confirmed a write for ${Math.round(stalledMs / 1000)} s`;
    this.#setStatus('degraded', new StoreError('write-failed', what));
  }

  /** A write was confirmed. */
  confirmed(): void {
    this.#retryMs = RETRY_FIRST_MS;
    if (!this.#isStalled) return;
    this.#isStalled = false;
    if (this.#status === 'degraded') this.#setStatus('open', null);
  }

  async #retry(): Promise<void> {
    const { database, clock, observer } = this.#options;
    const committer = this.#options.committer();
    try {
      await database.reopen(committer.bytes);
    } catch (error) {
      this.failed(error);
      return;
    }
    if (this.#status === 'closed') return;
    const downtimeMs = clock.now() - (this.#failedAtMs ?? 0);
    this.#failedAtMs = null;
    this.#setStatus('open', null);
    observer.onRecovered?.({ rewrittenRecords: committer.records, downtimeMs });
    committer.resume();
  }

  #setStatus(status: StoreStatus, error: StoreError | null): void {
    this.#status = status;
    this.#lastError = error;
    this.#options.observer.onStatus?.(status, error);
  }
}
