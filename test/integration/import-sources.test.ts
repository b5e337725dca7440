/** `syncline import` from what people come from: y-leveldb, Hocuspocus' SQLite, Y-Sweet's files, plain updates. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import initSqlJs from 'sql.js';
import { describe, expect, it } from 'vitest';
import { LeveldbPersistence } from 'y-leveldb';
import * as Y from 'yjs';
import { startNode } from '../support/in-process-node.ts';
import { syncline } from '../support/syncline-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

/** What a node that is started on the folder shows of a document. */
async function served(folder: string, names: readonly string[]): Promise<readonly string[]> {
  const { node } = await startNode({ dataDir: folder });
  const texts: string[] = [];
  for (const name of names) {
    const { parts } = await node.documents.state(name as never, null);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Buffer.concat(parts));
    texts.push(doc.getText('text').toJSON());
  }
  await node.close();
  return texts;
}

async function sqlite(
  rows: readonly (readonly [string, unknown])[],
  table: string = 'CREATE TABLE IF NOT EXISTS "documents" ("name" varchar(255) NOT NULL, "data" blob NOT NULL, UNIQUE(name))',
): Promise<string> {
  const { Database } = await initSqlJs();
  const database = new Database();
  database.run(table);
  for (const row of rows) database.run('INSERT INTO documents (name, data) VALUES (?, ?)', row);
  const file = join(tempDir(), 'hocuspocus.sqlite');
  writeFileSync(file, database.export());
  database.close();
  return file;
}

/** u64, little-endian. */
const length = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

/** As Rust's bincode writes a map of bytes to bytes. */
function ySweet(entries: readonly (readonly [number[], Uint8Array])[]): Uint8Array {
  return Buffer.concat([
    length(entries.length),
    ...entries.flatMap(([key, value]) => [
      length(key.length),
      Uint8Array.from(key),
      length(value.byteLength),
      value,
    ]),
  ]);
}

describe('syncline import', () => {
  it('[I10] brings in the folder of a y-websocket server, which stays as it is', async () => {
    const source = join(tempDir(), 'yjs');
    const persistence = new LeveldbPersistence(source);
    await persistence.storeUpdate('notes', updateOf('from y-leveldb'));
    const doc = await persistence.getYDoc('notes');
    const before = Y.encodeStateVector(doc);
    doc.getText('text').insert(0, 'edited ');
    await persistence.storeUpdate('notes', Y.encodeStateAsUpdate(doc, before));
    await persistence.storeUpdate('team/plan', updateOf('plan'));
    await persistence.destroy();
    const target = join(tempDir(), 'data');
    const result = await syncline('import', source, target);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('2 documents imported from a y-leveldb folder');
    expect(await served(target, ['notes', 'team/plan'])).toEqual(['edited from y-leveldb', 'plan']);
    const again = new LeveldbPersistence(source);
    expect((await again.getAllDocNames()).toSorted()).toEqual(['notes', 'team/plan']);
    await again.destroy();
    // Nothing is overwritten.
    const refused = await syncline('import', source, target);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      '2 documents of a y-leveldb folder exist already; nothing was written',
    );
  });

  it('[I10] brings in the database of a Hocuspocus server', async () => {
    const source = await sqlite([
      ['notes', updateOf('from SQLite')],
      ['ä/ö', updateOf('umlauts')],
    ]);
    const target = join(tempDir(), 'data');
    const result = await syncline('import', source, target);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('2 documents imported from a Hocuspocus database');
    expect(await served(target, ['notes', 'ä/ö'])).toEqual(['from SQLite', 'umlauts']);
  });

  it('says what it cannot read of a database, and writes nothing, or the rest when told to skip', async () => {
    const v2 = Y.convertUpdateFormatV1ToV2(updateOf('in V2'));
    const source = await sqlite([
      ['good', updateOf('good')],
      ['second format', v2],
      ['cut', updateOf('cut short').subarray(0, 12)],
      ['a//b', updateOf('no name here')],
      ['text', 'not a blob'],
    ]);
    const target = join(tempDir(), 'data');
    const refused = await syncline('import', source, target);
    expect(refused.code).toBe(1);
    for (const name of ['second format', 'cut', 'a//b', 'text']) {
      expect(refused.stderr).toContain(JSON.stringify(name));
    }
    expect(refused.stderr).toContain('4 documents cannot be brought in; nothing was written');
    expect(readdirSync(dirname(target))).toEqual([]);
    const skipped = await syncline('import', source, target, '--skip');
    // Not all of it was done, and a script should notice.
    expect(skipped.code).toBe(1);
    expect(skipped.stderr).toContain('1 document imported from a Hocuspocus database, 4 left out');
    expect(await served(target, ['good'])).toEqual(['good']);
  });

  it('refuses a database whose newest changes lie in its write-ahead log, and one without documents', async () => {
    const source = await sqlite([['notes', updateOf('old')]]);
    writeFileSync(`${source}-wal`, 'frames');
    const target = join(tempDir(), 'data');
    const refused = await syncline('import', source, target);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('wal_checkpoint');
    const other = await sqlite([], 'CREATE TABLE notes (id integer)');
    const unknown = await syncline('import', other, target);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('no table documents');
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  it('[I10] brings in a folder of Y-Sweet files and of updates, named by their paths', async () => {
    const source = tempDir();
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'sweet');
    const base = Y.encodeStateAsUpdate(doc);
    const vector = Y.encodeStateVector(doc);
    doc.getText('text').insert(0, 'Y-');
    mkdirSync(join(source, 'abc'));
    writeFileSync(
      join(source, 'abc', 'data.ysweet'),
      ySweet([
        [[0, 0, ...Buffer.from('doc'), 0], Uint8Array.of(0, 0, 0, 1)],
        [[0, 1, 0, 0, 0, 1, 0], base],
        [[0, 1, 0, 0, 0, 1, 1], vector],
        [[0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0], Y.encodeStateAsUpdate(doc, vector)],
      ]),
    );
    mkdirSync(join(source, 'team'));
    writeFileSync(join(source, 'team', 'plan.bin'), updateOf('plan'));
    writeFileSync(join(source, 'bare'), updateOf('bare'));
    writeFileSync(join(source, '.hidden'), 'nothing');
    const target = join(tempDir(), 'data');
    const result = await syncline('import', source, target);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('3 documents imported from a folder of files');
    expect(await served(target, ['abc', 'team/plan', 'bare'])).toEqual(['Y-sweet', 'plan', 'bare']);
    writeFileSync(join(source, 'README.md'), 'hello, I am no update');
    writeFileSync(join(source, 'broken.ysweet'), 'nor am I');
    const refused = await syncline('import', source, join(tempDir(), 'data'));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('"README.md"');
    expect(refused.stderr).toContain('"broken": not a .ysweet file');
  });
});
