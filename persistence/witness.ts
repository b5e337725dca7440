/**
 * The witness: a small file beside the database that says which store this folder holds and which commit was
 * the last one. LevelDB opens a folder whose log was lost without a word; a database whose own commit counter
 * is behind the witness has lost acked commits. Written at most once a second, so it bounds what can go
 * unnoticed. It is also the marker: where it lies, no empty database may be created.
 *
 * Its name is one that LevelDB does not parse, so LevelDB never deletes it.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreClock } from './clock.ts';

export interface WitnessRecord {
  readonly storeId: string;
  /** New at every open. */
  readonly epoch: string;
  readonly commit: number;
}

export const WITNESS_FILE = 'syncline.json';
const INTERVAL_MS = 1_000;
const FORMAT = 'syncline-witness-1';

/** Null: there is none. @throws if it is there and cannot be read as a witness */
export async function readWitness(folder: string): Promise<WitnessRecord | null> {
  let text: string;
  try {
    text = await readFile(join(folder, WITNESS_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value = JSON.parse(text) as Partial<WitnessRecord & { format: string }>;
  const { format, storeId, epoch, commit } = value;
  if (format !== FORMAT || typeof storeId !== 'string' || typeof epoch !== 'string') {
    throw new Error(`its format is ${JSON.stringify(format)}, not ${JSON.stringify(FORMAT)}`);
  }
  if (typeof commit !== 'number' || !Number.isSafeInteger(commit) || commit < 0) {
    throw new Error('its commit number is damaged');
  }
  return { storeId, epoch, commit };
}

export async function syncDirectory(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces the file, so that after a crash either the old one or the new one is there. */
export async function writeWitness(folder: string, record: WitnessRecord): Promise<void> {
  const path = join(folder, WITNESS_FILE);
  const handle = await open(`${path}.new`, 'w');
  try {
    await handle.writeFile(`${JSON.stringify({ format: FORMAT, ...record })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
  await syncDirectory(folder);
}

export class Witness {
  readonly #save: (record: WitnessRecord) => Promise<void>;
  readonly #clock: StoreClock;
  readonly #identity: { readonly storeId: string; readonly epoch: string };
  #commit: number;
  #written: number;
  #timer: unknown = null;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    clock: StoreClock,
    record: WitnessRecord,
    save: (record: WitnessRecord) => Promise<void>,
  ) {
    this.#save = save;
    this.#clock = clock;
    this.#identity = { storeId: record.storeId, epoch: record.epoch };
    this.#commit = record.commit;
    this.#written = record.commit;
  }

  /** Tells the number of a commit that is durable. Cheap: one timer a second while there are any. */
  saw(commit: number): void {
    this.#commit = commit;
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      void this.#write();
    }, INTERVAL_MS);
  }

  /** Writes what is known so far, then stops. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    await this.#write();
  }

  /** A full disk must not kill anything: the old witness stays, and is merely less recent. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const commit = this.#commit;
      if (commit === this.#written) return;
      try {
        await this.#save({ ...this.#identity, commit });
        this.#written = commit;
      } catch {
        if (!this.#isClosed) this.saw(this.#commit);
      }
    });
    return this.#writing;
  }
}
