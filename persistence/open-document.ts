/**
 * What the store keeps in memory of a document between `load` and `release`: its next number, and what its
 * records on disk say. The updates themselves are not kept.
 */
import { crc32 } from 'node:zlib';
import type { DocumentImage } from './document-read.ts';
import type { Batch, DraftOwner, GroupCommit, SumsDraft } from './group-commit.ts';
import * as keys from './keys.ts';
import * as records from './records.ts';
import { StoreError } from './store.ts';

export class OpenDocument implements DraftOwner {
  readonly name: string;
  readonly updatePrefix: Buffer;
  readonly sumsPrefix: Buffer;
  base: records.BaseRecord | null;
  skips: Map<number, number>;
  /** The first number that may be deleted when a compaction replaces the tail. */
  tailStart: number;
  nextSeq: number;
  /** Its index record and y-leveldb's are on disk, or queued. */
  isListed: boolean;
  isDeleted = false;
  isReleased = false;
  /** For the index record of a new document; null: the time of its first append. */
  createdAtMs: number | null = null;
  draft: SumsDraft | null = null;
  updatedAtMs: number | null;
  changedIn = 0;
  /** Resolves when everything that was queued for this document so far is durable. */
  settled: Promise<void> = Promise.resolve();
  /** Compactions, quarantines and deletion of one document run one after another. */
  turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, image: DocumentImage) {
    this.name = name;
    this.updatePrefix = keys.updateKeyPrefix(name);
    this.sumsPrefix = keys.sumsKeyPrefix(name);
    this.base = image.base;
    this.skips = image.skips;
    this.tailStart = image.tailStart;
    this.nextSeq = image.lastSeq + 1;
    this.updatedAtMs = image.updatedAtMs;
    this.isListed = image.isListed && image.record !== null;
  }

  /** Queues one update; returns its number and the batch it is in. The hot path: no closures, no promises. */
  append(
    committer: GroupCommit,
    update: Uint8Array,
    nowMs: () => number,
    isTold: boolean,
  ): { seq: number; batch: Batch } {
    const seq = this.takeSeqs(1);
    const isFirst = !this.isListed;
    const batch = committer.reserve(1, this.updatePrefix.length + update.length);
    batch.put(keys.updateKey(this.updatePrefix, seq), update);
    if (isFirst) this.#enlist(batch, this.createdAtMs ?? nowMs());
    let draft = this.draft;
    if (draft === null || draft.batch !== batch || draft.firstSeq + draft.crcs.length !== seq) {
      const isCreating = isFirst && !isTold;
      draft = { batch, firstSeq: seq, crcs: [], isCreating, untold: 0, owner: this };
      this.draft = draft;
      batch.drafts.push(draft);
    }
    draft.crcs.push(crc32(update));
    if (!isTold) draft.untold += 1;
    this.settled = batch.durable;
    return { seq, batch };
  }

  /** Runs `work` after what was begun before it, whether that failed or not. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when nothing of this document is queued or being worked on. */
  async whenSettled(): Promise<void> {
    for (let turn: Promise<unknown> | null = null; turn !== this.turn;) {
      turn = this.turn;
      await turn;
    }
    let settled: Promise<void> | null = null;
    while (settled !== this.settled) {
      settled = this.settled;
      await settled.catch(() => undefined);
    }
  }

  takeSeqs(count: number): number {
    const first = this.nextSeq;
    if (first + count - 1 > keys.SEQ_MAX) {
      throw new StoreError(
        'write-failed',
        `document ${JSON.stringify(this.name)} has used up its 2^32 update numbers: export and import it`,
      );
    }
    this.nextSeq = first + count;
    return first;
  }

  #enlist(batch: Batch, createdAtMs: number): void {
    this.isListed = true;
    batch.put(keys.nameKey(this.name), records.encodeDocument({ createdAtMs, deletedAtMs: null }));
    batch.put(keys.stateVectorKey(this.name), records.ourStateVector);
  }
}

/** Turns the drafts of a batch into records. */
export function sealSums(batch: Batch, atMs: number): void {
  for (const { owner, firstSeq, crcs } of batch.drafts) {
    batch.put(keys.updateKey(owner.sumsPrefix, firstSeq), records.encodeSums(crcs, atMs));
    owner.draft = null;
    owner.updatedAtMs = atMs;
  }
  batch.drafts.length = 0;
}
