/** Calls a room's flush when its window says so (flush-window.ts): at once, which is after this turn, or by a timer. */
import { FlushWindow } from './flush-window.ts';
import type { TimerHandle, Timers } from './timers.ts';

export class FlushTimer {
  readonly #timers: Timers;
  readonly #window: FlushWindow;
  readonly #flush: () => void;
  #timer: TimerHandle | null = null;
  #isQueued = false;

  constructor(windowMsMax: number, timers: Timers, flush: () => void) {
    this.#timers = timers;
    this.#window = new FlushWindow(windowMsMax);
    this.#flush = flush;
  }

  /** A change arrived which `receivers` connections will get. */
  note(receivers: number): void {
    this.#window.note(this.#timers.now(), receivers);
    if (this.#isQueued || this.#timer !== null) return;
    const delayMs = this.#window.delayMs(this.#timers.now());
    if (delayMs < 1) {
      this.#isQueued = true;
      this.#timers.setImmediate(() => {
        this.#isQueued = false;
        this.#flush();
      });
    } else {
      this.#timer = this.#timers.setTimeout(() => {
        this.#timer = null;
        this.#flush();
      }, delayMs);
    }
  }

  flushed(): void {
    this.#window.flushed(this.#timers.now());
  }

  stop(): void {
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
