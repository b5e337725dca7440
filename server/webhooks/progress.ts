/**
 * How far the change log is done with: the durable cursor, the retry records of what has failed, and those that
 * delivery has made superfluous. Moves seldom (each step is a synced batch); a crash in between repeats what was
 * delivered since. The store writes in the order in which it is asked.
 */
import type { ChangeLog } from '../../persistence/store.ts';
import type { WebhookTimers } from './clock.ts';
import type { WebhookEvent } from './event.ts';
import type { WaitingEvent } from './lanes.ts';
import { retryId, type Ledger } from './ledger.ts';

export interface ProgressOptions {
  readonly ledger: Ledger;
  readonly changes: ChangeLog;
  readonly timers: WebhookTimers;
  /** Everything up to here is delivered, or remembered by a record. */
  readonly donePosition: () => number;
  readonly onError: (error: unknown) => void;
}

/** The cursor is a synced write; between two of them, a crash repeats what was delivered. */
const INTERVAL_MS = 200;

export class Progress {
  readonly #options: ProgressOptions;
  #source = '';
  /** Durable. */
  #cursor = 0;
  /** Records to be removed, by id. */
  readonly #superfluous = new Map<string, WebhookEvent>();
  /** Their records are on the way to the disk. */
  readonly #saving = new Set<WaitingEvent>();
  #timer: object | null = null;
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  start(cursor: number, source: string): void {
    this.#cursor = cursor;
    this.#source = source;
  }

  /** An event with a retry record needs it no more. */
  forget(event: WebhookEvent): void {
    this.#superfluous.set(retryId(event), event);
  }

  /** The record will be written again: it is not to be removed. */
  keep(event: WebhookEvent): void {
    this.#superfluous.delete(retryId(event));
  }

  /**
   * A failed event gets a record; as soon as that is durable, the cursor may pass it. One write at a time: while the
   * disk takes none, failing again adds nothing, and the record may then tell of fewer attempts.
   */
  async remember(event: WaitingEvent): Promise<void> {
    if (this.#saving.has(event)) return;
    const { position } = event;
    this.#saving.add(event);
    this.keep(event);
    event.hasRecord = true;
    try {
      await this.#options.ledger.saveRetry(event);
    } finally {
      this.#saving.delete(event);
    }
    // What was merged into it meanwhile is not in the record.
    if (event.pin !== null) event.pin = event.position === position ? null : position + 1;
    this.touch();
  }

  /** Something is done. */
  touch(): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#timer = this.#options.timers.setTimeout(() => {
      this.#timer = null;
      void this.save();
    }, INTERVAL_MS);
  }

  /** Moves the cursor as far as it may, and trims the log behind it. Never rejects. */
  save(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const { ledger, changes, donePosition, onError } = this.#options;
      const position = donePosition();
      const removed = [...this.#superfluous];
      const hasMoved = position > this.#cursor;
      if (!hasMoved && removed.length === 0) return;
      try {
        const cursor = hasMoved ? { position, source: this.#source } : null;
        await ledger.advance(
          cursor,
          removed.map(([, event]) => event),
        );
        for (const [id, event] of removed) {
          if (this.#superfluous.get(id) === event) this.#superfluous.delete(id);
        }
        if (!hasMoved) return;
        this.#cursor = position;
        await changes.trim(position);
      } catch (error) {
        onError(error);
      }
    });
    return this.#turn;
  }

  /** The last save is the caller's. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) this.#options.timers.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
