/**
 * The messages of one session that wait while its room loads, or while one before them is looked at in a worker:
 * handed on in order, one at a time. Bounded: when it is full the socket is not read. Nothing is dropped. [I6] [I8]
 */
import { messageBytes, type ClientMessage, type Outlet } from './outlet.ts';

export class Inbox {
  readonly #outlet: Pick<Outlet, 'setReading'>;
  readonly #bytesMax: number;
  readonly #handle: (message: ClientMessage) => void;
  /** Null: nothing waits. Most sessions never need one. */
  #messages: ClientMessage[] | null = null;
  #bytes = 0;
  #isBusy = true;
  #isReading = true;
  #isClosed = false;

  /** Busy until `open`. */
  constructor(
    outlet: Pick<Outlet, 'setReading'>,
    bytesMax: number,
    handle: (message: ClientMessage) => void,
  ) {
    this.#outlet = outlet;
    this.#bytesMax = bytesMax;
    this.#handle = handle;
  }

  /** Handled at once unless something before it is still being looked at. */
  receive(message: ClientMessage): void {
    if (!this.#isBusy && this.#messages === null) {
      this.#handle(message);
      return;
    }
    (this.#messages ??= []).push(message);
    this.#bytes += messageBytes(message);
    if (this.#isReading && this.#bytes > this.#bytesMax) this.#setReading(false);
  }

  /** What waits is handled now, up to the first message that takes time. */
  open(): void {
    this.#isBusy = false;
    while (!this.#isBusy && this.#messages !== null) {
      const message = this.#messages.shift();
      if (message === undefined) {
        this.#messages = null;
        break;
      }
      this.#bytes -= messageBytes(message);
      this.#handle(message);
    }
    if (!this.#isReading && !this.#isClosed && this.#bytes <= this.#bytesMax / 2) {
      this.#setReading(true);
    }
  }

  /** What arrives until `work` is done waits. */
  busyUntil(work: Promise<void>, onFailure: (error: unknown) => void): void {
    this.#isBusy = true;
    work.then(() => {
      this.open();
    }, onFailure);
  }

  /** The connection is gone: what waits is forgotten. */
  close(): void {
    this.#isClosed = true;
    this.#messages = null;
  }

  #setReading(isReading: boolean): void {
    this.#isReading = isReading;
    this.#outlet.setReading(isReading);
  }
}
