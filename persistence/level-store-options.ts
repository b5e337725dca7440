/** What a LevelDB store can be told, and what it does untold. */
import type { StoreClock } from './clock.ts';
import type { Sabotage } from './database.ts';
import type { Medium } from './medium.ts';
import type { StoreObserver } from './store.ts';

export interface LevelStoreOptions {
  readonly folder: string;
  readonly observer?: StoreObserver;
  readonly clock?: StoreClock;
  /** Instead of LevelDB in `folder`: for the simulation. */
  readonly medium?: Medium;
  /** Instead of random UUIDs. */
  readonly newId?: () => string;
  /** Least time between the starts of two commits; the first after a pause starts at once. */
  readonly commitIntervalMs?: number;
  /** `isFull` above this: bytes. */
  readonly queueBytesMax?: number;
  readonly batchBytesMax?: number;
  readonly batchRecordsMax?: number;
  /** LevelDB begins a new log when this much was written: bytes. */
  readonly writeBufferSize?: number;
  /** Keeps the change log. Without, it is neither written nor cleared. */
  readonly recordsChanges?: boolean;
  /** The change log is coalesced above this: bytes. */
  readonly changesBytesMax?: number;
  /** Opens a folder that would be refused. What is missing stays missing. */
  readonly acceptDataLoss?: boolean;
  /** Only for the tests that prove that they would notice. */
  readonly sabotage?: Sabotage;
}

export const DEFAULTS: Required<
  Pick<
    LevelStoreOptions,
    | 'commitIntervalMs'
    | 'queueBytesMax'
    | 'batchBytesMax'
    | 'batchRecordsMax'
    | 'writeBufferSize'
    | 'recordsChanges'
    | 'changesBytesMax'
  >
> = {
  /**
   * A commit costs 0.05 ms of the event loop and 0.1 ms of CPU in all, whatever is in it: at 2,000 updates/s
   * one after another that is a fifth of a core. Four milliseconds (250 commits/s) make it a fortieth, and stay
   * far below the 16 ms that a busy room's flush may take.
   */
  commitIntervalMs: 8,
  queueBytesMax: 16 * 1024 * 1024,
  batchBytesMax: 1024 * 1024,
  batchRecordsMax: 512,
  writeBufferSize: 4 * 1024 * 1024,
  recordsChanges: false,
  changesBytesMax: 16 * 1024 * 1024,
};
