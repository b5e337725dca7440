/** Events that were given up, for the operator to look at, send again, or throw away. */
import type { RetryOrder } from './dispatcher.ts';
import type { DeadLetter, Ledger } from './ledger.ts';

/** A letter whose record is damaged has an id only. */
export interface DeadLetterEntry {
  readonly id: string;
  readonly letter: DeadLetter | null;
}

export class DeadLetters {
  readonly #ledger: Ledger;
  readonly #order: RetryOrder;
  #count = 0;

  constructor(ledger: Ledger, order: RetryOrder) {
    this.#ledger = ledger;
    this.#order = order;
  }

  get count(): number {
    return this.#count;
  }

  async start(): Promise<void> {
    this.#count = await this.#ledger.countDeadLetters();
  }

  /** In order of age, `after` (exclusive) an id. */
  list(after: string | null, limit: number): Promise<readonly DeadLetterEntry[]> {
    return this.#ledger.deadLetters(after, limit);
  }

  async bury(letter: DeadLetter): Promise<void> {
    this.#count++; // those on the way count: there is a bound
    try {
      await this.#ledger.bury(letter);
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /** Sends one again, with all its attempts. False: there is none that could be sent. */
  async retry(id: string): Promise<boolean> {
    const letter = await this.#ledger.deadLetter(id);
    if (letter === null || letter === 'damaged') return false;
    const { kind, document, atMs } = letter;
    const position = Math.max(letter.position, this.#order.positionOf(document, kind) ?? 0);
    const retry = { kind, document, position, atMs, attempts: 0 };
    this.#order.keepRecord(retry);
    await this.#ledger.exhume(id, retry);
    this.#count--;
    this.#order.sendAgain(retry);
    return true;
  }

  /** False: there is none. */
  async discard(id: string): Promise<boolean> {
    if ((await this.#ledger.deadLetter(id)) === null) return false;
    await this.#ledger.discard(id);
    this.#count--;
    return true;
  }
}
