/**
 * Puts a new base in the place of an old one and of the tail that it contains, so that a crash at any point
 * leaves duplicates (recognised and cleaned up at the next load), never holes:
 *
 *   1. skips record: names the numbers of the new chunks, before anything with a higher number is queued
 *   2. the chunks, in several batches (a 60 MB base must not hold up acks), interleaved with appends
 *   3. read back, verify                                 · a difference: stop, delete the new chunks, keep all else
 *   4. base record + skips record, one batch             · from here on the new base counts
 *   5. read back, verify; then delete what was replaced, in bounded batches
 *
 * Chunks lie under ordinary update keys, so that y-leveldb reads the right document. [I10]
 */
import { crc32 } from 'node:zlib';
import { readBaseRecord, readChunks } from './document-read.ts';
import type { GroupCommit } from './group-commit.ts';
import * as keys from './keys.ts';
import type { Reader } from './level-handle.ts';
import type { OpenDocument } from './open-document.ts';
import * as records from './records.ts';
import { StoreError, type CompactedBase } from './store.ts';

export interface DiskAccess {
  readonly committer: GroupCommit;
  readonly read: <T>(read: (reader: Reader) => Promise<T>) => Promise<T>;
}

/** Chunks are queued in portions of this size, one after another: bytes. Half a batch, so appends fit beside. */
const PORTION_BYTES_MAX = 512 * 1024;
/** Deletes in one portion. */
const PORTION_RECORDS_MAX = 256;

type Operation = readonly [key: Buffer, value: Uint8Array | null];

/** Queues operations in portions, each waiting for the one before it. */
export async function writePortions(
  committer: GroupCommit,
  operations: Iterable<Operation>,
): Promise<void> {
  let portion: Operation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    portion.push(operation);
    bytes += operation[1]?.length ?? 0;
    if (bytes >= PORTION_BYTES_MAX || portion.length >= PORTION_RECORDS_MAX) {
      await committer.write(portion);
      portion = [];
      bytes = 0;
    }
  }
  if (portion.length > 0) await committer.write(portion);
}

/** The numbers after `upToSeq` that hold no update of the tail once `next` is the base. */
function skipsAfter(document: OpenDocument, next: records.BaseRecord): Map<number, number> {
  const skips = new Map<number, number>();
  for (const [seq, crc] of document.skips) if (seq > next.upToSeq) skips.set(seq, crc);
  for (const { seq, crc } of document.base?.chunks ?? []) {
    if (seq > next.upToSeq) skips.set(seq, crc);
  }
  for (const { seq } of next.chunks) skips.delete(seq);
  return skips;
}

function skipsOperation(name: string, skips: ReadonlyMap<number, number>): Operation {
  const key = keys.recordKey('skips', name);
  return [key, skips.size === 0 ? null : records.encodeSkips(skips)];
}

export function deleteUpdates(document: OpenDocument, seqs: Iterable<number>): Iterable<Operation> {
  return (function* operations(): Iterable<Operation> {
    for (const seq of seqs) yield [keys.updateKey(document.updatePrefix, seq), null];
  })();
}

function* replacedSeqs(
  old: records.BaseRecord | null,
  from: number,
  next: records.BaseRecord,
): Iterable<number> {
  const kept = new Set(next.chunks.map((chunk) => chunk.seq));
  const oldChunks = new Set((old?.chunks ?? []).map((chunk) => chunk.seq));
  for (const seq of oldChunks) if (!kept.has(seq)) yield seq;
  for (let seq = from; seq <= next.upToSeq; seq++) {
    if (!kept.has(seq) && !oldChunks.has(seq)) yield seq;
  }
}

async function replacedSums(reader: Reader, name: string, upToSeq: number): Promise<Operation[]> {
  const replaced: Operation[] = [];
  for await (const [key, value] of reader.entries(keys.recordRange('sums', name))) {
    const first = keys.seqOfKey(key);
    if (first > upToSeq) break;
    const count = records.decodeSums(value)?.crcs.length ?? 0;
    // A record may reach beyond the base: then it goes with the next one.
    if (first + count - 1 <= upToSeq) replaced.push([key, null]);
  }
  return replaced;
}

/** @throws StoreError `closed`, `document-damaged` */
export async function compactDocument(
  options: DiskAccess,
  document: OpenDocument,
  input: CompactedBase,
): Promise<records.BaseRecord> {
  const { committer, read } = options;
  const { name, base: old } = document;
  const first = document.takeSeqs(input.chunks.length);
  const next: records.BaseRecord = {
    generation: (old?.generation ?? 0) + 1,
    upToSeq: input.upToSeq,
    head: input.head,
    chunks: input.chunks.map((bytes, index) => ({
      seq: first + index,
      length: bytes.length,
      crc: crc32(bytes),
    })),
    ...(input.outline === undefined ? {} : { outline: input.outline }),
  };
  for (const { seq, crc } of next.chunks) document.skips.set(seq, crc);
  const operations = input.chunks.map((bytes, index): Operation => {
    return [keys.updateKey(document.updatePrefix, first + index), bytes];
  });
  // No await before this line: later appends must be queued behind it. The promise is that of a batch, whose
  // rejection every later write of this document shares.
  const announced = committer.write([skipsOperation(name, document.skips)]);
  document.settled = announced;
  await announced;
  await writePortions(committer, operations);
  try {
    await read((reader) => readChunks(reader, name, next.chunks));
  } catch (error) {
    const chunkSeqs = next.chunks.map((chunk) => chunk.seq);
    await writePortions(committer, deleteUpdates(document, chunkSeqs));
    throw error;
  }

  const skips = skipsAfter(document, next);
  // The time of what is in batches by now: those lie before this one, and what is appended later tells its own.
  const { updatedAtMs } = document;
  const dated = updatedAtMs === null ? next : { ...next, updatedAtMs };
  await committer.write([
    [keys.recordKey('base', name), records.encodeBase(dated)],
    skipsOperation(name, skips),
    [keys.stateVectorKey(name), records.ourStateVector],
  ]);
  const from = document.tailStart;
  document.base = next;
  document.skips = skips;
  document.tailStart = next.upToSeq + 1;
  const sums = await read(async (reader) => {
    const stored = await readBaseRecord(reader, name);
    if (stored?.generation !== next.generation) {
      throw new StoreError(
        'document-damaged',
        `document ${JSON.stringify(name)}: its new base was read back differently; nothing was deleted`,
      );
    }
    return await replacedSums(reader, name, next.upToSeq);
  });
  await writePortions(committer, deleteUpdates(document, replacedSeqs(old, from, next)));
  await writePortions(committer, sums);
  return next;
}
