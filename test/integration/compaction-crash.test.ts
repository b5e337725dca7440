/**
 * A crash at every single commit of a life with compactions, quarantine and deletion: what is opened then is
 * complete. Works on one real log that is cut after each of its batches, so no timing is involved.
 *
 * Updates and chunks carry the ids that they stand for, as JSON, so that a hole can be told from a duplicate.
 */
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { expect, it } from 'vitest';
import { LevelStore, type DocumentStore } from '../../persistence/index.ts';
import { updateKeyPrefix, updateRange, SEQ_MAX } from '../../persistence/keys.ts';
import { tempDir } from '../support/temp-dir.ts';

const LOG = '000003.log'; // of a folder that was never reopened

interface Life {
  readonly folder: string;
  /** The size of the log after each commit; the index is the commit's number. */
  readonly sizes: number[];
  /** id → the commit that acknowledged it. */
  readonly ackedAt: Map<number, number>;
  /** Ids that were set aside, and by when that was done. */
  readonly quarantinedAt: Map<number, number>;
  deletedAt: number;
}

const encode = (ids: readonly number[], padding = 0): Uint8Array =>
  Buffer.from(JSON.stringify(ids) + ' '.repeat(padding));
const decode = (bytes: Uint8Array): number[] =>
  JSON.parse(Buffer.from(bytes).toString()) as number[];

const idsUpTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);
const isCopied = (path: string): boolean => basename(path) !== 'LOCK';

async function live(): Promise<Life> {
  const folder = join(tempDir(), 'data');
  const life: Life = {
    folder,
    sizes: [],
    ackedAt: new Map(),
    quarantinedAt: new Map(),
    deletedAt: Number.POSITIVE_INFINITY,
  };
  let commit = 1;
  const store = new LevelStore({
    folder,
    commitIntervalMs: 0,
    batchRecordsMax: 20, // many commits, so many places to crash at
    writeBufferSize: 32 * 1024 * 1024, // one log for all of it
    observer: {
      onCommit: () => {
        commit++;
        life.sizes[commit] = statSync(join(folder, LOG)).size;
      },
    },
  });
  await store.open();
  life.sizes[1] = statSync(join(folder, LOG)).size;
  await store.load('doc');
  await store.load('doomed');
  for (let id = 0; id < 60; id++) void store.append('doomed', encode([id]));
  const doomedBase = { upToSeq: 30, chunks: [encode([0]), encode([1])], head: Uint8Array.of() };
  await store.compact('doomed', doomedBase);
  const seqs: number[] = [];
  const append = async (): Promise<void> => {
    const id = seqs.length;
    const { seq, durable } = store.append('doc', encode([id]));
    seqs.push(seq);
    await durable;
    life.ackedAt.set(id, commit);
  };
  const appendMany = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await append();
  };
  const compact = async (count: number, chunkCount: number): Promise<void> => {
    const ids = idsUpTo(count).filter((id) => !life.quarantinedAt.has(id));
    const share = Math.ceil(ids.length / chunkCount);
    const chunks = Array.from(
      { length: chunkCount },
      (_, index) => encode(ids.slice(index * share, (index + 1) * share), 180_000), // several portions each
    );
    const upToSeq = seqs[count - 1] ?? -1;
    await Promise.all([
      store.compact('doc', { upToSeq, chunks, head: Uint8Array.of() }),
      appendMany(12),
    ]);
  };
  await appendMany(10);
  await compact(8, 6);
  await store.quarantine('doc', [{ seq: seqs[20] ?? -1, reason: 'a test' }]);
  life.quarantinedAt.set(20, commit);
  await compact(15, 5); // beside a tail that reaches over the chunks of the first
  await compact(seqs.length, 7);
  await store.delete('doomed');
  life.deletedAt = commit;
  await compact(seqs.length - 3, 3);
  await store.close();
  return life;
}

function copyAsOf(life: Life, target: string, commit: number): void {
  cpSync(life.folder, target, { recursive: true, filter: isCopied });
  truncateSync(join(target, LOG), life.sizes[commit]);
  const path = join(target, 'syncline.json');
  const witness = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...witness, commit }));
}

async function storedIds(store: DocumentStore): Promise<Set<number>> {
  const { base, tail } = await store.load('doc');
  const chunks = base === null ? [] : await store.readBase('doc', base.generation);
  return new Set([...chunks, ...tail.map(({ bytes }) => bytes)].flatMap(decode));
}

/** Update keys on disk that are neither a chunk nor an update of the tail. */
async function countLeftovers(folder: string): Promise<number> {
  const store = new LevelStore({ folder });
  await store.open();
  const { base, tail } = await store.load('doc');
  const isDoomed = await store.load('doomed').then(
    () => false,
    () => true,
  );
  await store.close(); // waits for the cleaning up
  const level = new ClassicLevel<Buffer>(folder, { keyEncoding: 'buffer' });
  const range = updateRange(updateKeyPrefix('doc'), 0, SEQ_MAX);
  const keys = await level.keys(range).all();
  const ofDoomed = await level.keys(updateRange(updateKeyPrefix('doomed'), 0, SEQ_MAX)).all();
  await level.close();
  return keys.length - (base?.chunkCount ?? 0) - tail.length + (isDoomed ? ofDoomed.length : 0);
}

it('[I1] a crash after any commit leaves duplicates that are cleaned up, never a hole', async () => {
  const life = await live();
  const last = life.sizes.length - 1;
  const root = tempDir();
  expect(last).toBeGreaterThan(60);
  for (let commit = 1; commit <= last; commit++) {
    const folder = join(root, `commit-${commit}`);
    copyAsOf(life, folder, commit);
    const store = new LevelStore({ folder });
    await store.open();
    const before = await storedIds(store);
    for (const [id, ackedAt] of life.ackedAt) {
      const isSetAside = (life.quarantinedAt.get(id) ?? Infinity) <= commit;
      if (ackedAt <= commit && !isSetAside) {
        expect(before.has(id), `update ${id} after a crash at commit ${commit}`).toBe(true);
      }
    }
    const doomed = await store.load('doomed').catch((error: unknown) => error);
    if (doomed instanceof Error) expect(doomed).toMatchObject({ code: 'document-deleted' });
    else expect(commit).toBeLessThan(life.deletedAt);
    // Life goes on: nothing that a crash has left gets in the way of new updates.
    const next = 1_000 + commit;
    await store.append('doc', encode([next])).durable;
    await store.close();
    const leftovers = await countLeftovers(folder);
    expect(leftovers, `leftovers after a crash at commit ${commit}`).toBe(0);
    const again = new LevelStore({ folder });
    await again.open();
    expect(await storedIds(again), `commit ${commit}`).toEqual(new Set([...before, next]));
    await again.close();
  }
});
