/** What happened to the connection of one document since it was opened: for the panel that shows it. */
import { signal, type Signal } from '@preact/signals';
import type { Transport } from '../../index.ts';

/** As many as the sparkline has room for. */
export const LATENCIES_MAX = 60;

export class ConnectionLog {
  readonly transport: Signal<Transport | null> = signal(null);
  /** The newest last: milliseconds. */
  readonly ackLatenciesMs: Signal<readonly number[]> = signal([]);
  readonly reconnects: Signal<number> = signal(0);
  #hasConnected = false;

  changed(transport: Transport | null): void {
    if (transport !== null && this.transport.value === null) {
      if (this.#hasConnected) this.reconnects.value += 1;
      this.#hasConnected = true;
    }
    this.transport.value = transport;
  }

  acked(latencyMs: number): void {
    this.ackLatenciesMs.value = [...this.ackLatenciesMs.value, latencyMs].slice(-LATENCIES_MAX);
  }
}
