/**
 * What a session was promised: its own structs and deletions, up to its last ack. Nothing unacked (a node may wait for it in
 * vain) and nothing of others (that they were seen is another promise): what K8's reads must show, and no more.
 */
import * as Y from 'yjs';

interface Extent {
  readonly clock: number;
  /** How many of `#deletes`. */
  readonly deletes: number;
}

/** A server reads 16 KiB of headers. */
const HEADER_CHARS_MAX = 6 * 1024;
const NOTHING: Extent = { clock: 0, deletes: 0 };

export class AckedVersion {
  readonly #doc: Y.Doc;
  /** Client, clock, length, in the order in which they were made here. */
  readonly #deletes: (readonly [number, number, number])[] = [];
  /** What had been sent with each request for an ack on this connection. */
  #requested: (Extent & { readonly seq: number })[] = [];
  #acked: Extent = NOTHING;

  constructor(doc: Y.Doc) {
    this.#doc = doc;
    doc.on('afterTransaction', ({ local, deleteSet }) => {
      if (!local) return;
      for (const [client, ranges] of deleteSet.clients) {
        for (const { clock, len } of ranges) this.#deletes.push([client, clock, len]);
      }
    });
  }

  /** Everything that was done so far has been sent before this request. */
  requested(seq: number): void {
    const clock = Y.getState(this.#doc.store, this.#doc.clientID);
    this.#requested.push({ seq, clock, deletes: this.#deletes.length });
  }

  acked(ackSeq: number): void {
    this.#acked = this.#requested.findLast(({ seq }) => seq <= ackSeq) ?? this.#acked;
    this.#requested = this.#requested.filter(({ seq }) => seq > ackSeq);
  }

  /** The next connection counts anew. */
  disconnected(): void {
    this.#requested = [];
  }

  /** For a REST read; null: nothing was acked, or more was deleted than a header holds. */
  headers(): Readonly<Record<string, string>> | null {
    const { clock, deletes } = this.#acked;
    if (clock === 0) return null;
    const stateVector = Y.encodeStateVector(new Map([[this.#doc.clientID, clock]]));
    const digest = encoded(this.#deletes.slice(0, deletes));
    if (digest.length > HEADER_CHARS_MAX) return null;
    return {
      'X-Min-State-Vector': Buffer.from(stateVector).toString('base64url'),
      ...(deletes === 0 ? {} : { 'X-Min-Delete-Digest': digest }),
    };
  }
}

function encoded(deletes: readonly (readonly [number, number, number])[]): string {
  const set = Y.createDeleteSet();
  for (const [client, clock, len] of deletes) {
    const ranges = set.clients.get(client) ?? [];
    ranges.push({ clock, len });
    set.clients.set(client, ranges);
  }
  // Sorted and merged. A snapshot is the delete set and a state vector; that of nobody is one byte.
  const snapshot = Y.createSnapshot(Y.mergeDeleteSets([set]), new Map());
  return Buffer.from(Y.encodeSnapshot(snapshot).subarray(0, -1)).toString('base64url');
}
