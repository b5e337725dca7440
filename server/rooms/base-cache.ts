/**
 * The bases in memory: a byte-bounded LRU shared by all rooms of a node, with the frames made from them.
 * A base is read from the store once for all who ask at the same time, framed once per wire, and never decoded.
 * It stays for joiners that come in a wave, not for good: one that a single joiner reads is let go with that
 * joiner, one that a second asks for meanwhile is kept a while. A node that opens many documents once each
 * would otherwise hold them all (100 documents of 300 KB: 25 MB that the allocator never gave back).
 */
import { LRUCache } from 'lru-cache';
import type { BaseInfo, DocumentStore } from '../../persistence/store.ts';
import type { Frame, Wire } from './outlet.ts';
import type { TimerHandle, Timers } from './timers.ts';
import { Version } from './updates/version.ts';

/** A base that nobody asked for in this time is let go. */
const UNUSED_MS = 10_000;

type BaseRef = Pick<WeakRef<LoadedBase>, 'deref'>;

/** One generation of a document's base. */
export class LoadedBase {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly #frames = new Map<Wire, readonly Frame[]>();

  constructor(chunks: readonly Uint8Array[]) {
    this.chunks = chunks;
    this.bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  /** The chunks as `Update` frames. Bodies are shared with `chunks`; a frame adds a header of a few bytes. */
  frames(wire: Wire): readonly Frame[] {
    let frames = this.#frames.get(wire);
    if (frames === undefined) {
      frames = this.chunks.map((chunk) => wire.update(chunk));
      this.#frames.set(wire, frames);
    }
    return frames;
  }
}

export class BaseCache {
  readonly #store: DocumentStore;
  readonly #timers: Timers;
  readonly #cache: LRUCache<string, LoadedBase>;
  #sweepTimer: TimerHandle | null = null;
  readonly #reading = new Map<string, Promise<LoadedBase>>();
  /** Bases that some joiner may still be holding. Entries leave with their room (`drop`). */
  readonly #seen = new Map<string, BaseRef>();
  readonly #refTo: (base: LoadedBase) => BaseRef;

  /** `refTo`: a reference that does not hold what it names; a run that must repeat itself can't have one. */
  constructor(
    store: DocumentStore,
    bytesMax: number,
    timers: Timers,
    refTo: (base: LoadedBase) => BaseRef = (base) => new WeakRef(base),
  ) {
    this.#refTo = refTo;
    this.#store = store;
    this.#timers = timers;
    this.#cache = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (base) => base.bytes + 1,
      ttl: UNUSED_MS,
      updateAgeOnGet: true,
      perf: timers,
      // Otherwise it keeps the time for a millisecond, by a clock of its own.
      ttlResolution: 0,
    });
  }

  get bytes(): number {
    return this.#cache.calculatedSize;
  }

  /** @throws StoreError `stale-generation`, `document-damaged`, `read-failed`, `closed` */
  async get(name: string, generation: number): Promise<LoadedBase> {
    const key = `${generation}\n${name}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const held = this.#seen.get(key)?.deref();
    if (held !== undefined) return this.#keep(key, held);
    const reading = this.#reading.get(key);
    if (reading !== undefined) return this.#keep(key, await reading);
    return await this.#read(key, name, generation);
  }

  /** True when `get` does not begin a read: it is in memory, or being read. */
  has(name: string, generation: number): boolean {
    const key = `${generation}\n${name}`;
    return (
      this.#cache.has(key) || this.#reading.has(key) || this.#seen.get(key)?.deref() !== undefined
    );
  }

  /** Puts a base that was just written, so that the next joiner does not read it back. */
  put(name: string, generation: number, chunks: readonly Uint8Array[]): void {
    this.#keep(`${generation}\n${name}`, new LoadedBase(chunks));
  }

  drop(name: string, generation: number): void {
    const key = `${generation}\n${name}`;
    this.#cache.delete(key);
    this.#seen.delete(key);
  }

  /** Stops the timer; what is cached goes with the cache. */
  close(): void {
    if (this.#sweepTimer !== null) this.#timers.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    this.#cache.clear();
    this.#seen.clear();
  }

  #keep(key: string, base: LoadedBase): LoadedBase {
    this.#cache.set(key, base);
    this.#scheduleSweep();
    return base;
  }

  #scheduleSweep(): void {
    if (this.#sweepTimer !== null || this.#cache.size === 0) return;
    this.#sweepTimer = this.#timers.setTimeout(() => {
      this.#sweepTimer = null;
      this.#cache.purgeStale();
      this.#scheduleSweep();
    }, UNUSED_MS / 2);
  }

  #read(key: string, name: string, generation: number): Promise<LoadedBase> {
    const reading = this.#store
      .readBase(name, generation)
      .then((chunks) => {
        const base = new LoadedBase(chunks);
        this.#seen.set(key, this.#refTo(base));
        return base;
      })
      .finally(() => {
        this.#reading.delete(key);
      });
    this.#reading.set(key, reading);
    return reading;
  }
}

/** The version of a base that has been opened: its state vector and delete set. */
export function headOf({ head }: BaseInfo): Version {
  const version = Version.decodeBare(head);
  if (version === null) throw new Error('the head of a loaded base does not decode');
  return version;
}
