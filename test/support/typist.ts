/**
 * Somebody who types at a steady pace and has every edit acked, and a neighbour on the same node who reads along: how
 * long it takes until an edit is durable, and until it is seen.
 */
import type * as Y from 'yjs';
import type { SyncClient } from './sync-client.ts';

export interface TypistOptions {
  readonly writer: SyncClient;
  /** Sees the same document on the same node. */
  readonly neighbour: SyncClient;
  readonly everyMs: number;
}

/** Milliseconds, of what was typed in some span of time. */
export interface Pace {
  readonly edits: number;
  /** From the edit to its ack. */
  readonly acked: Percentiles;
  /** From the edit to the neighbour's screen. */
  readonly seen: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

export class Typist {
  readonly #options: TypistOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #unacked: { readonly version: number; readonly atMs: number }[] = [];
  readonly #unseen: { readonly length: number; readonly atMs: number }[] = [];
  #acked: number[] = [];
  #seen: number[] = [];
  #length = 0;

  /** Begins at once; both clients are synced, the document is empty. */
  constructor(options: TypistOptions) {
    this.#options = options;
    const { writer, neighbour, everyMs } = options;
    writer.socket.on('message', () => {
      const nowMs = performance.now();
      for (;;) {
        const [first] = this.#unacked;
        if (first === undefined || first.version > writer.ackedVersion) return;
        this.#unacked.shift();
        this.#acked.push(nowMs - first.atMs);
      }
    });
    neighbour.doc.on('update', () => {
      const nowMs = performance.now();
      const { length } = this.#text(neighbour);
      for (;;) {
        const [first] = this.#unseen;
        if (first === undefined || first.length > length) return;
        this.#unseen.shift();
        this.#seen.push(nowMs - first.atMs);
      }
    });
    this.#timer = setInterval(() => {
      this.#type();
    }, everyMs);
  }

  /** Edits that nobody has acked yet. */
  get unackedCount(): number {
    return this.#unacked.length;
  }

  /** Since the last time, or the start. */
  pace(): Pace {
    const [acked, seen] = [this.#acked, this.#seen];
    this.#acked = [];
    this.#seen = [];
    return { edits: acked.length, acked: percentiles(acked), seen: percentiles(seen) };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #type(): void {
    const { writer } = this.#options;
    const atMs = performance.now();
    this.#length += 1;
    this.#text(writer).insert(this.#length - 1, 'x');
    this.#unacked.push({ version: writer.requestAck(), atMs });
    this.#unseen.push({ length: this.#length, atMs });
  }

  /** A root of its own: others may write elsewhere in the document. */
  #text({ doc }: SyncClient): Y.Text {
    return doc.getText(`typed by ${this.#options.writer.doc.clientID}`);
  }
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
