/** The base of a room: which one it is, its version, and its content when somebody needs that. */
import { StoreError, type BaseInfo } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { headOf, type LoadedBase } from './base-cache.ts';
import type { RoomContext } from './context.ts';
import { Version } from './updates/version.ts';

export class RoomBase {
  readonly #name: DocumentName;
  readonly #context: RoomContext;
  /** The compaction that is running, if there is one. */
  readonly #compaction: () => Promise<void> | null;
  #info: BaseInfo | null;
  #head: Version | null = null;

  constructor(
    name: DocumentName,
    context: RoomContext,
    info: BaseInfo | null,
    compaction: () => Promise<void> | null,
  ) {
    this.#name = name;
    this.#context = context;
    this.#info = info;
    this.#compaction = compaction;
  }

  /** Null: the document was never compacted. */
  get info(): BaseInfo | null {
    return this.#info;
  }

  get head(): Version {
    this.#head ??= this.#info === null ? new Version() : headOf(this.#info);
    return this.#head;
  }

  replace(info: BaseInfo): void {
    this.#info = info;
    this.#head = null;
  }

  /** The base as it is now; one that a compaction is just replacing is read again in its new generation. */
  async load(): Promise<LoadedBase> {
    for (;;) {
      const info = this.#info;
      if (info === null) throw new Error(`${this.#name} has no base`);
      try {
        return await this.#context.bases.get(this.#name, info.generation);
      } catch (error) {
        const isStale = error instanceof StoreError && error.code === 'stale-generation';
        // It may have ended while the base was read.
        const isReplaced = this.#info?.generation !== info.generation;
        const compaction = this.#compaction();
        if (!isStale || (compaction === null && !isReplaced)) throw error;
        if (!isReplaced) await compaction;
      }
    }
  }
}
