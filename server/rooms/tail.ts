/**
 * The updates of a room since its base, in memory: what joiners and lagging sessions are sent. Kept as
 * segments, merged in levels of 32: `Y.mergeUpdates` over a long list is quadratic (50,000 keystrokes: 33 s),
 * over 32 it costs 1.7 µs an update, over two or eight more than twice that. The disk keeps them one by one; this is a view.
 */
import * as Y from 'yjs';

const MERGE_FACTOR = 32;
/** Segments above this size are left alone: merging them again costs more than sending one frame more. */
const MERGE_BYTES_MAX = 128 * 1024;

export interface Segment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly level: number;
  readonly bytes: Uint8Array;
}

export class Tail {
  #segments: Segment[] = [];
  #bytes = 0;
  #firstSeq: number;

  /** `seq` is the last one that the base contains: everything after it can be asked for. */
  constructor(seq: number) {
    this.#firstSeq = seq;
  }

  /** Bytes in memory; at most what was appended, less where merging saved something. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends one update, or the merge of several, that bring a client from `firstSeq - 1` to `lastSeq`. */
  append(bytes: Uint8Array, firstSeq: number, lastSeq: number): void {
    this.#segments.push({ firstSeq, lastSeq, level: 0, bytes });
    this.#bytes += bytes.byteLength;
    this.#mergeLevels();
  }

  /** The segments that bring a client from `seq` to the end, or null when they are gone into the base. */
  since(seq: number): readonly Segment[] | null {
    if (seq < this.#firstSeq) return null;
    const first = this.#segments.findIndex((segment) => segment.lastSeq > seq);
    return first === -1 ? [] : this.#segments.slice(first);
  }

  /** Forgets what a new base contains. A segment that straddles `seq` stays: sending it again is harmless. */
  dropUpTo(seq: number): void {
    this.#segments = this.#segments.filter((segment) => segment.lastSeq > seq);
    this.#bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes.byteLength, 0);
    this.#firstSeq = Math.max(this.#firstSeq, seq);
  }

  #mergeLevels(): void {
    for (;;) {
      const count = this.#segments.length;
      const last = this.#segments[count - 1];
      const first = this.#segments[count - MERGE_FACTOR];
      if (last === undefined || first === undefined || first.level !== last.level) return;
      const run = this.#segments.slice(count - MERGE_FACTOR);
      const runBytes = run.reduce((sum, segment) => sum + segment.bytes.byteLength, 0);
      if (runBytes > MERGE_BYTES_MAX) return;
      const bytes = Y.mergeUpdates(run.map((segment) => segment.bytes));
      this.#segments.splice(count - MERGE_FACTOR, MERGE_FACTOR, {
        firstSeq: first.firstSeq,
        lastSeq: last.lastSeq,
        level: last.level + 1,
        bytes,
      });
      this.#bytes += bytes.byteLength - runBytes;
    }
  }
}
