/** The reader of LevelDB's log format, held against logs that LevelDB wrote itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { describe, expect, it } from 'vitest';
import { liveLogNumber, scanLog } from '../../../persistence/log-scan.ts';
import { seededRandom } from '../../support/random.ts';
import { tempDir } from '../../support/temp-dir.ts';

const BATCHES = 60;

interface Files {
  readonly log: Buffer;
  readonly number: number;
  readonly manifest: Buffer;
}

async function writeLog(valueOf: (index: number) => string = anyLength): Promise<Files> {
  const folder = tempDir();
  const level = new ClassicLevel(folder, { compression: false });
  for (let index = 0; index < BATCHES; index++) {
    await level.batch([
      { type: 'put', key: `a${index}`, value: valueOf(index) },
      { type: 'del', key: `b${index}` },
    ]);
  }
  await level.close();
  const name = readdirSync(folder).find((file) => file.endsWith('.log')) ?? '';
  const manifest = readFileSync(join(folder, 'CURRENT'), 'utf8').trim();
  return {
    log: readFileSync(join(folder, name)),
    number: Number.parseInt(name, 10),
    manifest: readFileSync(join(folder, manifest)),
  };
}

/** From one byte to several blocks of 32 KiB, so that every kind of fragment occurs. */
function anyLength(index: number): string {
  return 'x'.repeat(index % 7 === 0 ? 70_000 : 1 + index * 37);
}

describe('log scan', () => {
  it('reads what LevelDB wrote, without gaps', async () => {
    const { log, number, manifest } = await writeLog();
    const { firstSequence, nextSequence, ...scan } = scanLog(log);
    expect(scan).toEqual({ batches: BATCHES, tornBytes: 0, damage: null });
    expect(Number((nextSequence ?? 0n) - (firstSequence ?? 0n))).toBe(2 * BATCHES);
    expect(liveLogNumber(manifest)).toBe(number);
  });

  it('a log that is cut anywhere has a torn tail, not damage', async () => {
    const { log } = await writeLog();
    const random = seededRandom(7);
    for (let run = 0; run < 60; run++) {
      const cut = random.below(log.length);
      const scan = scanLog(log.subarray(0, cut));
      expect(scan.damage, `cut at ${cut}`).toBeNull();
      const zeros = Buffer.concat([log.subarray(0, cut), Buffer.alloc(random.below(5_000))]);
      expect(scanLog(zeros)).toMatchObject({ batches: scan.batches, damage: null });
    }
  });

  it('[I1] any flipped bit before the last batch is damage', async () => {
    const { log } = await writeLog();
    const random = seededRandom(8);
    let end = 0;
    for (let size = log.length - 1; end === 0; size--) {
      if (scanLog(log.subarray(0, size)).tornBytes === 0) end = size;
    }
    for (let run = 0; run < 60; run++) {
      const at = random.below(end);
      const flipped = Buffer.from(log);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
      const { damage } = scanLog(flipped);
      // Only the zeros at the end of a block mean nothing.
      const isTrailer = log[at] === 0 && scanLog(flipped).batches === BATCHES;
      expect(damage !== null || isTrailer, `bit at ${at}`).toBe(true);
    }
  });

  it('[I1] a batch that is cut out is noticed by the sequence', async () => {
    const { log } = await writeLog(String); // all in one block, so that the rest stays readable
    const ends = [0];
    for (let at = 0; at < log.length;) {
      at += 7 + log.readUInt16LE(at + 4);
      ends.push(at);
    }
    const without = Buffer.concat([log.subarray(0, ends[20]), log.subarray(ends[21])]);
    expect(scanLog(without).damage).toContain('a batch is missing');
  });
});
