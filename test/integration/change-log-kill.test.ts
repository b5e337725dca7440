/**
 * [I1] `kill -9` in the middle of writing: an update and the word of it in the change log are on disk together, or
 * neither is. A batch stamps both with one time, so the times must be the same, document by document.
 */
import { ClassicLevel } from 'classic-level';
import { expect, it } from 'vitest';
import { sumsKeyPrefix, updateKey } from '../../persistence/keys.ts';
import { allChanges, positionOfChangeKey } from '../../persistence/record-keys.ts';
import { decodeChanges, decodeSums } from '../../persistence/records.ts';
import { StoreProcess } from '../support/store-process.ts';
import { documentName } from '../support/store-writer.ts';
import { tempDir } from '../support/temp-dir.ts';

const DOCUMENTS = 4;

interface Times {
  readonly updates: number[];
  readonly changes: number[];
}

async function timesIn(
  folder: string,
): Promise<{ times: Map<string, Times>; positions: number[] }> {
  const level = new ClassicLevel<Buffer, Uint8Array>(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'view',
  });
  const times = new Map<string, Times>();
  const positions: number[] = [];
  for (let index = 0; index < DOCUMENTS; index++) {
    const prefix = sumsKeyPrefix(documentName(index));
    const range = { gte: updateKey(prefix, 0), lt: updateKey(prefix, 0xffff_ffff) };
    const updates: number[] = [];
    for await (const value of level.values(range)) updates.push(decodeSums(value)?.atMs ?? -1);
    times.set(documentName(index), { updates, changes: [] });
  }
  for await (const [key, value] of level.iterator(allChanges)) {
    positions.push(positionOfChangeKey(key));
    const record = decodeChanges(value);
    // A new document of several updates is created and changed in one batch.
    for (const name of new Set(record?.changes.map((change) => change.name))) {
      times.get(name)?.changes.push(record?.atMs ?? -2);
    }
  }
  await level.close();
  return { times, positions };
}

it('[I1] an update and the word of it are durable together, over three kills', async () => {
  const folder = tempDir();
  let before = 0;
  for (let round = 0; round < 3; round++) {
    const writer = new StoreProcess({
      folder,
      documents: DOCUMENTS,
      payloadBytes: 200,
      window: 20,
      commitIntervalMs: 0,
      recordsChanges: true,
    });
    await writer.until('200 acks', () => writer.acks.length >= 200);
    await writer.kill();
    const { times, positions } = await timesIn(folder);
    for (const [name, { updates, changes }] of times) {
      expect({ name, times: changes }).toEqual({ name, times: updates });
    }
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(new Set(positions).size).toBe(positions.length);
    expect(positions.length).toBeGreaterThan(before);
    before = positions.length;
  }
});
