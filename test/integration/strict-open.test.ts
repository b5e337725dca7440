/**
 * Data folders in every state that a crash, a bad disk or a careless copy can leave: opened only if nothing
 * acknowledged can be missing, else refused with a message that says what was found and what to do.
 * The ids are the rows of the list of bad inputs that this was planned from.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LevelStore, type DocumentStore } from '../../persistence/index.ts';
import { encodeStore } from '../../persistence/records.ts';
import { storeKey } from '../../persistence/keys.ts';
import { maskedCrc32c } from '../../persistence/log-scan.ts';
import { findLost, StoreProcess } from '../support/store-process.ts';
import { payload } from '../support/store-writer.ts';
import {
  DOCUMENTS,
  UPDATES,
  edit,
  fill,
  filesOf,
  largest,
  open,
} from '../support/stored-folder.ts';
import { tempDir } from '../support/temp-dir.ts';

function manifest(folder: string): string {
  return join(folder, readFileSync(join(folder, 'CURRENT'), 'utf8').trim());
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

/** Names and sizes, without what LevelDB and the lock write at any attempt to open. */
function listing(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !/^(LOG|LOG\.old|LOCK|syncline\.pid)$/.test(name))
    .map((name) => `${name} ${statSync(join(folder, name)).size}`);
}

async function refusalOf(folder: string): Promise<string> {
  const error: unknown = await new LevelStore({ folder }).open().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'refused' });
  return (error as Error).message;
}

/** How many updates each document has. */
async function counts(store: DocumentStore): Promise<number[]> {
  const found: number[] = [];
  for (const name of DOCUMENTS) found.push((await store.load(name)).tail.length);
  return found;
}

const WHOLE = DOCUMENTS.map(() => UPDATES);

describe('the folder is opened', () => {
  it('[I1] L01 after kill -9 during writes: everything acknowledged is there', async () => {
    const folder = join(tempDir(), 'data');
    const options = { folder, documents: 4, payloadBytes: 500, window: 20 };
    const writer = new StoreProcess(options);
    await writer.until('300 acks', () => writer.acks.length >= 300);
    await writer.kill();
    expect(await findLost(folder, writer.acks, options)).toEqual([]);
  });

  it.each([
    ['the last bytes are zeros', (log: string) => [readFileSync(log), Buffer.alloc(500)]],
    ['4 KiB of zeros follow', (log: string) => [readFileSync(log), Buffer.alloc(4_096)]],
    ['200 bytes of garbage follow', (log: string) => [readFileSync(log), Buffer.alloc(200, 0xa7)]],
    [
      'half a record follows',
      (log: string) => [readFileSync(log), readFileSync(log).subarray(0, 40)],
    ],
  ] as const)('[I1] L02 L03 when %s behind what was acknowledged', async (_, damage) => {
    const folder = await fill('log');
    const log = largest(folder, /\.log$/);
    writeFileSync(log, Buffer.concat(damage(log)));
    expect(await counts(await open(folder))).toEqual(WHOLE);
  });

  it('when LevelDB was interrupted in its very first open: nothing was stored yet', async () => {
    const folder = join(tempDir(), 'data');
    const store = await open(folder);
    await store.close();
    for (const file of filesOf(folder, /^(CURRENT|syncline\.json|\d+\.log)$/)) rmSync(file);
    expect((await open(folder)).status).toBe('open');
  });

  it('when it does not exist yet, with all folders above it', async () => {
    const store = await open(join(tempDir(), 'x', 'y', 'z'));
    expect(store.status).toBe('open');
  });

  it('again and again, and LevelDB never deletes our files', async () => {
    const folder = await fill('tables');
    for (let run = 0; run < 3; run++) {
      const store = await open(folder);
      expect(await counts(store)).toEqual(WHOLE);
      await store.close();
      expect(existsSync(join(folder, 'syncline.json'))).toBe(true);
    }
    expect(filesOf(folder, /syncline\.(probe|pid)/)).toEqual([]);
  });
});

describe('the folder is refused', () => {
  it('[I1] L04 for one flipped bit in the middle of the log, and nothing is changed', async () => {
    const folder = await fill('log');
    const log = largest(folder, /\.log$/);
    flip(log, Math.floor(statSync(log).size / 2));
    const before = listing(folder);
    expect(await refusalOf(folder)).toContain('damaged');
    expect(listing(folder)).toEqual(before);
    expect(await refusalOf(folder)).toContain('--accept-data-loss');
    const store = await open(folder, { acceptDataLoss: true });
    // The loss is accepted, but no document is served with a hole in it.
    const results = await Promise.allSettled(DOCUMENTS.map((name) => store.load(name)));
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ code: 'document-damaged' });
    }
    expect(results.some((result) => result.status === 'rejected')).toBe(true);
  });

  it('[I1] L04 for a batch that LevelDB cannot replay although its checksum is right', async () => {
    const folder = await fill('log');
    const log = largest(folder, /\.log$/);
    const bytes = readFileSync(log);
    let start = 0;
    for (let at = 0; at + 7 < bytes.length && at < 30_000; at += 7 + bytes.readUInt16LE(at + 4)) {
      if (bytes[at + 6] === 1) start = at; // the last whole record of the first block
    }
    const end = start + 7 + bytes.readUInt16LE(start + 4);
    bytes[start + 7 + 12] = 0x77; // behind sequence and count: the tag of the first operation
    bytes.writeUInt32LE(maskedCrc32c(bytes, start + 6, end), start);
    writeFileSync(log, bytes);
    expect(await refusalOf(folder)).toContain("LevelDB's LOG says");
  });

  it.each([
    ['deleted', (log: string) => rmSync(log)],
    ['emptied', (log: string) => truncateSync(log, 0)],
    ['cut in half', (log: string) => truncateSync(log, Math.floor(statSync(log).size / 2))],
  ] as const)('[I1] L05 when the log is %s', async (_, damage) => {
    const folder = await fill('log');
    damage(largest(folder, /\.log$/));
    expect(await refusalOf(folder)).toMatch(/log.* is missing|end of its log is lost|names store/);
    expect(await refusalOf(folder)).toContain('syncline inspect');
  });

  it('[I1] L06 when a table is missing', async () => {
    const folder = await fill('tables');
    rmSync(largest(folder, /\.ldb$/));
    expect(await refusalOf(folder)).toMatch(/missing file/);
  });

  it('[I1] L07 when CURRENT is missing: no empty database is created, the tables stay', async () => {
    const folder = await fill('tables');
    rmSync(join(folder, 'CURRENT'));
    const before = listing(folder);
    expect(await refusalOf(folder)).toContain('CURRENT is missing');
    expect(listing(folder)).toEqual(before);
    // Not even on request: LevelDB would delete them.
    const store = new LevelStore({ folder, acceptDataLoss: true });
    await expect(store.open()).rejects.toMatchObject({ code: 'refused' });
    expect(listing(folder)).toEqual(before);
  });

  it('[I1] L07 when everything but our own file is missing', async () => {
    const folder = await fill('log');
    for (const file of filesOf(folder, /^(?!syncline)/)) rmSync(file);
    expect(await refusalOf(folder)).toContain('the database is missing');
  });

  it.each([
    ['L08 CURRENT is empty', (folder: string) => truncateSync(join(folder, 'CURRENT'), 0)],
    [
      'L08 CURRENT names a MANIFEST that is not there',
      (folder: string) => writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-999999\n'),
    ],
    [
      'L09 the MANIFEST is cut',
      (folder: string) => truncateSync(manifest(folder), statSync(manifest(folder)).size - 5),
    ],
    ['L09 a bit of the MANIFEST is flipped', (folder: string) => flip(manifest(folder), 20)],
    ['L09 the MANIFEST is empty', (folder: string) => truncateSync(manifest(folder), 0)],
  ] as const)('[I1] %s', async (_, damage) => {
    const folder = await fill('tables');
    damage(folder);
    expect(await refusalOf(folder)).toContain(folder);
  });

  it('L13 when it cannot be written to', async () => {
    const file = join(tempDir(), 'a-file');
    writeFileSync(file, '');
    expect(await refusalOf(join(file, 'data'))).toContain('a-file');
  });

  it('L15 when a newer version has written it', async () => {
    const folder = await fill('log');
    const newer = encodeStore({ schema: 3, storeId: 'x', commit: 9 });
    await edit(folder, (level) => level.put(storeKey, newer));
    expect(await refusalOf(folder)).toContain('newer version');
  });

  it('L15 when it is the database of another program', async () => {
    const folder = join(tempDir(), 'data');
    const level = new ClassicLevel(folder);
    await level.put('!users!alice', '{}');
    await level.close();
    expect(await refusalOf(folder)).toContain('another program');
    const again = new ClassicLevel(folder);
    expect(await again.get('!users!alice')).toBe('{}');
    await again.close();
  });

  it('[I1] when its database was replaced by an older copy of itself, or by another one', async () => {
    const folder = await fill('log');
    const backup = join(tempDir(), 'backup');
    cpSync(folder, backup, { recursive: true });
    const store = await open(folder);
    await store.load('a');
    await store.append('a', payload('a', UPDATES, 10)).durable;
    await store.close();
    const witness = readFileSync(join(folder, 'syncline.json'));
    rmSync(folder, { recursive: true });
    cpSync(backup, folder, { recursive: true });
    writeFileSync(join(folder, 'syncline.json'), witness);
    expect(await refusalOf(folder)).toMatch(/ends at commit \d+, but commit \d+ was acknowledged/);

    const other = await fill('log');
    writeFileSync(join(other, 'syncline.json'), witness);
    expect(await refusalOf(other)).toContain('names store');
  });
});

it('[I1] every single write of the store is synced, whatever it is for', async () => {
  const synced: unknown[] = [];
  // eslint-disable-next-line typescript/unbound-method
  const original = ClassicLevel.prototype.batch as () => { write: (options?: object) => unknown };
  const spy = vi.spyOn(ClassicLevel.prototype, 'batch').mockImplementation(function batch(
    this: object,
  ) {
    const chain = original.call(this);
    const write = chain.write.bind(chain);
    chain.write = (options?: object) => {
      synced.push(options);
      return write(options);
    };
    return chain as never;
  });
  onTestFinished(() => {
    spy.mockRestore();
  });
  const folder = await fill('log');
  const store = await open(folder);
  await store.load('a');
  await store.compact('a', { upToSeq: 9, chunks: [payload('a', 0, 10)], head: Uint8Array.of() });
  await store.quarantine('a', [{ seq: 12, reason: 'a test' }]);
  await store.delete('b');
  expect(synced.length).toBeGreaterThan(UPDATES);
  expect(synced.every((options) => (options as { sync?: boolean }).sync === true)).toBe(true);
});

it('L14 an open that cannot write anything leaves the folder free and closed', async () => {
  const folder = join(tempDir(), 'data');
  mkdirSync(folder);
  writeFileSync(join(folder, 'syncline.json'), '{ not json');
  expect(await refusalOf(folder)).toContain('syncline.json');
  rmSync(join(folder, 'syncline.json'));
  expect((await open(folder)).status).toBe('open');
});
