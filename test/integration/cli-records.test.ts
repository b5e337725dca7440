/**
 * What a folder holds beside documents (records of other parts, the change log) in the store and in the `syncline`
 * tool: damage concerns the damaged record alone, and an archive brings everything over that belongs to documents.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LevelStore, type RecordKey } from '../../persistence/index.ts';
import { allChanges, keyOfRecord } from '../../persistence/record-keys.ts';
import { syncline } from '../support/syncline-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

const recordOf = (space: RecordKey['space'], document: string | null, id: string): RecordKey => ({
  space,
  document,
  id,
});

const SNAPSHOT = recordOf('snapshot', 'a', 's1');
const STATE = recordOf('snapshot-state', 'a', 's1/0');
const REVOCATION = recordOf('revocation', null, 'user:1');
const CURSOR = recordOf('webhook', null, 'cursor');
const LETTER = recordOf('dead-letter', null, 'evt_1');
const ALL = [SNAPSHOT, STATE, REVOCATION, CURSOR, LETTER];

async function withStore<T>(folder: string, use: (store: LevelStore) => Promise<T>): Promise<T> {
  const store = new LevelStore({ folder, recordsChanges: true });
  await store.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function fill(): Promise<string> {
  const folder = join(tempDir(), 'data');
  await withStore(folder, async (store) => {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'text');
    await store.load('a');
    await store.append('a', Y.encodeStateAsUpdate(doc)).durable;
    await store.records.write(
      ALL.map((key, index) => ({ key, value: new Uint8Array(10 * (index + 1)).fill(index) })),
    );
  });
  return folder;
}

/** Flips a bit in the middle of a value. */
async function damage(folder: string, key: Buffer): Promise<void> {
  const level = new ClassicLevel<Buffer, Uint8Array>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'view',
  });
  const value = await level.get(key);
  if (value === undefined) throw new Error('there is nothing to damage');
  value[value.length >> 1] = (value[value.length >> 1] ?? 0) ^ 4;
  await level.put(key, value);
  await level.close();
}

async function damageChange(folder: string): Promise<void> {
  const level = new ClassicLevel<Buffer>(folder, { keyEncoding: 'buffer' });
  const [key] = await level.keys({ ...allChanges, limit: 1 }).all();
  await level.close();
  await damage(folder, key ?? Buffer.alloc(0));
}

describe('records beside documents', () => {
  it('[I8] a damaged record is refused alone: the others, its document, and the node go on', async () => {
    const folder = await fill();
    await damage(folder, keyOfRecord(SNAPSHOT));
    await withStore(folder, async (store) => {
      await expect(store.records.get(SNAPSHOT)).rejects.toMatchObject({ code: 'record-damaged' });
      expect(await store.records.list({ space: 'snapshot', document: 'a', limit: 9 })).toEqual([
        { id: 's1', value: null },
      ]);
      expect(await store.records.get(STATE)).toEqual(new Uint8Array(20).fill(1));
      expect((await store.load('a')).lastSeq).toBe(0);
      await store.records.write([{ key: SNAPSHOT, value: Uint8Array.of(1) }]);
      expect(await store.records.get(SNAPSHOT)).toEqual(Uint8Array.of(1));
    });
  });

  it('[I8] a damaged record of the change log says so, and those behind it are read', async () => {
    const folder = await fill();
    await damageChange(folder);
    await withStore(folder, async (store) => {
      await store.load('b');
      await store.append('b', Uint8Array.of(1)).durable;
      const records = await store.changes.read(0, 9);
      expect(records[0]).toMatchObject({ changes: [], isDamaged: true });
      expect(records[1]?.changes).toEqual([{ kind: 'created', name: 'b' }]);
    });
  });

  it('inspect counts them, verify and repair find and name what is damaged', async () => {
    const folder = await fill();
    const sound = await syncline('inspect', folder);
    expect(sound.code).toBe(0);
    expect(sound.stdout).toMatch(/records {4}snapshot: 1 \(/);
    expect(sound.stdout).toMatch(/changes {4}1 \(/);
    expect((await syncline('verify', folder)).stdout).toMatch(/6 records checked, 0 damaged/);
    await damage(folder, keyOfRecord(REVOCATION));
    await damageChange(folder);
    const inspected = await syncline('inspect', folder);
    expect(inspected.code).toBe(1);
    expect(inspected.stdout).toMatch(/DAMAGED {4}revocation record "user:1"/);
    const verified = await syncline('verify', folder);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toMatch(/a change log record is damaged/);
    expect(verified.stdout).toMatch(/6 records checked, 2 damaged/);
    const repaired = await syncline('repair', folder);
    expect(repaired.code).toBe(0);
    expect(repaired.stdout).toMatch(/revocation record "user:1" was unreadable and is gone/);
    expect((await syncline('verify', folder)).code).toBe(0);
    await withStore(folder, async (store) => {
      expect(await store.records.get(REVOCATION)).toBeNull();
      expect(await store.records.get(STATE)).toEqual(new Uint8Array(20).fill(1));
    });
  });

  it('export and import bring them over, all but those of webhooks', async () => {
    const folder = await fill();
    const archive = join(tempDir(), 'archive');
    const exported = await syncline('export', folder, archive);
    expect(exported.stderr).toMatch(/1 document and 4 records exported, 0 left out/);
    const copy = join(tempDir(), 'data');
    expect((await syncline('import', archive, copy)).code).toBe(0);
    await withStore(copy, async (store) => {
      for (const [index, key] of ALL.entries()) {
        const expected = key === CURSOR ? null : new Uint8Array(10 * (index + 1)).fill(index);
        expect([key, await store.records.get(key)]).toEqual([key, expected]);
      }
    });
    const cut = join(tempDir(), 'cut');
    writeFileSync(cut, readFileSync(archive, 'utf8').replace(/"value":"AQ/, '"value":"Ag'));
    const refused = await syncline('import', cut, join(tempDir(), 'data'));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/its checksum is wrong/);
  });
});
