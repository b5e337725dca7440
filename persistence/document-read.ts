/**
 * Reads one document from a snapshot of the database and checks it: checksums, no holes in its sequence.
 * Used by the store when a document is opened, and by `syncline verify`.
 *
 * A live document is the chunks that its base record lists, plus every update after `upToSeq`. Numbers after
 * `upToSeq` that are not updates are accounted for in the skips record: chunks of a compaction that did not
 * finish or of a base that was replaced, quarantined updates. What still lies under such a number with the
 * recorded checksum is an orphan of a crash, to be deleted.
 *
 * Two layouts are told apart by the clock in `['v1_sv', doc]`:
 * - ours (`OUR_CLOCK`): the rules above;
 * - y-leveldb's (any other clock C): y-leveldb created the document, or has rewritten it ("flush": the whole
 *   document as update C, then everything below C is cleared). The document is then the updates from C on, and
 *   our base, if there is one, is history. [I10]
 */
import { crc32 } from 'node:zlib';
import * as keys from './keys.ts';
import type { Reader } from './level-handle.ts';
import * as records from './records.ts';
import { StoreError, type DocumentStat, type StoredUpdate } from './store.ts';

export interface DocumentImage {
  readonly record: records.DocumentRecord | null;
  readonly base: records.BaseRecord | null;
  readonly skips: Map<number, number>;
  readonly tail: readonly StoredUpdate[];
  /** The first number of the tail, used or not. */
  readonly tailStart: number;
  readonly lastSeq: number;
  /** y-leveldb's list of documents names it. */
  readonly isListed: boolean;
  /** Numbers whose updates are leftovers, to be deleted. */
  readonly orphans: readonly number[];
  /** Keys of our records of a document that y-leveldb has cleared and begun anew. */
  readonly stale: readonly Buffer[];
  /** When its newest update was written; null where it was not recorded. */
  readonly updatedAtMs: number | null;
}

function damaged(name: string, what: string): StoreError {
  return new StoreError('document-damaged', `document ${JSON.stringify(name)}: ${what}`);
}

export function deletedError(name: string): StoreError {
  return new StoreError('document-deleted', `document ${JSON.stringify(name)} was deleted`);
}

function decoded<T>(
  name: string,
  value: Uint8Array | undefined,
  what: string,
  decode: (value: Uint8Array) => T | null,
): T | null {
  if (value === undefined) return null;
  const record = decode(value);
  if (record === null) throw damaged(name, `its ${what} record is damaged or of a newer version`);
  return record;
}

const documentRecord = (
  name: string,
  value: Uint8Array | undefined,
): records.DocumentRecord | null => decoded(name, value, 'index', records.decodeDocument);

const baseRecord = (name: string, value: Uint8Array | undefined): records.BaseRecord | null =>
  decoded(name, value, 'base', records.decodeBase);

export async function readBaseRecord(
  reader: Reader,
  name: string,
): Promise<records.BaseRecord | null> {
  return baseRecord(name, await reader.get(keys.recordKey('base', name)));
}

interface Sums {
  readonly bySeq: Map<number, number>;
  readonly keys: readonly Buffer[];
  readonly updatedAtMs: number | null;
}

async function readSums(reader: Reader, name: string): Promise<Sums> {
  const bySeq = new Map<number, number>();
  const found: Buffer[] = [];
  let updatedAtMs: number | null = null;
  for await (const [key, value] of reader.entries(keys.recordRange('sums', name))) {
    const record = records.decodeSums(value);
    if (record === null) throw damaged(name, 'a checksum record is damaged or of a newer version');
    const first = keys.seqOfKey(key);
    for (const [index, crc] of record.crcs.entries()) bySeq.set(first + index, crc);
    updatedAtMs = record.atMs ?? updatedAtMs;
    found.push(key);
  }
  return { bySeq, keys: found, updatedAtMs };
}

/** The ranges of update numbers from `first` on that hold no chunk: reading a tail must not read the base. */
function* rangesBetween(
  prefix: Buffer,
  first: number,
  chunks: readonly records.ChunkEntry[],
): Iterable<keys.KeyRange> {
  let from = first;
  for (const { seq } of chunks) {
    if (seq > from) yield keys.updateRange(prefix, from, seq - 1);
    from = Math.max(from, seq + 1);
  }
  yield keys.updateRange(prefix, from, keys.SEQ_MAX);
}

interface Layout {
  /** Where the document begins in y-leveldb's layout; null where the layout is ours. */
  readonly rewrittenAt: number | null;
  /** False: the next append writes the state vector record and the index record. */
  readonly isListed: boolean;
}

async function firstUpdate(reader: Reader, prefix: Buffer): Promise<number | null> {
  for await (const key of reader.keys(keys.updateRange(prefix, 0, keys.SEQ_MAX))) {
    return keys.seqOfKey(key);
  }
  return null;
}

async function readLayout(
  reader: Reader,
  name: string,
  prefix: Buffer,
  base: records.BaseRecord | null,
  stateVector: Uint8Array | undefined,
): Promise<Layout> {
  const clock = stateVector === undefined ? null : records.decodeStateVectorClock(stateVector);
  if (clock === records.OUR_CLOCK) return { rewrittenAt: null, isListed: true };
  if (clock !== null && clock <= keys.SEQ_MAX) {
    const rewrite = await reader.get(keys.updateKey(prefix, clock));
    if (rewrite !== undefined) return { rewrittenAt: clock, isListed: true };
  } else if (stateVector !== undefined) {
    throw damaged(name, 'its state vector record is damaged');
  }
  // y-leveldb writes the record before the first update, so a crash leaves it alone; and a document that was
  // never stored has neither.
  const first = await firstUpdate(reader, prefix);
  if (base !== null) throw damaged(name, 'its state vector record does not match its updates');
  if (first !== null && (first !== 0 || clock !== null)) {
    throw damaged(name, `update ${clock ?? 0} is missing (found ${first})`);
  }
  return { rewrittenAt: null, isListed: false };
}

/** @throws StoreError `document-damaged`, `document-deleted`, and what LevelDB throws */
export async function readDocument(reader: Reader, name: string): Promise<DocumentImage> {
  const prefix = keys.updateKeyPrefix(name);
  const [index, ofBase, ofSkips, stateVector] = await reader.getMany([
    keys.nameKey(name),
    keys.recordKey('base', name),
    keys.recordKey('skips', name),
    keys.stateVectorKey(name),
  ]);
  const record = documentRecord(name, index);
  if (record !== null && record.deletedAtMs !== null) throw deletedError(name);
  const storedBase = baseRecord(name, ofBase);
  const { rewrittenAt, isListed } = await readLayout(reader, name, prefix, storedBase, stateVector);
  const base = rewrittenAt === null ? storedBase : null;
  const skips = decoded(name, ofSkips, 'skips', records.decodeSkips) ?? new Map<number, number>();
  const { bySeq: sums, keys: sumsKeys, updatedAtMs: tailAtMs } = await readSums(reader, name);
  // y-leveldb numbers from 0 only a document that has no updates: if we know of an earlier life of the name, it
  // was cleared, and what our records say of it no longer counts.
  const isAnew = rewrittenAt === 0 && (storedBase !== null || sums.has(0));
  if (isAnew) {
    skips.clear();
    sums.clear();
  }

  const chunkSeqs = new Set((base?.chunks ?? []).map((chunk) => chunk.seq));
  const tailStart = rewrittenAt ?? (base === null ? 0 : base.upToSeq + 1);
  const tail: StoredUpdate[] = [];
  const orphans: number[] = [];
  let expected = tailStart;
  for (const range of rangesBetween(prefix, rewrittenAt ?? 0, base?.chunks ?? [])) {
    for await (const [key, bytes] of reader.entries(range)) {
      const seq = keys.seqOfKey(key);
      const skipped = skips.get(seq);
      if (seq < tailStart || (skipped !== undefined && crc32(bytes) === skipped)) {
        orphans.push(seq);
        continue;
      }
      while (expected < seq && (chunkSeqs.has(expected) || skips.has(expected))) expected++;
      if (expected !== seq) throw damaged(name, `update ${expected} is missing (found ${seq})`);
      const sum = sums.get(seq);
      // Under a skipped number, y-leveldb has written something new: our checksum is of what was there before.
      if (sum !== undefined && skipped === undefined && crc32(bytes) !== sum) {
        throw damaged(name, `the checksum of update ${seq} is wrong`);
      }
      tail.push({ seq, bytes });
      expected = seq + 1;
    }
  }
  const lastFound = tail.at(-1)?.seq ?? tailStart - 1;
  for (const seq of sums.keys()) {
    if (seq > lastFound && !skips.has(seq)) throw damaged(name, `update ${seq} is missing`);
  }
  let lastSeq = Math.max(lastFound, base?.upToSeq ?? -1);
  for (const seq of chunkSeqs) lastSeq = Math.max(lastSeq, seq);
  for (const seq of skips.keys()) lastSeq = Math.max(lastSeq, seq);
  const stale = isAnew
    ? [keys.recordKey('base', name), keys.recordKey('skips', name), ...sumsKeys]
    : [];
  const updatedAtMs = isAnew ? null : latest(storedBase?.updatedAtMs ?? null, tailAtMs);
  return { record, base, skips, tail, tailStart, lastSeq, isListed, orphans, stale, updatedAtMs };
}

function latest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/** @throws StoreError `document-damaged`: its index record, or the newest of those that carry the time */
export async function readStat(reader: Reader, name: string): Promise<DocumentStat | null> {
  const wanted = [keys.nameKey(name), keys.recordKey('base', name)];
  const [index, ofBase] = await reader.getMany(wanted);
  const record = documentRecord(name, index);
  if (record === null) return null;
  const { createdAtMs, deletedAtMs } = record;
  if (deletedAtMs !== null) return { createdAtMs, updatedAtMs: deletedAtMs, isDeleted: true };
  const base = baseRecord(name, ofBase);
  const sums = await reader.last(keys.recordRange('sums', name));
  const tailAtMs = sums === null ? null : (records.decodeSums(sums[1])?.atMs ?? null);
  const updatedAtMs = latest(base?.updatedAtMs ?? null, tailAtMs);
  return { createdAtMs, updatedAtMs, isDeleted: false };
}

/** The chunks of a base, checked. @throws StoreError `document-damaged`, and what LevelDB throws */
export async function readChunks(
  reader: Reader,
  name: string,
  chunks: readonly records.ChunkEntry[],
): Promise<Uint8Array[]> {
  const prefix = keys.updateKeyPrefix(name);
  const found: Uint8Array[] = [];
  for (const chunk of chunks) {
    const bytes = await reader.get(keys.updateKey(prefix, chunk.seq));
    if (bytes === undefined) throw damaged(name, `chunk ${chunk.seq} of its base is missing`);
    if (bytes.length !== chunk.length || crc32(bytes) !== chunk.crc) {
      throw damaged(name, `the checksum of chunk ${chunk.seq} of its base is wrong`);
    }
    found.push(bytes);
  }
  return found;
}
