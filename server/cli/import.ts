/**
 * `syncline import`: brings documents from elsewhere into a data folder, new or existing. The whole source is checked before
 * anything is written, what is here is never overwritten, and what was done and what was not is said.
 */
import { LevelStore, StoreError, type RecordKey } from '../../persistence/index.ts';
import { parseDocumentName } from '../protocol/document-name.ts';
import { count, EXIT, formatName, type Output } from './command.ts';
import { replay } from './replay.ts';
import { openSource, type Source } from './sources/source.ts';

export interface ImportOptions {
  /** Merge into documents that exist, instead of refusing. */
  readonly merge?: boolean;
  /** Leave out what cannot be read, instead of refusing. */
  readonly skip?: boolean;
}

const SHOWN_MAX = 20;

export async function importFrom(
  path: string,
  folder: string,
  options: ImportOptions,
  output: Output,
): Promise<number> {
  const source = await openSource(path);
  try {
    return await bringIn(source, folder, options, output);
  } finally {
    await source.close();
  }
}

async function bringIn(
  source: Source,
  folder: string,
  options: ImportOptions,
  { note }: Output,
): Promise<number> {
  const unreadable = await check(source);
  tell(unreadable, note);
  if (unreadable.size > 0 && options.skip !== true) {
    note(
      `${source.kind}: ${count(unreadable.size, 'document')} cannot be brought in; nothing was written. --skip leaves them out`,
    );
    return EXIT.failed;
  }
  const store = new LevelStore({ folder });
  await store.open();
  try {
    const existing = await findExisting(store, source, unreadable);
    if (existing.size > 0 && options.merge !== true) {
      for (const name of [...existing].slice(0, SHOWN_MAX)) note(`${formatName(name)} exists`);
      note(
        `${count(existing.size, 'document')} of ${source.kind} exist already; nothing was written. --merge adds to them`,
      );
      return EXIT.failed;
    }
    const written = await write(store, source, existing, unreadable, note);
    const leftOut = unreadable.size === 0 ? '' : `, ${unreadable.size} left out`;
    const merged = existing.size === 0 ? '' : ` (${existing.size} merged into what was here)`;
    note(`${count(written, 'document')} imported from ${source.kind}${merged}${leftOut}`);
    return unreadable.size === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await store.close();
  }
}

/** What cannot be brought in, and why. */
async function check(source: Source): Promise<ReadonlyMap<string, string>> {
  const unreadable = new Map<string, string>();
  for await (const entry of source.entries()) {
    if ('record' in entry || 'deletedAtMs' in entry) continue;
    const { name } = entry;
    if ('problem' in entry) unreadable.set(name, entry.problem);
    else if (parseDocumentName(name) === null) {
      unreadable.set(name, 'no client can ask for a document of this name here');
    } else {
      const result = replay([entry.update]);
      if (!result.isSound) unreadable.set(name, result.problem);
    }
  }
  return unreadable;
}

function tell(unreadable: ReadonlyMap<string, string>, note: Output['note']): void {
  for (const [name, problem] of [...unreadable].slice(0, SHOWN_MAX)) {
    note(`${formatName(name)}: ${problem}`);
  }
  if (unreadable.size > SHOWN_MAX) note(`… and ${unreadable.size - SHOWN_MAX} more`);
}

async function write(
  store: LevelStore,
  source: Source,
  existing: ReadonlySet<string>,
  unreadable: ReadonlyMap<string, string>,
  note: Output['note'],
): Promise<number> {
  let written = 0;
  for await (const entry of source.entries()) {
    if ('record' in entry) {
      await restoreRecord(store, entry.record, entry.value);
      continue;
    }
    if ('problem' in entry || unreadable.has(entry.name)) continue;
    if ('deletedAtMs' in entry) await store.delete(entry.name);
    else if (existing.has(entry.name)) {
      await store.load(entry.name);
      await store.append(entry.name, entry.update).durable;
      store.release(entry.name);
    } else await store.restore(entry.name, entry.update, entry.createdAtMs);
    written++;
    if (written % 1_000 === 0) note(`${written} documents imported …`);
  }
  return written;
}

/** What is here already stays. */
async function restoreRecord(store: LevelStore, key: RecordKey, value: Uint8Array): Promise<void> {
  if ((await store.records.get(key)) === null) await store.records.write([{ key, value }]);
}

/** Documents of the source that the store has, too. A tombstone counts: a document does not rise again. */
async function findExisting(
  store: LevelStore,
  source: Source,
  unreadable: ReadonlyMap<string, string>,
): Promise<Set<string>> {
  const existing = new Set<string>();
  for await (const entry of source.entries()) {
    if ('record' in entry || 'problem' in entry || unreadable.has(entry.name)) continue;
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
