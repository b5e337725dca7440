/**
 * The change log on LevelDB: see `ChangeLog` in store.ts. One record a batch, put into the batch when it is sealed,
 * so that an update and the word of it are durable together or not at all. Positions are the numbers of the
 * batches: they increase strictly, survive restarts, and a batch that is written again keeps its own.
 */
import { portionsOf, readLog } from './change-coalescing.ts';
import { writePortions, type DiskAccess } from './compactor.ts';
import type { Batch } from './group-commit.ts';
import type { Reader } from './level-handle.ts';
import { allChanges, changeKey, changesBetween, positionOfChangeKey } from './record-keys.ts';
import * as values from './records.ts';
import type { ChangeLog, ChangeRecord, DocumentChange } from './store.ts';

export interface LevelChangesOptions extends DiskAccess {
  readonly isRecording: boolean;
  readonly bytesMax: number;
  /** The newest batch that is durable. */
  readonly commit: () => number;
  /** @throws StoreError `closed` */
  readonly assertOpen: () => void;
  /** Runs a chore of the store's own; it is tried again when the log grows further. */
  readonly inBackground: (chore: Promise<void>) => void;
}

type Deletion = readonly [key: Buffer, value: null];

export class LevelChanges implements ChangeLog {
  readonly #options: LevelChangesOptions;
  #bytes = 0;
  /** The log is coalesced above this: bytes. */
  #threshold: number;
  #isCoalescing = false;
  /** Trimming and coalescing touch the same records. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LevelChangesOptions) {
    this.#options = options;
    this.#threshold = options.bytesMax;
  }

  get position(): number {
    return this.#options.commit();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** After the folder was opened: how much is there. */
  async start(): Promise<void> {
    this.#bytes = await this.#options.read(async (reader) => {
      let bytes = 0;
      for await (const [key, value] of reader.entries(allChanges))
        bytes += key.length + value.length;
      return bytes;
    });
  }

  /** Puts the word of what a batch changes into it. Before its drafts are turned into checksum records. */
  seal(batch: Batch, atMs: number): void {
    if (!this.#options.isRecording) return;
    const changes: DocumentChange[] = [];
    for (const { owner, isCreating, untold } of batch.drafts) {
      const { name } = owner;
      if (untold === 0) continue;
      if (isCreating) {
        changes.push({ kind: 'created', name });
        owner.changedIn = untold === 1 ? 0 : batch.commit;
        if (untold > 1) changes.push({ kind: 'changed', name });
      } else if (owner.changedIn !== batch.commit) {
        owner.changedIn = batch.commit;
        changes.push({ kind: 'changed', name });
      }
    }
    // After a deletion nothing is appended, so it is the last word.
    changes.push(...batch.changes);
    if (changes.length === 0) return;
    const key = changeKey(batch.commit);
    const value = values.encodeChanges({ atMs, changes });
    batch.put(key, value);
    this.#bytes += key.length + value.length;
    if (this.#bytes <= this.#threshold || this.#isCoalescing) return;
    this.#isCoalescing = true;
    const coalescing = this.#inTurn(() => this.#coalesce()).finally(() => {
      this.#isCoalescing = false;
    });
    this.#options.inBackground(coalescing);
  }

  async note(changes: readonly DocumentChange[]): Promise<void> {
    const { isRecording, committer, assertOpen } = this.#options;
    assertOpen();
    if (!isRecording || changes.length === 0) return;
    const bytes = changes.reduce((sum, { name }) => sum + name.length, 0);
    const batch = committer.reserve(1, bytes);
    batch.changes.push(...changes);
    await batch.durable;
  }

  async read(after: number, limit: number): Promise<readonly ChangeRecord[]> {
    this.#options.assertOpen();
    if (limit <= 0) return [];
    return await this.#options.read((reader) => readChanges(reader, after, limit));
  }

  async trim(upTo: number): Promise<void> {
    this.#options.assertOpen();
    await this.#inTurn(async () => {
      let bytes = 0;
      const doomed = await this.#options.read(async (reader) => {
        const found: Deletion[] = [];
        for await (const [key, value] of reader.entries(changesBetween(-1, upTo))) {
          found.push([key, null]);
          bytes += key.length + value.length;
        }
        return found;
      });
      await writePortions(this.#options.committer, doomed);
      this.#bytes -= bytes;
    });
  }

  async #coalesce(): Promise<void> {
    const { read, committer, bytesMax } = this.#options;
    // One after another: see change-coalescing.ts.
    for (const { operations, freedBytes } of portionsOf(await read(readLog))) {
      await committer.write(operations);
      this.#bytes -= freedBytes;
    }
    // What is left is one entry a document. Doubling it first keeps the work linear in what is logged.
    this.#threshold = Math.max(bytesMax, 2 * this.#bytes);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

async function readChanges(reader: Reader, after: number, limit: number): Promise<ChangeRecord[]> {
  const found: ChangeRecord[] = [];
  for await (const [key, value] of reader.entries(
    changesBetween(after, Number.MAX_SAFE_INTEGER - 1),
  )) {
    const position = positionOfChangeKey(key);
    const record = values.decodeChanges(value);
    found.push({ position, ...(record ?? { atMs: 0, changes: [], isDamaged: true }) });
    if (found.length === limit) break;
  }
  return found;
}
