/**
 * Deletion of documents. The tombstone comes first, and with it a word that records are still to be removed, which goes with
 * the last of them: a crash in the middle, or a disk that fails, leaves nothing behind for longer than until the next start.
 */
import { writePortions, type DiskAccess } from './compactor.ts';
import * as keys from './keys.ts';
import type { Reader } from './level-handle.ts';
import { recordsOfDocument } from './record-keys.ts';
import * as records from './records.ts';

type Operation = readonly [key: Buffer, value: Uint8Array | null];

const NOTHING = new Uint8Array(0);

export class Deletions {
  readonly #access: (name: string | null) => DiskAccess;
  readonly #running = new Set<string>();
  /** That have ended. */
  #count = 0;

  constructor(access: (name: string | null) => DiskAccess) {
    this.#access = access;
  }

  get count(): number {
    return this.#count;
  }

  isRunning(name: string): boolean {
    return this.#running.has(name);
  }

  /**
   * `prepare`: what has to end first; from the call on the document is being deleted. It is when this resolves, also if what
   * lies behind the tombstone could not be removed yet.
   */
  async run(name: string, prepare: () => Promise<Deletion>): Promise<void> {
    this.#running.add(name);
    const access = this.#access(name);
    try {
      await writeTombstone(access, name, await prepare());
      await removeRecords(access, name).catch(() => undefined);
    } finally {
      this.#count += 1;
      this.#running.delete(name);
    }
  }

  /** Deleted is deleted, also if nobody ever asks for the document again. */
  async finishAll(): Promise<void> {
    for (const name of await this.#access(null).read(unfinishedDeletions)) await this.finish(name);
  }

  /** There is a tombstone: removes what lies behind it. */
  async finish(name: string): Promise<void> {
    if (this.#running.has(name)) return;
    this.#running.add(name);
    try {
      await removeRecords(this.#access(name), name);
    } finally {
      this.#running.delete(name);
    }
  }
}

export interface Deletion {
  readonly deletedAtMs: number;
  readonly hasBeenStored: boolean;
  /** The change log says nothing of it. */
  readonly isTold: boolean;
}

async function writeTombstone(
  { committer, read }: DiskAccess,
  name: string,
  { deletedAtMs, hasBeenStored, isTold }: Deletion,
): Promise<void> {
  // A disk that can't be read can be written: people have been told already that the document is gone.
  const known = await read((reader) => reader.get(keys.nameKey(name))).then(
    (value) => (value === undefined ? null : records.decodeDocument(value)),
    () => 'unreadable' as const,
  );
  const isReadable = known !== 'unreadable';
  const createdAtMs = isReadable ? (known?.createdAtMs ?? null) : null;
  // A name that never was a document, or no longer is one, gets its tombstone without a word.
  const isChange = hasBeenStored || !isReadable || (known !== null && known.deletedAtMs === null);
  await committer.write(
    [
      [keys.nameKey(name), records.encodeDocument({ createdAtMs, deletedAtMs })],
      [keys.stateVectorKey(name), null],
      [keys.deletionKey(name), NOTHING],
    ],
    isChange && !isTold ? { kind: 'deleted', name } : undefined,
  );
}

/** Deletions that a crash, or a disk that failed, has left in the middle. */
async function unfinishedDeletions(reader: Reader): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const key of reader.keys(keys.deletionRange)) names.push(keys.nameOfDeletionKey(key));
  return names;
}

/** Everything of a document but its index record. Quarantined updates go too: deleted means deleted. */
async function removeRecords({ committer, read }: DiskAccess, name: string): Promise<void> {
  const doomed = await read(async (reader) => {
    const found: Operation[] = [];
    const index = await reader.get(keys.nameKey(name));
    // Whatever has brought it back: what is there is not to be removed.
    const isBack = index !== undefined && records.decodeDocument(index)?.deletedAtMs === null;
    if (isBack) return [[keys.deletionKey(name), null] as const];
    const ranges = [
      keys.documentRange(name),
      keys.recordRange('sums', name),
      keys.recordRange('quarantine', name),
      recordsOfDocument(name),
    ];
    for (const range of ranges) {
      for await (const key of reader.keys(range)) found.push([key, null]);
    }
    for (const key of [keys.recordKey('base', name), keys.recordKey('skips', name)]) {
      if ((await reader.get(key)) !== undefined) found.push([key, null]);
    }
    found.push([keys.deletionKey(name), null]); // the last
    return found;
  });
  await writePortions(committer, doomed);
}
