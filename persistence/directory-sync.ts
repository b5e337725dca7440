/**
 * Two questions to the file system that LevelDB does not ask.
 *
 * Has LevelDB begun a new log? It syncs the directory only together with the MANIFEST, so the name of a new log
 * may not be durable when the first write to it is. The directory is then synced before that write is acked.
 *
 * Is there space again? A synced file of the size that a reopen will need says so; `statfs` does not know about
 * quotas and reservations.
 */
import { statSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './witness.ts';

const PROBE_FILE = 'syncline.probe';

/** Kernels stamp changes with a clock that ticks every 1–10 ms: a stamp younger than this may hide a later change. */
const STAMP_SETTLED_MS = 50;

/** Upper bound of what an entry costs in LevelDB's memtable beside key and value: bytes. */
const ENTRY_OVERHEAD_BYTES = 64;

export class DirectorySync {
  readonly #folder: string;
  readonly #writeBufferSize: number;
  #written = 0;
  #lastLog = '';
  /** When the directory had last changed when it was last read; null if it may have changed in the same tick. */
  #lastStampMs: number | null = null;

  constructor(folder: string, writeBufferSize: number) {
    this.#folder = folder;
    this.#writeBufferSize = writeBufferSize;
  }

  /** After an open: LevelDB has begun a log of its own accord. */
  async start(): Promise<void> {
    this.#lastLog = await this.#findLog();
    await syncDirectory(this.#folder);
  }

  /** True while a new log cannot have begun: the common case, decided without a system call. */
  noteBatch(bytes: number, records: number): boolean {
    this.#written += bytes + records * ENTRY_OVERHEAD_BYTES;
    // LevelDB rotates when its arena has grown past the buffer size; up to a quarter of the arena is waste.
    return this.#written < this.#writeBufferSize / 2;
  }

  /** @throws what the file system does: then the batch is not durable yet */
  async syncAfterRotation(): Promise<void> {
    // A `stat` costs 3 µs, reading the directory 150 µs, and half of all batches of a busy node come here.
    if (this.#lastStampMs !== null && this.#stampMs() === this.#lastStampMs) return;
    const log = await this.#findLog();
    if (log === this.#lastLog) return;
    await syncDirectory(this.#folder);
    this.#lastLog = log;
    this.#written = 0;
  }

  #stampMs(): number {
    return statSync(this.#folder).mtimeMs;
  }

  async #findLog(): Promise<string> {
    // Before reading: what changes while it is read is seen by the next look.
    const stampMs = this.#stampMs();
    this.#lastStampMs = Date.now() - stampMs > STAMP_SETTLED_MS ? stampMs : null;
    const logs = (await readdir(this.#folder)).filter((name) => /^\d+\.log$/.test(name));
    return logs.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1) ?? '';
  }
}

/** Resolves if `bytes` can be written and synced in the folder; leaves nothing behind. */
export async function probeSpace(folder: string, bytes: number): Promise<void> {
  const path = join(folder, PROBE_FILE);
  try {
    const handle = await open(path, 'w');
    try {
      // Real bytes: a sparse file would be granted on a full disk.
      const block = Buffer.alloc(64 * 1024, 0x5a);
      for (let left = bytes; left > 0; left -= block.length) {
        await handle.writeFile(left < block.length ? block.subarray(0, left) : block);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}
