/**
 * The bases in memory: a byte-bounded LRU shared by all rooms of a node, with the frames made from them.
 * A base is read from the store once for all who ask at the same time, framed once per wire, and never decoded.
 */
import { LRUCache } from 'lru-cache';
import type { DocumentStore } from '../../persistence/store.ts';
import type { Frame, Wire } from './outlet.ts';

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
  readonly #cache: LRUCache<string, LoadedBase>;
  /** Bases being read, or still held by someone although too large for the cache. */
  readonly #reading = new Map<string, Promise<LoadedBase>>();

  constructor(store: DocumentStore, bytesMax: number) {
    this.#store = store;
    this.#cache = new LRUCache({ maxSize: bytesMax, sizeCalculation: (base) => base.bytes + 1 });
  }

  get bytes(): number {
    return this.#cache.calculatedSize;
  }

  /** @throws StoreError `stale-generation`, `document-damaged`, `read-failed`, `closed` */
  async get(name: string, generation: number): Promise<LoadedBase> {
    const key = `${generation}\n${name}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const reading = this.#reading.get(key) ?? this.#read(key, name, generation);
    return await reading;
  }

  /** Puts a base that was just written, so that the next joiner does not read it back. */
  put(name: string, generation: number, chunks: readonly Uint8Array[]): void {
    this.#cache.set(`${generation}\n${name}`, new LoadedBase(chunks));
  }

  drop(name: string, generation: number): void {
    this.#cache.delete(`${generation}\n${name}`);
  }

  #read(key: string, name: string, generation: number): Promise<LoadedBase> {
    const reading = this.#store
      .readBase(name, generation)
      .then((chunks) => {
        const base = new LoadedBase(chunks);
        this.#cache.set(key, base);
        return base;
      })
      .finally(() => {
        this.#reading.delete(key);
      });
    this.#reading.set(key, reading);
    return reading;
  }
}
