/**
 * What a database asks of what it lies on, and all of it: a claim, strict opens, the witness, the word of the
 * directory, a probe for space. In use that is a folder with LevelDB in it (level-medium.ts); the simulation brings a
 * disk of its own, which loses what was not synced, so that everything above this line is what really runs.
 */
import type { FolderLock } from './folder-lock.ts';
import type { Batch } from './group-commit.ts';
import type { Reader } from './level-handle.ts';
import type { StrictOpenOptions, StrictOpenResult } from './strict-open.ts';
import type { WitnessRecord } from './witness.ts';

/** One opening. After a write has failed it is read from, and never written to again. */
export interface Handle {
  /** Resolves when the batch was synced. [I1] */
  write(batch: Batch): Promise<void>;
  /** Runs `read` on a snapshot. */
  read<T>(read: (reader: Reader) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** See directory-sync.ts. */
export interface RotationWatch {
  start(): Promise<void>;
  noteBatch(bytes: number, records: number): boolean;
  syncAfterRotation(): Promise<void>;
}

export interface Medium {
  /** For this process alone; makes the folder if there is none. @throws StoreError `locked`, `refused` */
  claim(folder: string): Promise<FolderLock>;
  /** @throws StoreError `refused` */
  open(options: StrictOpenOptions): Promise<StrictOpenResult>;
  writeWitness(folder: string, record: WitnessRecord): Promise<void>;
  watchRotation(folder: string, writeBufferSize: number): RotationWatch;
  /** Resolves if a reopen with so much to write is likely to succeed: bytes. */
  probe(folder: string, pendingBytes: number): Promise<void>;
}
