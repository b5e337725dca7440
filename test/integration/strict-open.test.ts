/**
 * Data folders in every state that a crash, a bad disk or a careless copy can leave: opened only if nothing
 * acknowledged can be missing, else refused with a message that says what was found and what to do.
 * The ids are the rows of the list of bad inputs that this was planned from.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
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
import { basename, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { LevelStore, type DocumentStore } from '../../persistence/index.ts';
import { encodeStore } from '../../persistence/records.ts';
import { storeKey, updateKey, updateKeyPrefix } from '../../persistence/keys.ts';
import { maskedCrc32c } from '../../persistence/log-scan.ts';
import { findLost, StoreProcess } from '../support/store-process.ts';
import { payload } from '../support/store-writer.ts';
import { tempDir } from '../support/temp-dir.ts';

const DOCUMENTS = ['a', 'b', 'c'];
const UPDATES = 40;
const PAYLOAD_BYTES = 3_000;

async function open(folder: string, options: object = {}): Promise<DocumentStore> {
  const store = new LevelStore({ folder, ...options });
  await store.open();
  onTestFinished(() => store.close());
  return store;
}

/** A closed folder whose data lies in one log (`log`), or in tables (`tables`). */
async function fill(where: 'log' | 'tables'): Promise<string> {
  const folder = join(tempDir(), 'data');
  // 64 KiB is LevelDB's smallest write buffer: 120 updates of 3 KB fill it many times.
  const options = where === 'tables' ? { writeBufferSize: 64 * 1024 } : {};
  const store = new LevelStore({ folder, commitIntervalMs: 0, ...options });
  await store.open();
  for (const name of DOCUMENTS) await store.load(name);
  for (let seq = 0; seq < UPDATES; seq++) {
    const appends = DOCUMENTS.map((name) => store.append(name, payload(name, seq, PAYLOAD_BYTES)));
    for (const { durable } of appends) await durable;
  }
  await store.close();
  return folder;
}

function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

function largest(folder: string, pattern: RegExp): string {
  const [first] = filesOf(folder, pattern).toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (first === undefined) throw new Error(`no ${pattern.source} in ${folder}`);
  return first;
}

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

async function edit(
  folder: string,
  change: (level: ClassicLevel<Buffer, Buffer>) => Promise<void>,
): Promise<void> {
  const level = new ClassicLevel<Buffer, Buffer>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  await change(level);
  await level.close();
}

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
    const level = new ClassicLevel<Buffer, Buffer>(folder, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    });
    await level.put(storeKey, encodeStore({ schema: 3, storeId: 'x', commit: 9 }));
    await level.close();
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

describe('one process at a time', () => {
  it('[I1] L12 a second open in this process is refused, also under another path', async () => {
    const folder = await fill('log');
    await open(folder);
    await expect(new LevelStore({ folder }).open()).rejects.toMatchObject({ code: 'locked' });
    const other = join(folder, '..', 'data');
    await expect(new LevelStore({ folder: other }).open()).rejects.toMatchObject({
      code: 'locked',
    });
  });

  it('[I1] L12 a second process is refused and told the pid, also after LOCK was read here', async () => {
    const folder = await fill('log');
    const store = await open(folder);
    // What a careless backup does. It drops the kernel's lock on LOCK.
    readFileSync(join(folder, 'LOCK'));
    const script = `
      import { LevelStore } from ${JSON.stringify(new URL('../../persistence/index.js', import.meta.url).href)};
      await new LevelStore({ folder: ${JSON.stringify(folder)} }).open().then(
        () => console.log('opened'),
        (error) => console.log(error.code + ': ' + error.message),
      );
      process.exit();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await once(child, 'close');
    expect(output).toContain('locked: ');
    expect(output).toContain(`in use by pid ${process.pid}`);
    await store.load('a');
    await store.append('a', payload('a', UPDATES, 10)).durable;
  });

  it('the folder is free again after close, and after kill -9', async () => {
    const folder = join(tempDir(), 'data');
    const options = { folder, documents: 1, payloadBytes: 10, window: 1 };
    const writer = new StoreProcess(options);
    await writer.until('an ack', () => writer.acks.length > 0);
    await expect(new LevelStore({ folder }).open()).rejects.toMatchObject({ code: 'locked' });
    await writer.kill();
    const store = await open(folder);
    await store.close();
    expect((await open(folder)).status).toBe('open');
  });

  it('[I1] L12 no source of the store names the LOCK file', () => {
    const sources = execFileSync('find', [join(process.cwd(), 'persistence'), '-name', '*.ts'])
      .toString()
      .trim()
      .split('\n');
    expect(sources.length).toBeGreaterThan(10);
    for (const source of sources) {
      expect(readFileSync(source, 'utf8'), basename(source)).not.toMatch(/['"]LOCK['"]/);
    }
  });
});

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

it('L14 an open that cannot write anything leaves the folder free and closed', async () => {
  const folder = join(tempDir(), 'data');
  mkdirSync(folder);
  writeFileSync(join(folder, 'syncline.json'), '{ not json');
  expect(await refusalOf(folder)).toContain('syncline.json');
  rmSync(join(folder, 'syncline.json'));
  expect((await open(folder)).status).toBe('open');
});
