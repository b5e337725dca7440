import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as Y from 'yjs';
import { afterEach, describe, expect, test } from 'vitest';
import { WorkerError, WorkerPool } from '../../../../server/rooms/workers/worker-pool.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { canonical, honestCrowd, load, loadQuietly, versionOf } from '../../../support/docs.ts';
import { forgeItems } from '../../../support/forge.ts';

const run = promisify(execFile);
let pool: WorkerPool | null = null;

function open(
  options: { threadsMax?: number; queueMax?: number; heapMiBMax?: number } = {},
): WorkerPool {
  pool = new WorkerPool({ threadsMax: 2, queueMax: 16, ...options });
  return pool;
}

const SCAN_IN_A_THREAD = `
  const { WorkerPool } = await import(process.argv[1]);
  const pool = new WorkerPool({ threadsMax: 2, queueMax: 16 });
  await pool.scan(new Uint8Array([0, 0]));
  await pool.close();
`;

afterEach(async () => {
  await pool?.close();
  pool = null;
});

/**
 * 10,000 characters, and an item before each of them that claims to stand at the start: Yjs takes 0.26 s for 1,000
 * of these, 1.1 s for 2,000, 5 s for 4,000.
 */
const QUADRATIC: Uint8Array = forgeItems(1, [
  { text: 'x'.repeat(10_000) },
  ...Array.from({ length: 10_000 }, (_, at) => ({ rightOrigin: [1, at] as const })),
]);

function typed(clientId: number, text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

async function codeOf(task: Promise<unknown>): Promise<unknown> {
  try {
    await task;
    return 'no error';
  } catch (error) {
    return error instanceof WorkerError ? error.code : error;
  }
}

describe('worker pool', () => {
  test('gives the same answers as the functions themselves, and leaves the bytes to their owner', async () => {
    const workers = open();
    const updates = honestCrowd(3, 40).map(({ update }) => Buffer.from(update));
    const before = updates.map((update) => update.toString('hex'));
    const doc = loadQuietly(updates);

    const made = await workers.compact({ chunks: [], tail: updates }, 10_000);
    expect(made.quarantined).toEqual([]);
    expect(canonical(loadQuietly(made.chunks))).toEqual(canonical(doc));
    expect(Version.decode(made.head)?.equals(versionOf(doc))).toBe(true);

    const lacking = await workers.diff({ chunks: made.chunks, tail: [] }, Uint8Array.of(0));
    expect(canonical(loadQuietly(lacking))).toEqual(canonical(doc));

    const scanned = await workers.scan(updates[0] as Buffer);
    expect(scanned.isValid).toBe(true);

    expect(
      (await workers.trial({ chunks: made.chunks, tail: [], update: typed(77, 'x') }, 5_000)).ok,
    ).toBe(true);
    expect(updates.map((update) => update.toString('hex'))).toEqual(before);
  });

  test('[I6] a quadratic document runs into the deadline, and the main thread does not wait for it', async () => {
    const workers = open();
    await workers.scan(typed(1, 'warm'));
    let longestMs = 0;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 5);
    const startedMs = performance.now();
    const result = await workers.trial({ chunks: [], tail: [], update: QUADRATIC }, 300);
    clearInterval(timer);
    expect(result).toMatchObject({ ok: false, reason: 'deadline' });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(longestMs).toBeLessThan(200);
  });

  test('an update in the tail that takes too long is set aside, the rest is compacted', async () => {
    const workers = open();
    await workers.scan(typed(1, 'warm'));
    const tail = [typed(11, 'before'), QUADRATIC, typed(12, 'after')];
    const made = await workers.compact({ chunks: [], tail }, 1_000);
    expect(made.quarantined).toEqual([{ index: 1, reason: 'too-slow' }]);
    expect(load(made.chunks).getText('text').toJSON()).toContain('before');
    expect(load(made.chunks).getText('text').toJSON()).toContain('after');
  });

  test('after a deadline has killed the only thread, what waited for it still runs', async () => {
    const workers = open({ threadsMax: 1 });
    const doomed = workers.trial({ chunks: [], tail: [], update: QUADRATIC }, 100);
    const waiting = workers.scan(typed(1, 'x'));
    expect((await doomed).ok).toBe(false);
    expect((await waiting).isValid).toBe(true);
  });

  test('a compaction does not hold up what clients wait for', async () => {
    const workers = open({ threadsMax: 1 });
    const compaction = codeOf(workers.compact({ chunks: [QUADRATIC], tail: [] }, 1_500));
    await pause(10);
    expect((await workers.scan(typed(1, 'x'))).isValid).toBe(true);
    expect(await compaction).toBe('deadline');
  });

  test('more tasks than may wait are turned away with queue-full', async () => {
    const workers = open({ threadsMax: 1, queueMax: 2 });
    const scans = Array.from({ length: 5 }, () => codeOf(workers.scan(typed(1, 'x'))));
    const codes = await Promise.all(scans);
    expect(codes.filter((code) => code === 'no error')).toHaveLength(3);
    expect(codes.filter((code) => code === 'queue-full')).toHaveLength(2);
  });

  test('a task that runs out of memory fails alone, and the next one runs', async () => {
    const workers = open({ heapMiBMax: 24 });
    const doc = new Y.Doc();
    doc.transact(() => {
      for (let key = 0; key < 200_000; key++) doc.getMap('map').set(`key ${key}`, { key });
    });
    const tail = [Y.encodeStateAsUpdate(doc)];
    expect(await codeOf(workers.compact({ chunks: [], tail }, 20_000))).toBe('worker-failed');
    expect((await workers.scan(typed(1, 'x'))).isValid).toBe(true);
  });

  test('closing rejects what runs, what waits and what comes', async () => {
    const workers = open({ threadsMax: 1 });
    const running = codeOf(workers.compact({ chunks: [QUADRATIC], tail: [] }, 20_000));
    const waiting = codeOf(workers.compact({ chunks: [], tail: [] }, 20_000));
    await pause(50);
    await workers.close();
    expect(await running).toBe('closed');
    expect(await waiting).toBe('closed');
    expect(await codeOf(workers.scan(typed(1, 'x')))).toBe('closed');
  });
});

test('[I5] no module of a thread is loaded for require(): ended meanwhile, it would take the process with it', async () => {
  const module = new URL('../../../../server/rooms/workers/worker-pool.js', import.meta.url).href;
  const { stderr } = await run(
    process.execPath,
    // A flag of V8's, with which threads are refused that repeat the flags of the process.
    ['--max-old-space-size=300', '--input-type=module', '--eval', SCAN_IN_A_THREAD, module],
    { env: { ...process.env, NODE_DEBUG: 'esm' }, maxBuffer: 64 * 1024 * 1024 },
  );
  expect(stderr).toContain('worker-tasks.js');
  expect(stderr).not.toContain('importSyncForRequire');
});
