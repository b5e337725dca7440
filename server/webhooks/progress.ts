/**
 * How far the change log is done with: the durable cursor, and the retry records that delivery has made
 * superfluous. Moves seldom (each step is a synced batch); a crash in between repeats what was delivered since.
 */
import type { ChangeLog } from '../../persistence/store.ts';
import type { WebhookTimers } from './clock.ts';
import type { WebhookEvent } from './event.ts';
import type { Ledger } from './ledger.ts';

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
  #delivered: WebhookEvent[] = [];
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
    this.#delivered.push(event);
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
      const delivered = this.#delivered;
      const hasMoved = position > this.#cursor;
      if (!hasMoved && delivered.length === 0) return;
      this.#delivered = [];
      try {
        await ledger.advance(hasMoved ? { position, source: this.#source } : null, delivered);
        if (!hasMoved) return;
        this.#cursor = position;
        await changes.trim(position);
      } catch (error) {
        this.#delivered.push(...delivered);
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
