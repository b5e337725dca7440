/**
 * One opening of a LevelDB database: the only file that calls classic-level. Keys and values are bytes; keys
 * are encoded by `keys.ts`. A handle that has failed a write is never written to again; its owner reads from it
 * until it opens the next one.
 */
import { ClassicLevel } from 'classic-level';
import type { Batch } from './group-commit.ts';
import type { KeyRange } from './keys.ts';

type Entry = readonly [key: Buffer, value: Uint8Array];

/** Reads from one consistent point in time. */
export interface Reader {
  get(key: Buffer): Promise<Uint8Array | undefined>;
  /** One way to LevelDB's threads and back for all of them: that way is what a small read costs. */
  getMany(wanted: Buffer[]): Promise<(Uint8Array | undefined)[]>;
  hasMany(wanted: Buffer[]): Promise<boolean[]>;
  entries(range: KeyRange): AsyncIterable<Entry>;
  keys(range: KeyRange): AsyncIterable<Buffer>;
  /** The entry with the highest key. */
  last(range: KeyRange): Promise<Entry | null>;
}

/** Records are read once, when a document opens; LevelDB's default of 8 MiB would cache what is not read again. */
const BLOCK_CACHE_BYTES = 1024 * 1024;

/** Of what one way to the threads brings of a range: entries, bytes. */
const PAGE_ENTRIES = 1_000;
const PAGE_LIMITS = { highWaterMarkBytes: 64 * 1024 } as const;

export interface LevelOptions {
  readonly createIfMissing: boolean;
  /** LevelDB starts a new log when this much was written: bytes. */
  readonly writeBufferSize: number;
}

export class LevelHandle {
  readonly #db: ClassicLevel<Buffer, Uint8Array>;

  constructor(folder: string) {
    this.#db = new ClassicLevel<Buffer, Uint8Array>(folder, {
      keyEncoding: 'buffer',
      valueEncoding: 'view',
    });
  }

  static async open(folder: string, options: LevelOptions): Promise<LevelHandle> {
    const handle = new LevelHandle(folder);
    await handle.#db.open({ ...options, cacheSize: BLOCK_CACHE_BYTES });
    return handle;
  }

  /** Rebuilds CURRENT and MANIFEST from the tables and logs that can be read. Copy the folder first. */
  static repair(folder: string): Promise<void> {
    return ClassicLevel.repair(folder);
  }

  /** Synced, always: LevelDB's "every Nth write synchronous" loses acked writes at log rotation. [I1] */
  write(batch: Batch): Promise<void> {
    // A chained batch costs a fifth of an array of operations, which abstract-level clones one by one.
    const chain = this.#db.batch();
    const { keys, values } = batch;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as Buffer;
      const value = values[i];
      if (value === null || value === undefined) chain.del(key);
      else chain.put(key, value);
    }
    return chain.write({ sync: true });
  }

  /** Runs `read` on a snapshot of the database. */
  async read<T>(read: (reader: Reader) => Promise<T>): Promise<T> {
    const db = this.#db;
    const snapshot = db.snapshot();
    try {
      return await read({
        get: (key) => db.get(key, { snapshot, fillCache: false }),
        getMany: (wanted) => db.getMany(wanted, { snapshot, fillCache: false }),
        hasMany: (wanted) => db.hasMany(wanted, { snapshot }),
        entries: (range) =>
          inPages(db.iterator({ ...range, snapshot, fillCache: false, ...PAGE_LIMITS })),
        keys: (range) => db.keys({ ...range, snapshot, fillCache: false }),
        last: async (range) => {
          const options = { ...range, snapshot, fillCache: false, reverse: true, limit: 1 };
          return (await db.iterator(options).all())[0] ?? null;
        },
      });
    } finally {
      await snapshot.close();
    }
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/** The iterator's own `next` fetches the first entry alone: one way more for ranges that hold one or two. */
async function* inPages<T>(iterator: {
  nextv(size: number): Promise<T[]>;
  close(): Promise<void>;
}): AsyncIterable<T> {
  try {
    for (;;) {
      const page = await iterator.nextv(PAGE_ENTRIES);
      if (page.length === 0) return;
      yield* page;
    }
  } finally {
    await iterator.close();
  }
}
