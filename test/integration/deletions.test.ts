/** Deleted is deleted: what a crash in the middle of a deletion has left does not stay until somebody asks for the document. */
import { ClassicLevel } from 'classic-level';
import { expect, it } from 'vitest';
import { deletionKey, nameKey, stateVectorKey } from '../../persistence/keys.ts';
import { levelMedium } from '../../persistence/level-medium.ts';
import { LevelStore } from '../../persistence/level-store.ts';
import type { Handle, Medium } from '../../persistence/medium.ts';
import { encodeDocument } from '../../persistence/records.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

type Level = ClassicLevel<Buffer, Buffer>;

async function withLevel<T>(folder: string, work: (level: Level) => Promise<T>): Promise<T> {
  const level = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  const result = await work(level);
  await level.close();
  return result;
}

/** Keys and values in which a text is to be read. */
async function rowsWith(folder: string, text: string): Promise<string[]> {
  return await withLevel(folder, async (level) => {
    const rows = await level.iterator().all();
    return rows
      .filter(([key, value]) => key.includes(text) || value.includes(text))
      .map(([key]) => JSON.stringify(key.toString('latin1')));
  });
}

async function withStore(
  folder: string,
  work: (store: LevelStore) => Promise<void>,
): Promise<void> {
  const store = new LevelStore({ folder });
  await store.open();
  await work(store);
  await store.close();
}

async function fill(folder: string): Promise<void> {
  await withStore(folder, async (store) => {
    for (const name of ['gone', 'stays']) {
      await store.load(name);
      await store.append(name, Buffer.from(`the content of ${name}`)).durable;
      await store.records.write([
        {
          key: { space: 'snapshot', document: name, id: 's1' },
          value: Buffer.from(`kept: ${name}`),
        },
      ]);
    }
  });
}

it('[I1] what a crash has left behind a tombstone is removed by the next start', async () => {
  const folder = tempDir();
  await fill(folder);
  // As after a crash between the tombstone and the rest.
  await withLevel(folder, async (level) => {
    await level.batch([
      {
        type: 'put',
        key: nameKey('gone'),
        value: encodeDocument({ createdAtMs: 1, deletedAtMs: 2 }),
      },
      { type: 'del', key: stateVectorKey('gone') },
      { type: 'put', key: deletionKey('gone'), value: Buffer.alloc(0) },
    ]);
  });
  expect(await rowsWith(folder, 'the content of gone')).toHaveLength(1);
  await withStore(folder, async (store) => {
    // Nobody asks for it.
    await waitUntil('nothing is left to be written', () => store.queue.records === 0);
  });
  expect(await rowsWith(folder, 'the content of gone')).toEqual([]);
  expect(await rowsWith(folder, 'kept: gone')).toEqual([]);
  // The tombstone stands, the other document is there, and nothing is left to be done.
  expect(await rowsWith(folder, 'gone')).toEqual([
    JSON.stringify(nameKey('gone').toString('latin1')),
  ]);
  expect(await rowsWith(folder, 'the content of stays')).toHaveLength(1);
  await withStore(folder, async (store) => {
    await expect(store.load('gone')).rejects.toMatchObject({ code: 'document-deleted' });
    expect((await store.load('stays')).tail).toHaveLength(1);
  });
});

it('[I1] a document that has no tombstone any more keeps what it has', async () => {
  const folder = tempDir();
  await fill(folder);
  await withLevel(folder, (level) => level.put(deletionKey('stays'), Buffer.alloc(0)));
  await withStore(folder, async (store) => {
    await waitUntil('nothing is left to be written', () => store.queue.records === 0);
  });
  expect(await rowsWith(folder, 'the content of stays')).toHaveLength(1);
  expect(await withLevel(folder, (level) => level.get(deletionKey('stays')))).toBeUndefined();
});

it('a deletion that nothing has disturbed leaves the tombstone only', async () => {
  const folder = tempDir();
  await fill(folder);
  await withStore(folder, (store) => store.delete('gone'));
  expect(await rowsWith(folder, 'gone')).toEqual([
    JSON.stringify(nameKey('gone').toString('latin1')),
  ]);
});

it('a disk that cannot be read does not keep a document: deleted now, removed by the next start', async () => {
  const folder = tempDir();
  await fill(folder);
  let isUnreadable = false;
  const medium: Medium = {
    ...levelMedium,
    open: async (options) => {
      const opened = await levelMedium.open(options);
      const { handle } = opened;
      const read: Handle['read'] = (reading) =>
        isUnreadable ? Promise.reject(new Error('Input/output error')) : handle.read(reading);
      const failing: Handle = {
        write: (batch) => handle.write(batch),
        read,
        close: () => handle.close(),
      };
      return { ...opened, handle: failing };
    },
  };
  const store = new LevelStore({ folder, medium });
  await store.open();
  await store.load('gone');
  isUnreadable = true;
  await store.delete('gone');
  isUnreadable = false;
  await expect(store.load('gone')).rejects.toMatchObject({ code: 'document-deleted' });
  expect(await store.list({ limit: 9 })).toMatchObject([{ name: 'stays' }]);
  await store.close();
  await withStore(folder, async (again) => {
    await waitUntil('nothing is left to be written', () => again.queue.records === 0);
  });
  expect(await rowsWith(folder, 'gone')).toEqual([
    JSON.stringify(nameKey('gone').toString('latin1')),
  ]);
});
