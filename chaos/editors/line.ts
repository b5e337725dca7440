/**
 * How an editor is connected: frame by frame (wire.ts), or through the client library as applications are. Both say the
 * same things; an ack of the library has no number of its own and gets one here.
 */
import { WebSocket } from 'ws';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import { SynclineProvider } from '../../client/index.ts';
import type { AckLevel } from '../history/events.ts';
import type { LineKind } from './orders.ts';
import { Wire, type WireListener } from './wire.ts';

export interface Line {
  readonly isSynced: boolean;
  /** A number for everything up to here; `onAck` says it. */
  requestAck(): number;
  /** Without a word. */
  cut(): void;
  close(): void;
  /** Nothing was heard for this long, and something should have been: milliseconds. */
  silentMs(): number;
  ask(): void;
}

export interface LineOptions {
  readonly kind: LineKind;
  /** http://host:port */
  readonly url: string;
  readonly document: string;
  readonly level: AckLevel;
  readonly token: string | null;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly listener: WireListener;
}

export function openLine(options: LineOptions): Line {
  return options.kind === 'library' ? new LibraryLine(options) : new FrameLine(options);
}

class FrameLine implements Line {
  readonly #wire: Wire;

  constructor({ url, document, level, token, doc, awareness, listener }: LineOptions) {
    const address = `${url.replace(/^http/, 'ws')}/${encodeURIComponent(document)}`;
    const access = token === null ? '' : `&token=${encodeURIComponent(token)}`;
    this.#wire = new Wire(`${address}?durability=${level}${access}`, doc, listener, awareness);
  }

  get isSynced(): boolean {
    return this.#wire.isSynced;
  }

  requestAck(): number {
    return this.#wire.requestAck();
  }

  cut(): void {
    this.#wire.cut();
  }

  close(): void {
    this.#wire.close();
  }

  silentMs(): number {
    return performance.now() - this.#wire.lastHeardMs;
  }

  ask(): void {
    this.#wire.requestAck();
  }
}

/** The provider reconnects by itself, always to the same node: a line is one node. */
class LibraryLine implements Line {
  readonly #provider: SynclineProvider;
  readonly #listener: WireListener;
  #sentSeq = 0;
  #ackedSeq = 0;
  #isClosed = false;
  #lastHeardMs = performance.now();

  constructor({ url, document, level, token, doc, awareness, listener }: LineOptions) {
    this.#listener = listener;
    this.#provider = new SynclineProvider(url, document, doc, {
      WebSocketPolyfill: WebSocket,
      awareness,
      transport: 'websocket',
      disableBc: true,
      durability: level,
      ...(token === null ? {} : { token }),
      reconnectDelayMaxMs: 500,
    });
    this.#provider.on('synced', (isSynced) => {
      this.#lastHeardMs = performance.now();
      if (isSynced) listener.onSynced();
    });
    this.#provider.on('closed', ({ closeCode, meaning }) => {
      this.#closed(closeCode, meaning);
      // It will not come back: whoever connects again makes another one.
      this.#provider.destroy();
    });
  }

  get isSynced(): boolean {
    return this.#provider.synced && !this.#isClosed;
  }

  requestAck(): number {
    this.#sentSeq += 1;
    void this.#awaitAck(this.#sentSeq);
    return this.#sentSeq;
  }

  cut(): void {
    this.close();
  }

  close(): void {
    this.#closed(1000, 'closed here');
    this.#provider.destroy();
  }

  silentMs(): number {
    // It looks after itself; what matters is whether it gets anywhere at all.
    return this.#provider.synced ? 0 : performance.now() - this.#lastHeardMs;
  }

  ask(): void {
    // The provider has its own ways.
  }

  async #awaitAck(seq: number): Promise<void> {
    try {
      await this.#provider.whenSaved();
    } catch {
      return; // Closed: nothing was confirmed.
    }
    // Later requests may be confirmed by the same frame: numbers never go back.
    if (this.#isClosed || seq <= this.#ackedSeq) return;
    this.#ackedSeq = seq;
    this.#listener.onAck(seq, this.#sentSeq);
  }

  #closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.onClosed(code, reason);
  }
}
