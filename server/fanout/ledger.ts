/** What every adapter of the bus keeps: counters, drops by reason, and the one way of calling a listener. */
import {
  BusStats,
  MESSAGE_BYTES_MAX,
  type BusDrop,
  type BusListener,
  type BusObserver,
  type Delivery,
  type Link,
} from './bus.ts';

export class Ledger {
  readonly stats: BusStats = new BusStats();
  readonly #observer: BusObserver;
  /** Null before `open` and after `close`: nobody is called any more. */
  listener: BusListener | null = null;

  constructor(observer: BusObserver) {
    this.#observer = observer;
  }

  drop<Reason extends BusDrop>(reason: Reason, bytes: number): Reason {
    this.stats.dropped[reason] += 1;
    this.#observer.onDrop?.(reason, bytes);
    return reason;
  }

  accept(bytes: number): 'accepted' {
    this.stats.published += 1;
    this.stats.publishedBytes += bytes;
    return 'accepted';
  }

  deliver(delivery: Delivery): void {
    if (this.listener === null) return;
    const { length } = delivery.bytes;
    if (length > MESSAGE_BYTES_MAX) {
      this.drop('too-large', length);
      return;
    }
    this.stats.received += 1;
    this.stats.receivedBytes += length;
    try {
      this.listener.onMessage(delivery);
    } catch (error) {
      this.#observer.onListenerFailed?.(error);
    }
  }

  tell(link: Link): void {
    try {
      this.listener?.onLink(link);
    } catch (error) {
      this.#observer.onListenerFailed?.(error);
    }
  }
}
