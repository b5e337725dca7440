/**
 * y-leveldb ships types that its `exports` hide (0.2.0), so the part that is used here is declared by hand.
 */
declare module 'y-leveldb' {
  import type * as Y from 'yjs';

  export const keyEncoding: {
    encode(parts: (string | number)[]): Uint8Array;
    decode(key: Uint8Array): (string | number)[];
  };

  /** Resolves `null` where a write fails: never used by the store, only by tests and as a reference. */
  export class LeveldbPersistence {
    constructor(location: string, options?: { levelOptions?: object });
    getYDoc(name: string): Promise<Y.Doc>;
    getStateVector(name: string): Promise<Uint8Array>;
    storeUpdate(name: string, update: Uint8Array): Promise<number>;
    flushDocument(name: string): Promise<void>;
    clearDocument(name: string): Promise<void>;
    getAllDocNames(): Promise<string[]>;
    setMeta(name: string, key: string, value: unknown): Promise<void>;
    getMeta(name: string, key: string): Promise<unknown>;
    getMetas(name: string): Promise<Map<string, unknown>>;
    destroy(): Promise<void>;
  }
}
