/** Lets so many in at a time, the others wait in order; so many may wait. */
import { WorkerError } from './worker-error.ts';

interface Waiter {
  readonly enter: () => void;
  readonly fail: (error: WorkerError) => void;
}

export class Lane {
  readonly #insideMax: number;
  readonly #waitingMax: number;
  readonly #queue: Waiter[] = [];
  #inside = 0;
  #isClosed = false;

  constructor(insideMax: number, waitingMax: number) {
    this.#insideMax = insideMax;
    this.#waitingMax = waitingMax;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when it is the caller's turn; each turn ends with one `leave`. @throws WorkerError */
  async enter(): Promise<void> {
    if (this.#isClosed) throw new WorkerError('closed');
    if (this.#inside < this.#insideMax) {
      this.#inside++;
      return;
    }
    if (this.#queue.length >= this.#waitingMax) throw new WorkerError('queue-full');
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ enter: resolve, fail: reject });
    });
  }

  leave(): void {
    const next = this.#queue.shift();
    // The turn is passed on; nobody can slip in between.
    if (next === undefined) this.#inside--;
    else next.enter();
  }

  /** Those who wait are turned away; those inside leave by themselves. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#queue.splice(0)) waiter.fail(new WorkerError('closed'));
  }
}
