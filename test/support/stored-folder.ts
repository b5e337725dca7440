/** Data folders with three documents of forty updates each, as a node leaves them: for tests that damage them. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { onTestFinished } from 'vitest';
import { LevelStore, type DocumentStore } from '../../persistence/index.ts';
import { payload } from './store-writer.ts';
import { tempDir } from './temp-dir.ts';

export const DOCUMENTS: readonly string[] = ['a', 'b', 'c'];
export const UPDATES = 40;
const PAYLOAD_BYTES = 3_000;

export async function open(folder: string, options: object = {}): Promise<DocumentStore> {
  const store = new LevelStore({ folder, ...options });
  await store.open();
  onTestFinished(() => store.close());
  return store;
}

/** A closed folder whose data lies in one log (`log`), or in tables (`tables`). */
export async function fill(where: 'log' | 'tables'): Promise<string> {
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

export function filesOf(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}

export function largest(folder: string, pattern: RegExp): string {
  const [first] = filesOf(folder, pattern).toSorted((a, b) => statSync(b).size - statSync(a).size);
  if (first === undefined) throw new Error(`no ${pattern.source} in ${folder}`);
  return first;
}

/** Changes a closed folder behind the store's back. */
export async function edit(
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
