/**
 * Delivers what the change log says, at least once and in order for each document:
 *
 *   change log ──► lanes ──► POST ──► 2xx: done
 *   (cursor)                   └────► failed: retry record, backoff, again … then a dead letter
 *
 * Delivery waits for the receiver only, never for the disk: an event whose record is still to be written goes on being
 * tried, and holds the cursor meanwhile.
 *
 * The cursor moves only behind what was answered with a 2xx, or is remembered by a retry record or a dead letter that
 * is on disk. So a crash at any moment repeats some events and loses none; repeated ones have the same id.
 *
 * Everything is bounded: documents in memory, requests at once, dead letters. What does not fit stays in the log,
 * which the store keeps short (see `ChangeLog`). Time and randomness are passed in.
 */
import { randomBytes } from 'node:crypto';
import {
  StoreError,
  type ChangeKind,
  type ChangeRecord,
  type DocumentStore,
} from '../../persistence/store.ts';
import { backoffMs, type Backoff, type Failure, type Outcome } from './attempt.ts';
import type { WebhookTimers } from './clock.ts';
import type { Send } from './endpoint.ts';
import { eventId, type Origin } from './event.ts';
import { DeadLetters } from './dead-letters.ts';
import { Lanes, type WaitingEvent } from './lanes.ts';
import { Ledger, type DeadLetter, type Retry } from './ledger.ts';
import { Progress } from './progress.ts';

export type DeliveryResult = 'delivered' | 'retried' | 'dead';

export interface WebhookObserver {
  readonly onAttempt: (result: DeliveryResult) => void;
  readonly onDeadLetter: (letter: DeadLetter) => void;
  /** The endpoint has stopped (with a reason) or begun again (null) to take events. */
  readonly onEndpoint: (reason: string | null) => void;
  /** Something durable could not be read; what that means for the receiver. */
  readonly onDamage: (what: string) => void;
  readonly onError: (error: unknown) => void;
}

export interface DispatcherOptions {
  readonly store: Pick<DocumentStore, 'records' | 'changes'>;
  readonly send: Send;
  readonly kinds: ReadonlySet<ChangeKind>;
  readonly node: string;
  readonly region: string;
  /** Changes of one document are collected for so long. */
  readonly debounceMs: number;
  readonly attemptsMax: number;
  readonly timers: WebhookTimers;
  readonly random: () => number;
  readonly observer: WebhookObserver;
  readonly backoff?: Backoff;
  readonly deadLettersMax?: number;
  /** Only for the tests that prove that they would notice. */
  readonly sabotage?: WebhookSabotage;
}

export interface WebhookSabotage {
  /** Moves the cursor when events are read, not when they are delivered. */
  readonly cursorFirst?: true;
}

/** What dead letters need of the living. */
export interface RetryOrder {
  readonly positionOf: (document: string, kind: ChangeKind) => number | null;
  /** It will be written again: what was to be removed is not. */
  readonly keepRecord: (retry: Retry) => void;
  readonly sendAgain: (retry: Retry) => void;
}

/** Requests at once. */
const REQUESTS_MAX = 8;
/** Documents with something to deliver that are kept in memory; the rest stays in the log. */
const LANES_MAX = 1000;
/** Change records read at once; a record names at most as many documents as a batch has updates. */
const READ_MAX = 16;
/** A busy store commits 125 times a second: the log is not read as often. */
const READ_INTERVAL_MS = 50;
/** Reading or writing the store failed: again after this. */
const STORE_RETRY_MS = 1000;
/** From 1 s to an hour: 20 attempts take about eight hours. */
const BACKOFF: Backoff = { firstMs: 1000, maxMs: 3_600_000 };
/** After a restart, what had failed before is tried again within this time. */
const RESUME_SPREAD_MS = 5000;
const DEAD_LETTERS_MAX = 10_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #ledger: Ledger;
  readonly #progress: Progress;
  readonly deadLetters: DeadLetters;
  readonly #lanes = new Lanes();
  readonly #abort = new AbortController();
  #origin: Origin | null = null;
  /** The log is read up to here. */
  #readPosition = 0;
  #hasMore = true;
  #lastReadMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  #isPumping = false;
  #isStopping = false;
  /** Not answered yet. */
  #requests = 0;
  #pumpTimer: object | null = null;
  readonly #settling = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { store, timers } = options;
    this.#ledger = new Ledger(store.records);
    this.#progress = new Progress({
      ledger: this.#ledger,
      changes: store.changes,
      timers,
      donePosition: () => this.#donePosition(),
      onError: (error) => {
        this.#onError(error);
      },
    });
    this.deadLetters = new DeadLetters(this.#ledger, {
      positionOf: (document, kind) => this.#lanes.positionOf(document, kind),
      keepRecord: (retry) => {
        this.#progress.keep(retry);
      },
      sendAgain: (retry) => {
        this.#add({ ...retry, dueMs: timers.now(), pin: null, hasRecord: true });
        this.#pumpAfter(0);
      },
    });
  }

  /** Events that are read and not delivered. */
  get waiting(): number {
    return this.#lanes.events;
  }

  /** Begins where the last process has ended. Call once, when the store is open. */
  start(): void {
    this.#settle(
      this.#resume().catch((error: unknown) => {
        this.#onError(error);
        this.#pumpTimer = this.#options.timers.setTimeout(() => {
          if (!this.#isStopping) this.start();
        }, STORE_RETRY_MS);
      }),
    );
  }

  /** Something was committed: there may be changes. Cheap. */
  wake(): void {
    this.#hasMore = true;
    if (this.#origin !== null && !this.#isPumping) this.#pumpAfter(0);
  }

  /** Ends after what is in flight, or after the deadline; what is not delivered then is delivered after a restart. */
  async stop(deadlineMs: number): Promise<void> {
    const { timers } = this.#options;
    this.#isStopping = true;
    if (this.#pumpTimer !== null) timers.clearTimeout(this.#pumpTimer);
    this.#progress.stop();
    const deadline = timers.setTimeout(() => {
      this.#abort.abort();
    }, deadlineMs);
    while (this.#settling.size > 0 && !this.#abort.signal.aborted) {
      await Promise.race([Promise.all(this.#settling), aborted(this.#abort.signal)]);
    }
    // A disk that hangs must not hold up the end: the cursor then stays where it was.
    await Promise.race([this.#progress.save(), aborted(this.#abort.signal)]);
    timers.clearTimeout(deadline);
  }

  async #resume(): Promise<void> {
    const { store, node, region, timers, random, observer } = this.#options;
    const position = store.changes.position;
    let cursor = await this.#ledger.cursor();
    if (cursor === 'damaged') {
      observer.onDamage('the cursor cannot be read: events that are still in the log are repeated');
      cursor = null;
    }
    if (cursor === null) {
      cursor = { position: 0, source: randomBytes(9).toString('base64url') };
      await this.#ledger.advance(cursor, []);
    }
    // A store that has lost its end (opened with --accept-data-loss) may be behind its own cursor.
    this.#readPosition = Math.min(cursor.position, position);
    this.#progress.start(this.#readPosition, cursor.source);
    await this.deadLetters.start();
    const nowMs = timers.now();
    for (const retry of await this.#ledger.retries(position, timers.wallClock())) {
      const dueMs = nowMs + random() * Math.min(RESUME_SPREAD_MS, this.#backoffMs(retry.attempts));
      this.#add({ ...retry, dueMs, pin: null, hasRecord: true });
    }
    this.#origin = { source: cursor.source, node, region };
    this.#pumpAfter(0);
  }

  /** Reads what there is room for, and sends what is due. */
  async #pump(): Promise<void> {
    if (this.#isPumping || this.#isStopping) return;
    this.#isPumping = true;
    try {
      await this.#read();
    } catch (error) {
      this.#onError(error);
      this.#hasMore = true;
      this.#lastReadMs = this.#options.timers.now() + STORE_RETRY_MS;
    } finally {
      this.#isPumping = false;
    }
    this.#sendDue();
  }

  async #read(): Promise<void> {
    const { store, timers } = this.#options;
    const isTime = timers.now() - this.#lastReadMs >= READ_INTERVAL_MS;
    if (!this.#hasMore || !isTime) return;
    this.#lastReadMs = timers.now();
    while (this.#hasMore && this.#lanes.size < LANES_MAX) {
      this.#hasMore = false; // a commit during the read sets it again
      const page = await store.changes.read(this.#readPosition, READ_MAX);
      for (const record of page) {
        if (this.#lanes.size >= LANES_MAX) {
          this.#hasMore = true;
          break;
        }
        this.#takeIn(record);
      }
      this.#hasMore ||= page.length === READ_MAX;
    }
    this.#progress.touch();
  }

  #takeIn({ position, atMs, changes, isDamaged }: ChangeRecord): void {
    const { kinds, timers, debounceMs, observer } = this.#options;
    if (isDamaged === true) observer.onDamage('a record of the change log: its events are lost');
    const nowMs = timers.now();
    for (const { kind, name } of changes) {
      if (!kinds.has(kind)) continue;
      // The cursor was not moved before a crash, and a retry record knows of it already.
      if ((this.#lanes.positionOf(name, kind) ?? -1) >= position) continue;
      this.#add({
        kind,
        document: name,
        position,
        atMs,
        dueMs: kind === 'changed' ? nowMs + debounceMs : nowMs,
        attempts: 0,
        pin: position,
        hasRecord: false,
      });
    }
    this.#readPosition = position;
  }

  #add(event: WaitingEvent): void {
    const superfluous = this.#lanes.add(event);
    if (superfluous?.hasRecord === true) this.#progress.forget(superfluous);
  }

  #sendDue(): void {
    const { timers } = this.#options;
    const nowMs = timers.now();
    if (this.#isStopping) return;
    while (this.#requests < REQUESTS_MAX && nowMs >= this.#pausedUntilMs) {
      const event = this.#lanes.take(nowMs);
      if (event === null) break;
      this.#settle(this.#deliver(event));
    }
    const dueMs = this.#requests < REQUESTS_MAX ? this.#lanes.nextDueMs() : null;
    const readMs =
      this.#hasMore && this.#lanes.size < LANES_MAX ? this.#lastReadMs + READ_INTERVAL_MS : null;
    const sendMs = dueMs === null ? null : Math.max(dueMs, this.#pausedUntilMs);
    const nextMs = Math.min(sendMs ?? Infinity, readMs ?? Infinity);
    if (nextMs !== Infinity) this.#pumpAfter(Math.max(0, nextMs - nowMs));
  }

  async #deliver(event: WaitingEvent): Promise<void> {
    const { send, observer } = this.#options;
    if (this.#origin === null) throw new Error('delivered before the origin was known');
    this.#requests++;
    const outcome = await send(event, this.#origin, this.#abort.signal);
    this.#requests--;
    if (this.#abort.signal.aborted && outcome.type === 'failed') return; // unknown, and still pinned
    this.#noteEndpoint(outcome);
    if (outcome.type === 'delivered') {
      observer.onAttempt('delivered');
      if (event.hasRecord) this.#progress.forget(event);
      this.#lanes.finish(event);
      this.#progress.touch();
    } else this.#fail(event, outcome);
    this.#pumpAfter(0);
  }

  #noteEndpoint(outcome: Outcome): void {
    const { observer, timers } = this.#options;
    const isRefusal = outcome.type === 'failed' && outcome.isPermanent;
    if (outcome.type === 'failed' && outcome.retryAfterMs !== null) {
      // It speaks for the endpoint: everybody waits.
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, timers.now() + outcome.retryAfterMs);
    }
    const isFailing = outcome.type === 'failed' && !isRefusal;
    if (isFailing !== this.#isFailing) {
      this.#isFailing = isFailing;
      observer.onEndpoint(outcome.type === 'failed' && isFailing ? outcome.reason : null);
    }
  }

  #fail(event: WaitingEvent, { isPermanent, reason, retryAfterMs }: Failure): void {
    const { attemptsMax, observer, deadLettersMax = DEAD_LETTERS_MAX } = this.#options;
    event.attempts++;
    const isLast = isPermanent || event.attempts >= attemptsMax;
    // With a full morgue the event goes on being retried: nothing is dropped, and the log stays bounded.
    if (isLast && this.deadLetters.count < deadLettersMax) {
      observer.onAttempt('dead');
      this.#settle(this.#bury(event, reason));
      return;
    }
    observer.onAttempt('retried');
    this.#putBack(event, retryAfterMs ?? 0);
    this.#settle(this.#progress.remember(event));
  }

  /** The document's next event waits for the letter. */
  async #bury(event: WaitingEvent, reason: string): Promise<void> {
    const letter = this.#letterOf(event, reason);
    try {
      await this.deadLetters.bury(letter);
    } catch (error) {
      this.#putBack(event, 0); // it is in no record: to be sent and buried again
      this.#pumpAfter(0);
      throw error;
    }
    this.#options.observer.onDeadLetter(letter);
    this.#lanes.finish(event);
    this.#progress.touch();
    this.#pumpAfter(0);
  }

  #putBack(event: WaitingEvent, leastMs: number): void {
    event.dueMs = this.#options.timers.now() + Math.max(this.#backoffMs(event.attempts), leastMs);
    this.#lanes.putBack(event);
  }

  #letterOf(event: WaitingEvent, reason: string): DeadLetter {
    const { kind, document, position, atMs, attempts } = event;
    const id = eventId(event, this.#origin?.source ?? '');
    const failedAtMs = this.#options.timers.wallClock();
    return { id, kind, document, position, atMs, attempts, reason, failedAtMs };
  }

  #backoffMs(attempts: number): number {
    const { backoff = BACKOFF, random } = this.#options;
    return backoffMs(Math.max(1, attempts), backoff, random());
  }

  /** Everything up to here is delivered, or remembered by a record. */
  #donePosition(): number {
    const pin = this.#options.sabotage?.cursorFirst === true ? null : this.#lanes.lowestPin();
    return pin === null ? this.#readPosition : pin - 1;
  }

  #pumpAfter(delayMs: number): void {
    const { timers } = this.#options;
    if (this.#isStopping) return;
    if (this.#pumpTimer !== null) timers.clearTimeout(this.#pumpTimer);
    this.#pumpTimer = timers.setTimeout(() => {
      this.#pumpTimer = null;
      this.#settle(this.#pump());
    }, delayMs);
  }

  /** Work that `stop` waits for. */
  #settle(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        this.#onError(error);
      })
      .finally(() => {
        this.#settling.delete(settled);
      });
    this.#settling.add(settled);
  }

  #onError(error: unknown): void {
    if (error instanceof StoreError && error.code === 'closed') return;
    this.#options.observer.onError(error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
