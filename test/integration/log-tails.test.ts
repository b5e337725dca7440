/**
 * Power cuts: what was written after the last acknowledged commit may be there in part, or as zeros or garbage.
 * A real process writes and is killed; then its folder is put into the state of one random acknowledgement,
 * with a random tail, and opened. The writers are dead by then: nobody can bring back what is lost.
 */
import { appendFileSync, cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { LevelStore } from '../../persistence/index.ts';
import { seededRandom, type Random } from '../support/random.ts';
import { findLost, StoreProcess } from '../support/store-process.ts';
import type { Ack, WriterOptions } from '../support/store-writer.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Recording {
  readonly folder: string;
  readonly options: WriterOptions;
  /** All of them in one log, in order of their commits. */
  readonly acks: readonly Ack[];
}

async function record(ackCount: number): Promise<Recording> {
  const folder = join(tempDir(), 'data');
  const options = { folder, documents: 3, payloadBytes: 300, window: 5, commitIntervalMs: 0 };
  const writer = new StoreProcess(options);
  await writer.until(`${ackCount} acks`, () => writer.acks.length >= ackCount);
  await writer.kill();
  const log = writer.acks.at(-1)?.log;
  expect(writer.acks.every((ack) => ack.log === log)).toBe(true);
  return { folder, options, acks: writer.acks };
}

// Never LOCK: reading it would drop the lock of a running owner (here the owner is dead, but habits count).
const isCopied = (path: string): boolean => basename(path) !== 'LOCK';

/** A copy as of one commit: the witness is as recent as it can be, so the check is as strict as it can be. */
function copyAsOf(recording: Recording, target: string, commit: number): void {
  cpSync(recording.folder, target, { recursive: true, filter: isCopied });
  const path = join(target, 'syncline.json');
  const witness = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...witness, commit }));
}

const FILLS = ['nothing', 'zeros', 'garbage'] as const;

function addTail(random: Random, log: string): string {
  const fill = random.pick(FILLS);
  const length = random.below(random.oneIn(4) ? 70_000 : 600);
  if (fill === 'zeros') appendFileSync(log, Buffer.alloc(length));
  else if (fill === 'garbage') {
    appendFileSync(
      log,
      Uint8Array.from({ length }, () => random.below(256)),
    );
  }
  return `${fill} ${length}`;
}

it('[I1] 500 cut-off log tails at or past the acked length lose nothing acked', async () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const recording = await record(1_500);
  const { acks, options } = recording;
  const root = tempDir();
  let checked = 0;
  for (let run = 0; run < 500; run++) {
    const index = random.below(acks.length - 1);
    const last = acks[index] as Ack;
    const next = acks.slice(index).find((ack) => ack.commit > last.commit) ?? last;
    const acked = acks.filter((ack) => ack.commit <= last.commit);
    const cut = last.size + random.below(next.size - last.size + 1);
    const folder = join(root, `run-${run}`);
    copyAsOf(recording, folder, last.commit);
    const log = join(folder, last.log);
    truncateSync(log, cut);
    const tail = addTail(random, log);
    const what = `seed ${seed}, run ${run}: commit ${last.commit}, cut at ${cut} of ${last.size}, then ${tail}`;
    const lost = await findLost(folder, acked, { ...options, folder }).catch((error: unknown) => {
      throw new Error(what, { cause: error });
    });
    expect(lost, what).toEqual([]);
    checked += acked.length;
  }
  expect(checked).toBeGreaterThan(50_000);
}, 300_000);

it('[I1] a log that was cut below the acked length is refused, and opened only in so many words', async () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const recording = await record(300);
  const { acks } = recording;
  const root = tempDir();
  for (let run = 0; run < 30; run++) {
    const last = acks[10 + random.below(acks.length - 20)] as Ack;
    const folder = join(root, `run-${run}`);
    copyAsOf(recording, folder, last.commit);
    const log = join(folder, last.log);
    const missing = 1 + random.below(random.oneIn(3) ? 3_000 : 10);
    truncateSync(log, last.size - missing);
    addTail(random, log);
    const what = `seed ${seed}, run ${run}: ${missing} bytes below commit ${last.commit}`;
    const store = new LevelStore({ folder });
    await expect(store.open(), what).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('--accept-data-loss') as string,
    });
    // Not only the first time: LevelDB has cleaned up the log by now, the witness remembers.
    await expect(new LevelStore({ folder }).open(), what).rejects.toMatchObject({
      code: 'refused',
    });
    const resigned = new LevelStore({ folder, acceptDataLoss: true });
    await resigned.open();
    expect(resigned.status).toBe('open');
    await resigned.close();
    const again = new LevelStore({ folder });
    await again.open();
    await again.close();
  }
});
