/**
 * A disk with a LevelDB on it, as far as a store can tell the difference: what was synced stays, what was only written
 * may be lost in a power cut, and it fails the way LevelDB 1.20 was seen to fail:
 *
 *   full (ENOSPC)     the append fails and the handle's log goes on at a wrong offset: later writes "succeed", can be
 *                     read back, and are gone when the database is next opened
 *   broken (EIO)      the sync fails: LevelDB refuses every further write of that handle; the batch may be there
 *                     after all when it is opened again, or not
 *
 * A batch is applied whole or not at all (its checksum sees to that), in order, so a legal prefix is a number of
 * batches. Reads take time and then see one moment, as a snapshot does.
 */
import type { Batch } from '../../persistence/group-commit.ts';
import type { KeyRange } from '../../persistence/keys.ts';
import type { Reader } from '../../persistence/level-handle.ts';
import type { Handle, Medium } from '../../persistence/medium.ts';
import { checkContents, Doubts } from '../../persistence/strict-open.ts';
import type { WitnessRecord } from '../../persistence/witness.ts';
import type { Random } from '../support/random.ts';
import { pause, type Timers } from '../../server/rooms/timers.ts';

type Write = Pick<Batch, 'keys' | 'values'>;
type Entry = readonly [key: Buffer, value: Uint8Array];
type Rows = Map<string, Uint8Array>;

/** What survives: rows by key (latin1, so that the order of strings is that of bytes), and the witness file. */
export interface DiskImage {
  readonly rows: ReadonlyMap<string, Uint8Array>;
  readonly witness: WitnessRecord | null;
}

export type DiskState = 'good' | 'full' | 'broken';

export class VirtualDisk {
  state: DiskState = 'good';
  /** Each sync takes this much, times up to two. */
  syncMs = 1;
  /** Reads of this document's rows fail, as on a bad sector; null: none. */
  readsFail = false;
  writes = 0;
  failures = 0;
  readonly #random: Random;
  #rows: Rows = new Map();
  #version = 0;
  #witness: WitnessRecord | null = null;
  /** Written, not yet synced, oldest first. */
  #unsynced: Write[] = [];
  #handle: VirtualHandle | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  /** Changes with everything that is durable. */
  get version(): number {
    return this.#version;
  }

  /** Durable values in order of their keys. */
  rowsIn({ gte, lt }: KeyRange): Uint8Array[] {
    return within(this.#rows, gte, lt).map((key) => this.#rows.get(key) as Uint8Array);
  }

  entriesIn({ gte, lt }: KeyRange): [key: Buffer, value: Uint8Array][] {
    return within(this.#rows, gte, lt).map((key) => [
      Buffer.from(key, 'latin1'),
      this.#rows.get(key) as Uint8Array,
    ]);
  }

  image(): DiskImage {
    return { rows: new Map(this.#rows), witness: this.#witness };
  }

  /** An old backup, or another disk, was put in. The process that used this one must be gone. */
  restore(image: DiskImage): void {
    this.#rows = new Map(image.rows);
    this.#version += 1;
    this.#witness = image.witness;
    this.#unsynced = [];
  }

  wipe(): void {
    this.restore({ rows: new Map(), witness: null });
  }

  /** The process is gone. `power`: the page cache too, but for a random prefix of what was not synced. */
  crash(kind: 'kill' | 'power'): void {
    const kept =
      kind === 'kill' ? this.#unsynced.length : this.#random.below(this.#unsynced.length + 1);
    for (const write of this.#unsynced.slice(0, kept)) this.#apply(write);
    this.#unsynced = [];
    this.#handle?.abandon();
    this.#handle = null;
  }

  /** What the store of one process runs on; its operations end with that process's timers. */
  medium(timers: Timers): Medium {
    return {
      claim: async () => {
        if (this.#handle !== null) throw new Error('two processes use one disk');
        await this.#wait(timers);
        return { release: () => Promise.resolve() };
      },
      open: async (options) => {
        await this.#wait(timers);
        // A file that LevelDB cannot create.
        if (this.state !== 'good') throw this.#error();
        const doubts = new Doubts(options.folder, options.acceptDataLoss);
        const witness = this.#witness;
        this.#handle = new VirtualHandle(this, timers, this.#rows);
        const handle = this.#handle;
        try {
          const found = await handle.read((reader) =>
            checkContents(reader, options, witness, doubts),
          );
          return { handle, ...found, overridden: doubts.overridden };
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      writeWitness: async (_folder, record) => {
        await this.#wait(timers);
        if (this.state !== 'good') throw this.#error();
        this.#witness = record;
      },
      // A log of four megabytes is not filled in a simulation.
      watchRotation: () => ({
        start: () => Promise.resolve(),
        noteBatch: () => true,
        syncAfterRotation: () => Promise.resolve(),
      }),
      probe: async () => {
        await this.#wait(timers);
        if (this.state !== 'good') throw this.#error();
      },
    };
  }

  /** For handles: written into the page cache, then synced. Rejects if it is not certain that it is durable. */
  async write(timers: Timers, write: Write, isHandleLost: boolean): Promise<void> {
    this.writes += 1;
    if (this.state === 'full') {
      this.failures += 1;
      throw this.#error();
    }
    // On a log that goes on at a wrong offset: recovery will not find it.
    if (!isHandleLost) this.#unsynced.push(write);
    await this.#wait(timers);
    const position = this.#unsynced.indexOf(write);
    if (this.state === 'broken') {
      this.failures += 1;
      if (position >= 0) {
        this.#unsynced.splice(position, 1);
        // The pages are marked clean, and may have been written or not.
        if (this.#random.oneIn(2)) this.#apply(write);
      }
      throw this.#error();
    }
    if (position < 0) return;
    for (const synced of this.#unsynced.splice(0, position + 1)) this.#apply(synced);
  }

  async read(timers: Timers): Promise<void> {
    await pause(timers, this.#random.float() * Math.min(this.syncMs, 20));
    if (this.readsFail) {
      this.failures += 1;
      throw Object.assign(new Error('Input/output error'), { code: 'LEVEL_IO_ERROR' });
    }
  }

  close(handle: VirtualHandle): void {
    if (this.#handle === handle) this.#handle = null;
  }

  #apply(write: Write): void {
    this.#version += 1;
    apply(this.#rows, write);
  }

  async #wait(timers: Timers): Promise<void> {
    await pause(timers, this.syncMs * (1 + this.#random.float()));
  }

  #error(): Error {
    return this.state === 'full'
      ? Object.assign(new Error('No space left on device'), { code: 'ENOSPC' })
      : Object.assign(new Error('Input/output error'), { code: 'EIO' });
  }
}

function apply(rows: Rows, { keys, values }: Write): void {
  for (const [index, key] of keys.entries()) {
    const value = values[index];
    const name = key.toString('latin1');
    if (value === null || value === undefined) rows.delete(name);
    // Bytes that were handed over must not be changed afterwards: who does would change the disk too.
    else rows.set(name, value.slice());
  }
}

class VirtualHandle implements Handle {
  readonly #disk: VirtualDisk;
  readonly #timers: Timers;
  /** What this process sees: LevelDB's memtable over the tables. */
  #view: Rows;
  /** After a failed append: what follows it in the log is not found again. */
  #isLogLost = false;
  /** After a failed sync: LevelDB writes no more. */
  #isRefusing = false;
  #isOpen = true;

  constructor(disk: VirtualDisk, timers: Timers, rows: Rows) {
    this.#disk = disk;
    this.#timers = timers;
    this.#view = new Map(rows);
  }

  async write(batch: Batch): Promise<void> {
    this.#assertOpen();
    if (this.#isRefusing) throw new Error('IO error: an earlier sync failed');
    const write = { keys: [...batch.keys], values: [...batch.values] };
    try {
      await this.#disk.write(this.#timers, write, this.#isLogLost);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOSPC') this.#isLogLost = true;
      else this.#isRefusing = true;
      throw error;
    }
    apply(this.#view, write);
  }

  async read<T>(read: (reader: Reader) => Promise<T>): Promise<T> {
    this.#assertOpen();
    await this.#disk.read(this.#timers);
    this.#assertOpen();
    return await read(readerOf(this.#view));
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#disk.close(this);
    await Promise.resolve();
  }

  abandon(): void {
    this.#isOpen = false;
    this.#view = new Map();
  }

  #assertOpen(): void {
    if (!this.#isOpen)
      throw Object.assign(new Error('not open'), { code: 'LEVEL_DATABASE_NOT_OPEN' });
  }
}

function within(rows: ReadonlyMap<string, unknown>, gte: Buffer, lt: Buffer): string[] {
  const from = gte.toString('latin1');
  const to = lt.toString('latin1');
  const found: string[] = [];
  for (const key of rows.keys()) if (key >= from && key < to) found.push(key);
  return found.toSorted();
}

/** What is read is read in one turn, so nothing changes meanwhile. */
function readerOf(rows: ReadonlyMap<string, Uint8Array>): Reader {
  const entryOf = (key: string): Entry => [
    Buffer.from(key, 'latin1'),
    (rows.get(key) as Uint8Array).slice(),
  ];
  return {
    get: async (key) => rows.get(key.toString('latin1'))?.slice(),
    getMany: async (wanted) => wanted.map((key) => rows.get(key.toString('latin1'))?.slice()),
    hasMany: async (wanted) => wanted.map((key) => rows.has(key.toString('latin1'))),
    entries: async function* (range) {
      for (const key of within(rows, range.gte, range.lt)) yield entryOf(key);
    },
    keys: async function* (range) {
      for (const key of within(rows, range.gte, range.lt)) yield Buffer.from(key, 'latin1');
    },
    last: async (range) => {
      const key = within(rows, range.gte, range.lt).at(-1);
      return key === undefined ? null : entryOf(key);
    },
  };
}
