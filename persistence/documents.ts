/**
 * The name index: which documents there are, which were deleted, which y-leveldb has added. One record a
 * document, in order of name.
 */
import { writePortions, type DiskAccess } from './compactor.ts';
import * as keys from './keys.ts';
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
