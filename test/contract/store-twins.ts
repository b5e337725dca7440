/** The stores that every contract suite runs over, LevelDB's and its twin in memory; closed when the test ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import {
  LevelStore,
  MemoryStore,
  StoreError,
  type DocumentStore,
} from '../../persistence/index.ts';

export interface TwinOptions {
  readonly queueBytesMax?: number;
  readonly recordsChanges?: boolean;
  readonly changesBytesMax?: number;
}

export interface Twin {
  readonly store: DocumentStore;
  /** The store that the next process opens, after this one was closed. */
  readonly reopen: () => Promise<DocumentStore>;
}

export interface Twins {
  readonly name: string;
  readonly create: (options?: TwinOptions) => Promise<Twin>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

export const twins: readonly Twins[] = [
  {
    name: 'LevelStore',
    create: async (options = {}) => {
      const folder = await mkdtemp(join(tmpdir(), 'syncline-contract-'));
      cleanups.push(() => rm(folder, { recursive: true, force: true }));
      const open = async (): Promise<DocumentStore> => {
        const store = new LevelStore({ folder, ...options });
        await store.open();
        cleanups.push(() => store.close());
        return store;
      };
      return { store: await open(), reopen: open };
    },
  },
  {
    name: 'MemoryStore',
    create: async (options = {}) => {
      const store = new MemoryStore(options);
      await store.open();
      cleanups.push(() => store.close());
      return {
        store,
        reopen: async () => {
          const next = store.crash(() => 0);
          await next.open();
          cleanups.push(() => next.close());
          return next;
        },
      };
    },
  },
];

export const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values);

/** The code of a store error, `resolved`, or what else was thrown. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error);
  }
  return 'resolved';
}
