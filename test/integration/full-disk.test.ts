/**
 * A full disk: what is acknowledged stays true, what is not waits, and when space returns everything goes on
 * without a restart. On a real file system of a few MiB where we may mount one (root, on Linux), with a writer
 * in a process of its own that is killed in the end. The same checker must catch the two classic mistakes.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { LevelStore, MemoryStore, type LevelStoreOptions } from '../../persistence/index.ts';
import { findLost, StoreProcess } from '../support/store-process.ts';
import { payload, type Ack, type WriterOptions } from '../support/store-writer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

const DISK_MIB = 24;

/** Null where no file system can be mounted. */
function mountSmallDisk(): string | null {
  const folder = tempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
  } catch {
    return null;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  return folder;
}

/** Writes until nothing fits any more. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [65_536, 4_096, 512, 1]) {
      const block = Buffer.alloc(size, 1);
      for (;;) {
        if (writeSync(file, block) < size) break;
      }
    }
    fsyncSync(file);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(file);
  }
}

interface Outcome {
  readonly acks: readonly Ack[];
  readonly lost: readonly Ack[];
  readonly writer: StoreProcess;
  /** Acknowledged after space had returned. */
  readonly acksAfter: number;
}

/**
 * The whole story: write, full, (reads), space returns, write on, kill -9, read. A fault that did not happen
 * proves nothing, so the run fails unless the store had noticed.
 */
async function runFullDisk(
  disk: string,
  sabotage: LevelStoreOptions['sabotage'],
  whileFull: (writer: StoreProcess) => Promise<void>,
): Promise<Outcome> {
  const folder = join(disk, 'data');
  mkdirSync(folder);
  const options: WriterOptions = { folder, documents: 3, payloadBytes: 700, window: 30 };
  const writer = new StoreProcess(sabotage === undefined ? options : { ...options, sabotage });
  await writer.until('500 acks', () => writer.acks.length >= 500);
  const filler = join(disk, 'filler');
  fillUp(filler);
  await whileFull(writer);
  rmSync(filler);
  const before = writer.acks.length;
  await writer.until('500 acks after', () => writer.acks.length >= before + 500);
  await writer.kill();
  const acks = [...writer.acks];
  const lost = await findLost(folder, acks, options);
  return { acks, lost, writer, acksAfter: acks.length - before };
}

function isDegraded(writer: StoreProcess): boolean {
  const last = writer.reports.findLast((report) => report.type === 'status');
  return last?.type === 'status' && last.status === 'degraded';
}

it('[I5] a full disk: no ack while it is full, reads work, and when space returns all is acked without a restart', async (context) => {
  const disk = mountSmallDisk();
  if (disk === null) return context.skip('no file system can be mounted here');
  const { acks, lost, writer } = await runFullDisk(disk, undefined, async (process) => {
    await process.until('the store to notice', () => isDegraded(process));
    const acked = process.acks.length;
    // Long enough for several attempts to open again: each of them must leave everything as it is.
    const attempts = process.reports.filter((report) => report.type === 'status').length;
    await process.until('further attempts', () => {
      return process.reports.filter((report) => report.type === 'status').length >= attempts + 3;
    });
    const reads = process.reports.length;
    process.send('read');
    await process.until('a read', () =>
      process.reports.slice(reads).some((r) => r.type === 'read'),
    );
    const read = process.reports.find((report) => report.type === 'read');
    expect(read).toMatchObject({ error: null });
    expect(read?.type === 'read' && read.updates).toBeGreaterThan(100);
    expect(process.acks.length).toBe(acked);
  });
  expect(lost).toEqual([]);
  expect(acks.length).toBeGreaterThan(1_000);
  const message = writer.reports.find((r) => r.type === 'status' && r.status === 'degraded');
  expect(message).toMatchObject({ message: expect.stringMatching(/space/i) as string });
  const recovered = writer.reports.filter((report) => report.type === 'recovered');
  expect(recovered.length).toBeGreaterThanOrEqual(1);
  // Every update that had waited was acknowledged, in order.
  const seqs = acks.filter((ack) => ack.name === 'doc-0').map((ack) => ack.seq);
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index));
  return undefined;
});

it.each([{ skipReopen: true }, { ackBeforeBatch: true }] as const)(
  '[I5] the same run catches a store with %o: acknowledged updates are missing',
  async (sabotage) => {
    const disk = mountSmallDisk();
    if (disk === null) return;
    const { lost } = await runFullDisk(disk, sabotage, async (writer) => {
      const acked = writer.acks.length;
      if ('ackBeforeBatch' in sabotage) {
        await writer.until('false acks', () => writer.acks.length > acked + 500);
      } else await writer.until('the store to notice', () => isDegraded(writer));
    }).catch((error: unknown) => {
      // The folder may be beyond opening; that is being caught, too.
      expect(error).toMatchObject({ code: 'refused' });
      return { lost: ['refused'] };
    });
    expect(lost.length).toBeGreaterThan(0);
  },
);

it('[I1] what a lying disk has lost while the process lives is written again from memory', async (context) => {
  const disk = mountSmallDisk();
  if (disk === null) return context.skip('no file system can be mounted here');
  const folder = join(disk, 'data');
  const recoveries: number[] = [];
  const store = new LevelStore({
    folder,
    commitIntervalMs: 0,
    observer: { onRecovered: ({ rewrittenRecords }) => recoveries.push(rewrittenRecords) },
  });
  await store.open();
  onTestFinished(() => store.close(0));
  await store.load('a');
  const log = join(folder, '000003.log');
  let early = 0;
  for (let seq = 0; seq < 50; seq++) {
    await store.append('a', payload('a', seq, 500)).durable;
    if (seq === 20) early = statSync(log).size;
  }
  const filler = join(disk, 'filler');
  fillUp(filler);
  const waiting = Array.from({ length: 10 }, (_, index) =>
    store.append('a', payload('a', 50 + index, 5_000)),
  );
  await waitUntil('the store to notice', () => store.status === 'degraded');
  truncateSync(log, early); // 29 acknowledged updates are gone
  rmSync(filler);
  for (const { durable } of waiting) await durable;
  expect(recoveries.length).toBe(1);
  await store.close();
  const next = new LevelStore({ folder });
  await next.open();
  onTestFinished(() => next.close());
  const { tail } = await next.load('a');
  const expected = Array.from({ length: 60 }, (_, seq) =>
    payload('a', seq, seq < 50 ? 500 : 5_000),
  );
  expect(tail.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(expected.map(String));
  return undefined;
});

it('[I5] the same story with the memory store, where nothing can be mounted', async () => {
  const store = new MemoryStore();
  await store.open();
  await store.load('a');
  await store.append('a', Uint8Array.of(1)).durable;
  store.failWrites();
  let isAcked = false;
  const { durable } = store.append('a', Uint8Array.of(2));
  void durable.then(() => {
    isAcked = true;
  });
  await waitUntil('the store to notice', () => store.status === 'degraded');
  expect((await store.load('b')).lastSeq).toBe(-1);
  expect(isAcked).toBe(false);
  expect(store.lastError?.message).toMatch(/space/);
  store.recover();
  await durable;
  const left = store.crash(() => 0);
  await left.open();
  expect((await left.load('a')).tail.length).toBe(2);
});
