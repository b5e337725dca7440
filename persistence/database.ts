/**
 * One LevelDB folder over many openings. It owns the handle, and what must happen when a write fails:
 *
 *   open ── write error ──► failed ── probe ok, close, reopen, check, restore ──► open
 *                             └── not yet: the caller waits and asks again
 *
 * Fail-stop: after any write error the handle is not written to again. LevelDB goes on at a wrong offset after
 * a failed append: the next 500 synced puts "succeeded" and were gone after a restart. The poisoned handle
 * stays open for reads until a reopen is likely to succeed, which a synced probe file of the right size tells.
 * An fsync is never retried: after a failure the kernel marks the pages clean.
 *
 * After a reopen everything that was acked must be there. The last batches are kept in memory and written
 * again if the database has lost them. [I1] [I5]
 */
import type { StoreClock } from './clock.ts';
import type { FolderLock } from './folder-lock.ts';
import { Batch } from './group-commit.ts';
import * as keys from './keys.ts';
import type { Reader } from './level-handle.ts';
import type { Handle, Medium, RotationWatch } from './medium.ts';
import { RecentBatches } from './recent-batches.ts';
import { StoreError } from './store.ts';
import { storeRecord, type StrictOpenResult } from './strict-open.ts';
import { Witness } from './witness.ts';

export interface DatabaseOptions {
  readonly folder: string;
  readonly medium: Medium;
  readonly clock: StoreClock;
  readonly writeBufferSize: number;
  readonly acceptDataLoss: boolean;
  readonly sabotage: Sabotage;
  readonly newId: () => string;
}

/**
 * Broken on purpose. Exists only so that the durability tests can prove that they would notice: each of these
 * must make them fail. Never set it outside tests.
 */
export interface Sabotage {
  /** Confirms a batch before it was written. */
  readonly ackBeforeBatch?: true;
  /** Goes on with the same handle after a failed write. */
  readonly skipReopen?: true;
}

export class Database {
  readonly #options: DatabaseOptions;
  readonly #recent: RecentBatches;
  readonly #directory: RotationWatch;
  #lock: FolderLock | null = null;
  #handle: Handle | null = null;
  #reopening: Promise<void> | null = null;
  #witness: Witness | null = null;
  #storeId = '';
  /** Of the last batch that was confirmed. */
  #commit = 0;
  #hasFailed = false;
  #isClosed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#recent = new RecentBatches(options.writeBufferSize);
    this.#directory = options.medium.watchRotation(options.folder, options.writeBufferSize);
  }

  get commit(): number {
    return this.#commit;
  }

  /** @throws StoreError `locked`, `refused` */
  async open(): Promise<StrictOpenResult> {
    const { folder, medium, clock } = this.#options;
    this.#lock = await medium.claim(folder);
    try {
      const opened = await medium.open(this.#options);
      this.#handle = opened.handle;
      this.#commit = opened.witness.commit;
      this.#storeId = opened.witness.storeId;
      await this.#directory.start();
      // The marker goes before the store record: a database with the record has had a marker.
      await medium.writeWitness(folder, opened.witness);
      this.#witness = new Witness(clock, opened.witness, (record) =>
        medium.writeWitness(folder, record),
      );
      // The first write of every opening shows that the folder can be written to at all.
      const batch = new Batch();
      this.seal(batch);
      await this.write(batch);
      return opened;
    } catch (error) {
      await this.close();
      if (error instanceof StoreError) throw error;
      throw new StoreError('refused', `data folder ${folder}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Gives a batch its number, in the order of writing. */
  seal(batch: Batch): void {
    batch.commit = this.#commit + 1;
    batch.put(keys.storeKey, storeRecord(this.#storeId, batch.commit));
  }

  /** Resolves when the batch is durable. After a rejection nothing is written until `reopen` has resolved. */
  async write(batch: Batch): Promise<void> {
    const handle = this.#handle;
    if (handle === null || this.#hasFailed) {
      throw new StoreError('write-failed', 'the database waits to be opened again');
    }
    try {
      const { sabotage } = this.#options;
      if (sabotage.ackBeforeBatch === true) {
        // Late enough that a kill at the moment of the ack comes first: a page cache survives `kill -9`.
        setTimeout(() => void handle.write(batch).catch(() => undefined), 50);
      } else {
        await handle.write(batch);
      }
      const isSameLog = this.#directory.noteBatch(batch.payloadBytes, batch.keys.length);
      if (!isSameLog) await this.#directory.syncAfterRotation();
    } catch (error) {
      this.#hasFailed = this.#options.sabotage.skipReopen !== true;
      throw error;
    }
    this.#commit = batch.commit;
    this.#recent.add(batch);
    this.#witness?.saw(batch.commit);
  }

  /**
   * Closes the failed handle and opens the folder again, with all checks.
   * @throws if that is not possible yet; the old handle then still serves reads, if nothing was closed
   */
  async reopen(pendingBytes: number): Promise<void> {
    if (!this.#hasFailed) return;
    const { folder, medium } = this.#options;
    await medium.probe(folder, pendingBytes);
    if (this.#isClosed) return;
    let done!: () => void;
    this.#reopening = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await this.#handle?.close();
      this.#handle = null;
      const opened = await medium.open({
        ...this.#options,
        acceptDataLoss: false,
        isReopen: true,
      });
      try {
        await this.#directory.start();
        await this.#restore(opened);
      } catch (error) {
        await opened.handle.close();
        throw error;
      }
      this.#handle = opened.handle;
      this.#hasFailed = false;
    } finally {
      this.#reopening = null;
      done();
    }
  }

  /** Writes again what was acked and is gone: a disk that lied about an fsync. */
  async #restore({ handle, commit }: StrictOpenResult): Promise<void> {
    if (commit >= this.#commit) return;
    const lost = this.#recent.after(commit);
    if (lost === null) {
      throw new StoreError(
        'write-failed',
        `data folder ${this.#options.folder} ends at commit ${commit}, but ${this.#commit} was acknowledged, ` +
          'and what is missing is no longer in memory',
      );
    }
    for (const batch of lost) await handle.write(batch);
  }

  /** Runs `read` on a snapshot. Waits while the database is being opened again. */
  async read<T>(read: (reader: Reader) => Promise<T>): Promise<T> {
    while (this.#reopening !== null) await this.#reopening;
    const handle = this.#handle;
    if (handle === null) {
      throw new StoreError('read-failed', 'the database could not be opened again yet');
    }
    return await handle.read(read);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#reopening !== null) await this.#reopening;
    const handle = this.#handle;
    this.#handle = null;
    try {
      await handle?.close();
      await this.#witness?.close();
    } finally {
      await this.#lock?.release();
      this.#lock = null;
    }
  }
}
