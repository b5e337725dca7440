/** The `syncline` tool as its users run it: a process, its output, its exit code. */
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LevelStore, type DocumentStore, type DocumentSummary } from '../../persistence/index.ts';
import { updateKey, updateKeyPrefix } from '../../persistence/keys.ts';
import { syncline } from '../support/syncline-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

function typed(clientId: number, words: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (const word of words) doc.getText('text').insert(doc.getText('text').length, word);
  return updates;
}

const WORDS = ['one ', 'two ', 'three ', 'four ', 'five ', 'six'];

async function withStore<T>(folder: string, use: (store: DocumentStore) => Promise<T>): Promise<T> {
  const store = new LevelStore({ folder });
  await store.open();
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Three documents (one compacted in part, one with a quarantined update), and a tombstone. */
async function fill(): Promise<string> {
  const folder = join(tempDir(), 'data');
  await withStore(folder, async (store) => {
    for (const [index, name] of ['a', 'b/ä', 'c', 'gone'].entries()) {
      await store.load(name);
      for (const update of typed(index + 1, WORDS)) await store.append(name, update).durable;
    }
    const chunks = [Y.mergeUpdates(typed(1, WORDS.slice(0, 3)))];
    await store.compact('a', { upToSeq: 2, chunks, head: Uint8Array.of() });
    await store.quarantine('c', [{ seq: 5, reason: 'a test' }]);
    await store.delete('gone');
  });
  return folder;
}

async function textOf(folder: string, name: string): Promise<string> {
  return await withStore(folder, async (store) => {
    const { base, tail } = await store.load(name);
    const chunks = base === null ? [] : await store.readBase(name, base.generation);
    const doc = new Y.Doc();
    for (const update of [...chunks, ...tail.map(({ bytes }) => bytes)]) Y.applyUpdate(doc, update);
    return doc.getText('text').toJSON();
  });
}

function list(folder: string, includeDeleted: boolean): Promise<readonly DocumentSummary[]> {
  return withStore(folder, (store) => store.list({ limit: 9, includeDeleted }));
}

async function removeUpdate(folder: string, name: string, seq: number): Promise<void> {
  const level = new ClassicLevel<Buffer>(folder, { keyEncoding: 'buffer' });
  await level.del(updateKey(updateKeyPrefix(name), seq));
  await level.close();
}

function flipLog(folder: string): void {
  const [log] = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .map((name) => join(folder, name))
    .toSorted((a, b) => statSync(b).size - statSync(a).size);
  const bytes = readFileSync(log ?? '');
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(log ?? '', bytes);
}

function snapshotOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !/^(LOG|LOG\.old|LOCK)$/.test(name))
    .map((name) => `${name} ${statSync(join(folder, name)).size}`);
}

describe('syncline', () => {
  it('explains itself, and calls wrong usage 2', async () => {
    const help = await syncline('--help');
    expect(help.code).toBe(0);
    for (const command of ['inspect', 'verify', 'repair', 'export', 'import']) {
      expect(help.stdout).toContain(command);
      expect((await syncline(command, '--help')).code).toBe(0);
    }
    expect((await syncline('inspekt')).code).toBe(2);
    expect((await syncline('inspect')).code).toBe(2);
    expect((await syncline('inspect', 'a', '--what')).code).toBe(2);
  });

  it('says 78 and creates nothing where there is nothing, or a node is running', async () => {
    const nothing = join(tempDir(), 'nothing');
    for (const command of ['inspect', 'verify', 'repair', 'export']) {
      const result = await syncline(command, nothing);
      expect(result).toMatchObject({ code: 78, stdout: '' });
      expect(result.stderr).toContain('is not a folder');
    }
    const folder = await fill();
    await withStore(folder, async () => {
      const result = await syncline('verify', folder);
      expect(result.code).toBe(78);
      expect(result.stderr).toContain(`in use by pid ${process.pid}; stop it first`);
    });
    expect(readdirSync(dirname(nothing))).toEqual([]);
  });

  it('inspect shows documents, sizes, quarantine and tombstones, but no contents', async () => {
    const folder = await fill();
    const { code, stdout } = await syncline('inspect', folder);
    expect(code).toBe(0);
    expect(stdout).toContain('documents  3 (and 1 tombstone)');
    expect(stdout).toMatch(/"a"\n {2}created {5}20\d\d-.*\n {2}base {8}\d+ B in 1 chunk\n/);
    expect(stdout).toContain('"b/ä"');
    expect(stdout).toMatch(/QUARANTINE {2}update 5 \(\d+ B\): a test/);
    expect(stdout).toMatch(/"gone"\n {2}deleted/);
    expect(stdout).not.toContain('three');
    const json = JSON.parse((await syncline('inspect', '--json', folder)).stdout) as {
      documents: { name: string; tailCount: number }[];
    };
    expect(json.documents.map(({ name, tailCount }) => [name, tailCount])).toEqual([
      ['a', 3],
      ['b/ä', 6],
      ['c', 5],
      ['gone', 0],
    ]);
  });

  it('verify reads everything, and finds a hole, a wrong checksum and what Yjs cannot replay', async () => {
    const folder = await fill();
    expect(await syncline('verify', folder)).toMatchObject({
      code: 0,
      stdout: '3 documents checked, 0 damaged\n',
    });
    await removeUpdate(folder, 'b/ä', 2);
    await withStore(folder, async (store) => {
      // Contiguous and with right checksums, but an update in the middle was set aside: Yjs lacks something.
      await store.load('c');
      await store.quarantine('c', [{ seq: 1, reason: 'a test' }]);
    });
    const { code, stdout } = await syncline('verify', folder);
    expect(code).toBe(1);
    expect(stdout).toContain('"b/ä": document "b/ä": update 2 is missing (found 3)');
    expect(stdout).toContain('"c": updates are missing that others depend on');
    expect(stdout).toContain('3 documents checked, 2 damaged');
  });

  it('looking at a refused folder changes nothing in it, and leaves no copy behind', async () => {
    const folder = await fill();
    flipLog(folder);
    const before = snapshotOf(folder);
    for (const command of ['inspect', 'verify']) {
      const result = await syncline(command, folder);
      expect(result.code).toBe(1);
      expect(result.stdout).toContain('is refused');
    }
    expect((await syncline('export', folder)).code).toBe(1);
    expect(snapshotOf(folder)).toEqual(before);
    expect(readdirSync(dirname(folder))).toEqual(['data']);
  });

  it('repair of a sound folder does nothing', async () => {
    const folder = await fill();
    const { code, stdout } = await syncline('repair', folder);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'nothing to repair: 4 documents, all sound\n',
    });
    expect(readdirSync(dirname(folder))).toEqual(['data']);
  });

  it('repair of a damaged document keeps what can be applied, sets the rest aside, and says so', async () => {
    const folder = await fill();
    await removeUpdate(folder, 'b/ä', 3);
    await expect(withStore(folder, (store) => store.load('b/ä'))).rejects.toThrow('is missing');
    const { code, stdout } = await syncline('repair', folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/the folder as it was is in \S+data\.before-repair-20\S+\n/);
    expect(stdout).toContain('"b/ä": document "b/ä": update 3 is missing (found 4)');
    expect(stdout).toContain('"b/ä": update 4 was set aside');
    expect(stdout).toContain('"b/ä": 3 updates were kept');
    expect((await syncline('verify', folder)).code).toBe(0);
    expect(await textOf(folder, 'b/ä')).toBe('one two three ');
    expect(await textOf(folder, 'a')).toBe(WORDS.join(''));
    const copy = readdirSync(dirname(folder)).find((name) => name !== 'data') ?? '';
    expect((await syncline('verify', join(dirname(folder), copy))).code).toBe(1);
    await withStore(folder, async (store) => {
      await store.load('b/ä');
      await store.append('b/ä', typed(9, ['x'])[0] ?? Uint8Array.of()).durable;
    });
    expect((await syncline('verify', folder)).code).toBe(0);
  });

  it.each([
    ['a flipped bit in the log', flipLog],
    ['a lost CURRENT', (folder: string) => rmSync(join(folder, 'CURRENT'))],
    [
      'an empty MANIFEST',
      (folder: string) => {
        const name = readdirSync(folder).find((file) => file.startsWith('MANIFEST')) ?? '';
        truncateSync(join(folder, name), 0);
      },
    ],
    ['a lost witness', (folder: string) => rmSync(join(folder, 'syncline.json'))],
  ])('repair of a folder with %s makes a node open it again', async (_, damage) => {
    const folder = await fill();
    damage(folder);
    await expect(withStore(folder, (store) => store.list({ limit: 1 }))).rejects.toMatchObject({
      code: 'refused',
    });
    const { code, stdout } = await syncline('repair', folder);
    expect(code).toBe(0);
    expect(stdout).toContain('folder: ');
    const verified = await syncline('verify', folder);
    expect(verified).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(' 0 damaged') as string,
    });
  });

  it('export and import bring everything over: contents, dates, tombstones', async () => {
    const folder = await fill();
    const archive = join(tempDir(), 'backup.ndjson');
    const exported = await syncline('export', folder, archive);
    expect(exported).toMatchObject({ code: 0, stdout: '' });
    expect(exported.stderr).toContain('4 documents exported, 0 left out');
    const lines = readFileSync(archive, 'utf8').trim().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual({ format: 'syncline-archive', version: 2 });
    expect(lines.length).toBe(5);

    const target = join(tempDir(), 'restored');
    expect((await syncline('import', archive, target)).code).toBe(0);
    for (const name of ['a', 'b/ä']) expect(await textOf(target, name)).toBe(WORDS.join(''));
    expect(await list(target, false)).toEqual(await list(folder, false));
    expect((await list(target, true)).at(-1)).toMatchObject({ name: 'gone', isDeleted: true });
    // The state is canonical: the archive of the copy is the archive, byte for byte, but for the tombstone's date.
    const again = await syncline('export', target);
    expect(again.stdout.split('\n').slice(0, 4)).toEqual(lines.slice(0, 4));
  });

  it('import refuses documents that exist, merges on request, and writes nothing of a damaged archive', async () => {
    const folder = await fill();
    const archive = join(tempDir(), 'backup.ndjson');
    await syncline('export', folder, archive);
    const refused = await syncline('import', archive, folder);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('exist already; nothing was written');
    expect((await syncline('import', archive, folder, '--merge')).code).toBe(0);
    expect(await textOf(folder, 'a')).toBe(WORDS.join(''));

    const text = readFileSync(archive, 'utf8');
    const target = join(tempDir(), 'restored');
    const damages = [
      text.slice(0, -30),
      text.replace('"crc32":', '"crc32":1'),
      text.replace('"version":2', '"version":3'),
      'not an archive\n',
      '',
    ];
    for (const damaged of damages) {
      writeFileSync(archive, damaged);
      const result = await syncline('import', archive, target);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/archive|line \d/);
    }
    expect(readdirSync(dirname(target))).toEqual([]);
  });

  it('export of a damaged folder leaves out only what is damaged, and says so', async () => {
    const folder = await fill();
    await removeUpdate(folder, 'b/ä', 2);
    const { code, stdout, stderr } = await syncline('export', folder);
    expect(code).toBe(1);
    expect(stderr).toContain('"b/ä" was left out');
    const names = stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => (JSON.parse(line) as { name: string }).name);
    expect(names).toEqual(['a', 'c', 'gone']);
  });
});
