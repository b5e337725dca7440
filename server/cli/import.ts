/** `syncline import`: brings an archive into a data folder, new or existing. */
import { LevelStore, StoreError, type RecordKey } from '../../persistence/index.ts';
import { readArchive } from './archive.ts';
import { count, EXIT, formatName, type Output } from './command.ts';
import { replay } from './replay.ts';

export interface ImportOptions {
  /** Merge into documents that exist, instead of refusing. */
  readonly merge?: boolean;
}

/** Checks the whole archive before it writes anything. */
export async function importArchive(
  file: string,
  folder: string,
  options: ImportOptions,
  { note }: Output,
): Promise<number> {
  for await (const entry of readArchive(file)) {
    if (!('update' in entry)) continue;
    const result = replay([entry.update]);
    if (!result.isSound) throw new Error(`${formatName(entry.name)}: ${result.problem}`);
  }
  const store = new LevelStore({ folder });
  await store.open();
  try {
    const existing = await findExisting(store, file);
    if (existing.size > 0 && options.merge !== true) {
      for (const name of [...existing].slice(0, 20)) note(`${formatName(name)} exists`);
      note(
        `${count(existing.size, 'document')} of the archive exist already; nothing was written. --merge adds to them`,
      );
      return EXIT.failed;
    }
    let written = 0;
    for await (const entry of readArchive(file)) {
      if ('record' in entry) {
        await restoreRecord(store, entry.record, entry.value);
        continue;
      }
      if ('deletedAtMs' in entry) await store.delete(entry.name);
      else if (existing.has(entry.name)) {
        await store.load(entry.name);
        await store.append(entry.name, entry.update).durable;
        store.release(entry.name);
      } else await store.restore(entry.name, entry.update, entry.createdAtMs);
      written++;
      if (written % 1_000 === 0) note(`${written} documents imported …`);
    }
    note(`${count(written, 'document')} imported`);
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

/** What is here already stays. */
async function restoreRecord(store: LevelStore, key: RecordKey, value: Uint8Array): Promise<void> {
  if ((await store.records.get(key)) === null) await store.records.write([{ key, value }]);
}

/** Documents of the archive that the store has, too. A tombstone counts: a document does not rise again. */
async function findExisting(store: LevelStore, file: string): Promise<Set<string>> {
  const existing = new Set<string>();
  for await (const entry of readArchive(file)) {
    if ('record' in entry) continue;
    const { name } = entry;
    try {
      if ((await store.load(name)).lastSeq >= 0) existing.add(name);
      store.release(name);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'document-deleted')) throw error;
      if ('deletedAtMs' in entry) continue; // here as there
      throw new Error(`${formatName(name)} was deleted here and cannot come back`, {
        cause: error,
      });
    }
  }
  return existing;
}
