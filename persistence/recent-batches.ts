/**
 * The batches that LevelDB may still hold in its logs only: kept in memory so that a database that has lost
 * acked commits while this process lives can be given them again. One write buffer's worth.
 */
import type { Batch } from './group-commit.ts';

/** Dropped in large steps: removing from the front of an array costs its length. */
const SLACK = 1.25;

export class RecentBatches {
  readonly #bytesMax: number;
  #batches: Batch[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
    if (this.#bytes <= this.#bytesMax * SLACK) return;
    let dropped = 0;
    while (this.#bytes > this.#bytesMax && dropped < this.#batches.length - 1) {
      this.#bytes -= this.#batches[dropped++]?.bytes ?? 0;
    }
    this.#batches.splice(0, dropped);
  }

  /** The batches after `commit`, in order; null if they are no longer all here. */
  after(commit: number): readonly Batch[] | null {
    const first = this.#batches[0];
    if (first === undefined || first.commit > commit + 1) return null;
    return this.#batches.filter((batch) => batch.commit > commit);
  }
}
