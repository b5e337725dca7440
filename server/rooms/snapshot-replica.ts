/**
 * A node's snapshots as other nodes see them, and theirs on their way in: what is known of a document's, their states in
 * slices, one of another node taken, those that were deleted elsewhere deleted here. See fanout/snapshot-sync.ts.
 *
 * What comes from another node is looked at before it is kept: a state that does not unpack to what was said of it, or is no
 * whole document, is not taken. How many a document may have is no reason to refuse one: who made it has asked there.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Gzip } from './gzip.ts';
import type { Slice, SnapshotInfo, SnapshotList, SnapshotRecords } from './snapshot-records.ts';
import type { Turns } from './turns.ts';
import { judge } from './updates/check.ts';
import { Version } from './updates/version.ts';
import type { WorkerPool } from './workers/worker-pool.ts';

/** A little longer than what it holds, when nothing in it can be made shorter. */
const GZIPPED_RATIO_MAX = 1.01;
const GZIPPED_BYTES_MIN = 1_024;

/** `deleted`: here, while it was on its way. `refused`: it is not what it is said to be. */
export type Adoption = 'taken' | 'deleted' | 'refused';

export interface SnapshotReplicaOptions {
  readonly records: SnapshotRecords;
  readonly turns: Turns;
  readonly workers: Pick<WorkerPool, 'scan'>;
  readonly gzip: Gzip;
  /** Of one snapshot's state, uncompressed. */
  readonly stateBytesMax: number;
}

export class SnapshotReplica {
  readonly #options: SnapshotReplicaOptions;
  /** A snapshot of the document was made or deleted here: durable by now. Set by whoever tells others. */
  onChanged: (document: DocumentName) => void = () => undefined;

  constructor(options: SnapshotReplicaOptions) {
    this.#options = options;
  }

  /** Those that have or had snapshots. @throws StoreError */
  documents(): AsyncIterable<DocumentName> {
    return this.#options.records.documents();
  }

  /** @throws StoreError */
  async known(document: DocumentName): Promise<SnapshotList> {
    return await this.#options.records.known(document);
  }

  /** Of the state as it is stored, gzipped. Null: there is no such snapshot. @throws StoreError */
  async slice(
    document: DocumentName,
    id: string,
    offset: number,
    bytesMax: number,
  ): Promise<Slice | null> {
    return await this.#options.records.slice(document, id, offset, bytesMax);
  }

  /** How many bytes the state of such a snapshot may take, gzipped; 0: it is not taken. */
  bytesMaxOf({ bytes }: SnapshotInfo): number {
    if (bytes > this.#options.stateBytesMax) return 0;
    return GZIPPED_BYTES_MIN + Math.ceil(bytes * GZIPPED_RATIO_MAX);
  }

  /**
   * Takes one of another node; durable when it resolves.
   * @throws StoreError `document-deleted`, …; WorkerError
   */
  async adopt(document: DocumentName, info: SnapshotInfo, gzipped: Uint8Array): Promise<Adoption> {
    if (!(await this.#isWhole(info, gzipped))) return 'refused';
    return await this.#options.turns.take(document, async () => {
      const { deleted } = await this.known(document);
      if (deleted.includes(info.id)) return 'deleted';
      await this.#options.records.write(document, info, gzipped);
      return 'taken';
    });
  }

  /** Deletes what was deleted elsewhere; durable when it resolves. @throws StoreError */
  async bury(document: DocumentName, ids: readonly string[]): Promise<void> {
    await this.#options.turns.take(document, () => this.#options.records.bury(document, ids));
  }

  async #isWhole({ bytes }: SnapshotInfo, gzipped: Uint8Array): Promise<boolean> {
    const { gzip, workers } = this.#options;
    const state = await gzip.unpack(gzipped, bytes);
    if (state?.length !== bytes) return false;
    const verdict = judge(await workers.scan(state, 'stored'), new Version());
    return verdict.kind === 'new' || verdict.kind === 'redundant';
  }
}
