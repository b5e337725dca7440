/**
 * Data folders in which LevelDB finds nothing wrong, and a document is damaged all the same: that one is refused, the
 * others are served. The ids are the rows of the list of bad inputs that this was planned from.
 */
import { randomBytes } from 'node:crypto';
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { updateKey, updateKeyPrefix } from '../../persistence/keys.ts';
import { payload } from '../support/store-writer.ts';
import { DOCUMENTS, UPDATES, edit, fill, largest, open } from '../support/stored-folder.ts';
import { tempDir } from '../support/temp-dir.ts';

/** What loading `name` says, after the other documents have been seen to be whole. */
async function damageOf(folder: string, name: string): Promise<string> {
  const store = await open(folder);
  const error: unknown = await store.load(name).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'document-damaged' });
  for (const other of DOCUMENTS.filter((candidate) => candidate !== name)) {
    expect((await store.load(other)).tail.length).toBe(UPDATES);
  }
  expect((await store.list({ limit: 10 })).length).toBe(DOCUMENTS.length);
  return (error as Error).message;
}

describe('one damaged document is refused, the others are served', () => {
  it('[I8] L11 for a flipped byte in a stored update, which LevelDB returns as data', async () => {
    const folder = await fill('log');
    await edit(folder, async (level) => {
      const key = updateKey(updateKeyPrefix('b'), 7);
      const value = await level.get(key);
      if (value === undefined) throw new Error('no such update');
      value[5] = (value[5] ?? 0) ^ 1;
      await level.put(key, value);
    });
    expect(await damageOf(folder, 'b')).toMatch(/checksum of update 7 is wrong/);
  });

  it('[I8] L18 for a hole in its sequence, and for a missing end', async () => {
    const folder = await fill('log');
    await edit(folder, (level) => level.del(updateKey(updateKeyPrefix('b'), 7)));
    expect(await damageOf(folder, 'b')).toMatch(/update 7 is missing \(found 8\)/);
    const other = await fill('log');
    await edit(other, (level) => level.del(updateKey(updateKeyPrefix('c'), UPDATES - 1)));
    expect(await damageOf(other, 'c')).toMatch(/update 39 is missing/);
  });

  it('[I8] L18 for a base that the tail does not continue, or with a missing or wrong chunk', async () => {
    const chunks = [payload('b', 1_000, 100), payload('b', 1_001, 100)];
    const compacted = async (): Promise<{ folder: string; generation: number }> => {
      const folder = await fill('log');
      const store = await open(folder);
      await store.load('b');
      const base = { upToSeq: 19, chunks, head: Uint8Array.of() };
      const { generation } = await store.compact('b', base);
      await store.close();
      return { folder, generation };
    };
    const first = await compacted();
    await edit(first.folder, (level) => level.del(updateKey(updateKeyPrefix('b'), 20)));
    expect(await damageOf(first.folder, 'b')).toMatch(/update 20 is missing \(found 21\)/);
    for (const change of ['missing', 'wrong'] as const) {
      const { folder, generation } = await compacted();
      const key = updateKey(updateKeyPrefix('b'), UPDATES + 1);
      await edit(folder, (level) =>
        change === 'missing' ? level.del(key) : level.put(key, Buffer.from(payload('b', 1, 100))),
      );
      const store = await open(folder);
      await expect(store.readBase('b', generation)).rejects.toMatchObject({
        code: 'document-damaged',
        message: expect.stringContaining(`chunk ${UPDATES + 1}`) as string,
      });
    }
  });

  it('[I8] L10 when a table is cut in half: what lies in other tables is served', async () => {
    const folder = join(tempDir(), 'data');
    const store = await open(folder);
    for (const name of DOCUMENTS) {
      await store.load(name);
      // Incompressible, so that a document fills tables of its own (LevelDB's are 2 MiB).
      const appends = Array.from({ length: 4 }, () => store.append(name, randomBytes(1_200_000)));
      for (const { durable } of appends) await durable;
    }
    await store.close();
    await edit(folder, (level) => level.compactRange(Buffer.alloc(0), Buffer.alloc(8, 0xff)));
    const table = largest(folder, /\.ldb$/);
    truncateSync(table, Math.floor(statSync(table).size / 2));
    const again = await open(folder);
    const results = await Promise.allSettled(DOCUMENTS.map((name) => again.load(name)));
    const damaged = results.filter((result) => result.status === 'rejected');
    expect(damaged.length).toBeGreaterThan(0);
    expect(damaged.length).toBeLessThan(DOCUMENTS.length);
    for (const { reason } of damaged) {
      // LevelDB calls it corruption or a failed read, depending on where the file ends.
      const code: unknown = expect.stringMatching(/document-damaged|read-failed/);
      expect(reason).toMatchObject({ code });
    }
  });
});
