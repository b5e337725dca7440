/**
 * Which acknowledgements of one session wait for which sequence number of its room. Pure bookkeeping:
 * numbers, never booleans, so that an update that arrives while a batch is in flight cannot be acked by it. [I1]
 *
 * Payloads are cumulative (the client takes the highest it has seen), therefore the newest one that is
 * covered stands for all before it, and the queue may merge entries when it is full.
 */
const ENTRIES_MAX = 256;

interface Waiting {
  seq: number;
  /** What of it another region must have; -1: nothing. */
  chainSeq: number;
  payload: Uint8Array;
  /** When the client asked; of merged requests the first. */
  readonly askedMs: number;
}

export class AckQueue {
  #waiting: Waiting[] = [];
  #held: { payload: Uint8Array; readonly askedMs: number } | null = null;
  #isHolding = true;
  #lastDurable: Uint8Array | null = null;
  #askedMs = 0;
  #coveredSeq = -1;

  /** True while acks wait for the session's SyncStep2: it may bring edits made before the request. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#held !== null;
  }

  /** The payload sent last; repeating it tells an impatient client that the connection lives. */
  get lastDurable(): Uint8Array | null {
    return this.#lastDurable;
  }

  /** Of the room: what the last ack has covered. */
  get coveredSeq(): number {
    return this.#coveredSeq;
  }

  /** When the oldest request was made that the last ack has answered: of the clock that is passed to `request`. */
  get askedMs(): number {
    return this.#askedMs;
  }

  /**
   * A client asks to be told when everything it sent so far is durable; `seq` is the room's applied one, `chainSeq` the
   * newest update of it that must be in another region (see replication.ts).
   */
  request(payload: Uint8Array, seq: number, chainSeq: number = -1, askedMs: number = 0): void {
    if (this.#isHolding) {
      this.#held = { payload, askedMs: this.#held?.askedMs ?? askedMs };
      return;
    }
    const last = this.#waiting.at(-1);
    if (last !== undefined && (last.seq === seq || this.#waiting.length >= ENTRIES_MAX)) {
      last.seq = seq;
      last.chainSeq = chainSeq;
      last.payload = payload;
      return;
    }
    this.#waiting.push({ seq, chainSeq, payload, askedMs });
  }

  /** From now on requests wait for `release`: something that the client sent before them is still missing. */
  hold(): void {
    this.#isHolding = true;
  }

  /** What was missing has been applied, at `seq` at the latest. */
  release(seq: number, chainSeq: number = -1): void {
    this.#isHolding = false;
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.request(held.payload, seq, chainSeq, held.askedMs);
  }

  /** The newest payload that is covered by both marks, or null when there is nothing new to say. */
  takeDurable(durableSeq: number, chainSeq: number = Infinity): Uint8Array | null {
    let covered = 0;
    for (const waiting of this.#waiting) {
      if (waiting.seq > durableSeq || waiting.chainSeq > chainSeq) break;
      covered += 1;
    }
    const newest = this.#waiting[covered - 1];
    if (newest === undefined) return null;
    this.#askedMs = this.#waiting[0]?.askedMs ?? 0;
    this.#waiting.splice(0, covered);
    this.#coveredSeq = newest.seq;
    this.#lastDurable = newest.payload;
    return newest.payload;
  }
}
