/**
 * The name index: which documents there are, which were deleted, which y-leveldb has added. One record a
 * document, in order of name.
 */
import { writePortions, type DiskAccess } from './compactor.ts';
import * as keys from './keys.ts';
import { recordsOfDocument } from './record-keys.ts';
import * as records from './records.ts';
import type { Reader } from './level-handle.ts';
import { StoreError, type DocumentSummary } from './store.ts';

type Operation = readonly [key: Buffer, value: Uint8Array | null];

export interface ListQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit: number;
  readonly includeDeleted?: boolean;
}

export async function listDocuments(
  reader: Reader,
  query: ListQuery,
): Promise<readonly DocumentSummary[]> {
  const found: DocumentSummary[] = [];
  if (query.limit <= 0) return found;
  for await (const [key, value] of reader.entries(keys.nameRange(query))) {
    // A damaged record still names a document; loading it will tell what is wrong.
    const record = records.decodeDocument(value);
    const isDeleted = record !== null && record.deletedAtMs !== null;
    if (isDeleted && query.includeDeleted !== true) continue;
    const createdAtMs = record?.createdAtMs ?? null;
    found.push({ name: keys.nameOfNameKey(key), createdAtMs, isDeleted });
    if (found.length === query.limit) break;
  }
  return found;
}

/** How many names are looked up at once. */
const LOOKUP_MAX = 1_000;

/** Documents that y-leveldb's list names and our index does not. */
export async function* missingFromIndex(reader: Reader): AsyncIterable<string> {
  let names: string[] = [];
  async function* missing(): AsyncIterable<string> {
    const isIndexed = await reader.hasMany(names.map(keys.nameKey));
    for (const [index, name] of names.entries()) if (isIndexed[index] !== true) yield name;
    names = [];
  }
  for await (const key of reader.keys(keys.stateVectorRange)) {
    if (names.push(keys.nameOfStateVectorKey(key)) === LOOKUP_MAX) yield* missing();
  }
  yield* missing();
}

/**
 * Gives every document of y-leveldb an index record. Their age is not known. Where LevelDB cannot read its own
 * list (a damaged table), what was found counts: the documents that can be read are served all the same.
 */
export async function adoptDocuments({ committer, read }: DiskAccess): Promise<void> {
  const missing: string[] = [];
  await read(async (reader) => {
    for await (const name of missingFromIndex(reader)) missing.push(name);
  }).catch((error: unknown) => {
    if (!(error instanceof StoreError && error.code === 'read-failed')) throw error;
  });
  const record = records.encodeDocument({ createdAtMs: null, deletedAtMs: null });
  await writePortions(
    committer,
    missing.map((name): Operation => [keys.nameKey(name), record]),
  );
}

interface Deletion {
  readonly name: string;
  readonly deletedAtMs: number;
  readonly hasBeenStored: boolean;
  /** The change log says nothing of it. */
  readonly isTold: boolean;
}

/**
 * The tombstone first: from then on the document is gone, whatever happens to the rest. Then its records, in
 * portions. Quarantined updates go too: deleted means deleted.
 *
 * `hasBeenStored`: updates of it are on disk, or on their way.
 */
export async function deleteDocument(
  { committer, read }: DiskAccess,
  { name, deletedAtMs, hasBeenStored, isTold }: Deletion,
): Promise<void> {
  const known = await read(async (reader) => {
    const value = await reader.get(keys.nameKey(name));
    return value === undefined ? null : records.decodeDocument(value);
  });
  const createdAtMs = known?.createdAtMs ?? null;
  // A name that never was a document, or no longer is one, gets its tombstone without a word.
  const isChange = hasBeenStored || (known !== null && known.deletedAtMs === null);
  await committer.write(
    [
      [keys.nameKey(name), records.encodeDocument({ createdAtMs, deletedAtMs })],
      [keys.stateVectorKey(name), null],
    ],
    isChange && !isTold ? { kind: 'deleted', name } : undefined,
  );
  await removeRecords({ committer, read }, name);
}

/** Everything of a document but its index record. */
export async function removeRecords({ committer, read }: DiskAccess, name: string): Promise<void> {
  const doomed = await read(async (reader) => {
    const found: Operation[] = [];
    const ranges = [
      keys.documentRange(name),
      keys.recordRange('sums', name),
      keys.recordRange('quarantine', name),
      recordsOfDocument(name),
    ];
    for (const range of ranges) {
      for await (const key of reader.keys(range)) found.push([key, null]);
    }
    for (const key of [keys.recordKey('base', name), keys.recordKey('skips', name)]) {
      if ((await reader.get(key)) !== undefined) found.push([key, null]);
    }
    return found;
  });
  await writePortions(committer, doomed);
}
