/**
 * Reads LevelDB's log files before LevelDB does. LevelDB replays a damaged log without a word: it skips what is
 * bad, goes on behind it, and deletes the file. Its format tells more than its replay does:
 *
 *   file   := blocks of 32 KiB; record := crc32c u32 (masked) | length u16 | type u8 | payload
 *   type   := full 1, first 2, middle 3, last 4; zeros mean "nothing more in this block"
 *   log    := records whose payload begins with a sequence number u64 and a count u32: each batch begins where
 *             the one before it ended
 *
 * A *torn tail* (bytes that are no record, and no record behind them) is what a crash or power cut leaves:
 * nothing acked was there. *Damage* is a bad record with another batch behind it, or a batch that is missing in
 * the sequence: acked commits are gone. (One batch is in flight at a time, so only the last can be torn.)
 */
import { open } from 'node:fs/promises';

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const BATCH_HEADER_BYTES = 12;
const FULL = 1;
const FIRST = 2;
const LAST = 4;
const MASK_DELTA = 0xa282ead8;

export interface LogScan {
  readonly batches: number;
  /** Of the first batch; null in an empty log. */
  readonly firstSequence: bigint | null;
  /** The sequence number after the last batch. */
  readonly nextSequence: bigint | null;
  /** Bytes that belong to no complete record at the end of the file. */
  readonly tornBytes: number;
  /** What is damaged, in words; null if the log is sound up to its torn tail. */
  readonly damage: string | null;
}

/** CRC-32C (Castagnoli); `zlib.crc32` is another polynomial. */
const crcTable = (() => {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    table[n] = c >>> 0;
  }
  return table;
})();

export function maskedCrc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff_ffff;
  for (let i = from; i < to; i++) {
    crc = (crcTable[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

interface PhysicalRecord {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/** The record at `at`, or null if the bytes there are none. */
function recordAt(file: Buffer, at: number): PhysicalRecord | null {
  const blockEnd = Math.min(file.length, at - (at % BLOCK_BYTES) + BLOCK_BYTES);
  if (blockEnd - at < HEADER_BYTES) return null;
  const type = file[at + 6] ?? 0;
  const end = at + HEADER_BYTES + file.readUInt16LE(at + 4);
  if (type < FULL || type > LAST || end > blockEnd) return null;
  if (maskedCrc32c(file, at + 6, end) !== file.readUInt32LE(at)) return null;
  return { type, start: at + HEADER_BYTES, end };
}

/**
 * Where the next batch begins, trying every byte; null if none does. Middle and last parts don't count: they may
 * be of the batch that was being written, whose blocks the disk may have stored in any order.
 */
function findBatch(file: Buffer, from: number): number | null {
  for (let at = from; at + HEADER_BYTES <= file.length; at++) {
    const type = file[at + 6];
    if ((type === FULL || type === FIRST) && recordAt(file, at) !== null) return at;
  }
  return null;
}

interface PayloadScan {
  readonly payloads: readonly Buffer[];
  readonly tornBytes: number;
  readonly damage: string | null;
}

/** The payloads of a log or MANIFEST, up to the first thing that is wrong. */
function scanPayloads(file: Buffer): PayloadScan {
  const payloads: Buffer[] = [];
  let fragments: Buffer[] = [];
  let soundEnd = 0;
  let at = 0;
  while (at < file.length) {
    const leftInBlock = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (leftInBlock < HEADER_BYTES) {
      at += leftInBlock; // the trailer of a block: too short for a header
      continue;
    }
    const record = recordAt(file, at);
    const isInOrder =
      record !== null &&
      (record.type === FULL || record.type === FIRST) === (fragments.length === 0);
    if (record === null || !isInOrder) {
      const behind = findBatch(file, record === null ? at + 1 : at);
      if (behind === null) break;
      const damage = `bytes ${soundEnd} to ${behind} are damaged, and a sound batch follows`;
      return { payloads, tornBytes: 0, damage };
    }
    fragments.push(file.subarray(record.start, record.end));
    at = record.end;
    if (record.type === FULL || record.type === LAST) {
      payloads.push(fragments.length === 1 ? (fragments[0] as Buffer) : Buffer.concat(fragments));
      fragments = [];
      soundEnd = at;
    }
  }
  return { payloads, tornBytes: file.length - soundEnd, damage: null };
}

export function scanLog(file: Buffer): LogScan {
  const { payloads, tornBytes, damage } = scanPayloads(file);
  let firstSequence: bigint | null = null;
  let nextSequence: bigint | null = null;
  for (const payload of payloads) {
    if (payload.length < BATCH_HEADER_BYTES) {
      const what = 'a record is too short to be a batch';
      return { batches: payloads.length, firstSequence, nextSequence, tornBytes, damage: what };
    }
    const sequence = payload.readBigUInt64LE(0);
    if (nextSequence !== null && sequence !== nextSequence) {
      const what = `a batch is missing: sequence ${nextSequence} is followed by ${sequence}`;
      return { batches: payloads.length, firstSequence, nextSequence, tornBytes, damage: what };
    }
    firstSequence ??= sequence;
    nextSequence = sequence + BigInt(payload.readUInt32LE(8));
  }
  return { batches: payloads.length, firstSequence, nextSequence, tornBytes, damage };
}

/** The number of the oldest log that the database needs, from its MANIFEST; null if it names none. */
export function liveLogNumber(manifest: Buffer): number | null {
  let logNumber: number | null = null;
  for (const edit of scanPayloads(manifest).payloads) {
    logNumber = logNumberOfEdit(edit) ?? logNumber;
  }
  return logNumber;
}

/** Tags of a version edit: LevelDB 1.20, db/version_edit.cc. */
const COMPARATOR = 1;
const LOG_NUMBER = 2;
const NEXT_FILE_NUMBER = 3;
const LAST_SEQUENCE = 4;

function logNumberOfEdit(edit: Buffer): number | null {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (; at < edit.length; scale *= 128) {
      const byte = edit[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  let logNumber: number | null = null;
  while (at < edit.length) {
    const tag = varint();
    if (tag === COMPARATOR) {
      const length = varint();
      at += length;
    } else if (tag === LOG_NUMBER) logNumber = varint();
    else if (tag === NEXT_FILE_NUMBER || tag === LAST_SEQUENCE) varint();
    // These come first in an edit; what follows names tables, which LevelDB checks itself. (9 is "previous
    // log", which LevelDB has not used for years and always writes as 0.)
    else if (tag === 9) varint();
    else break;
  }
  return logNumber;
}

/** Reads a whole file; logs are as large as LevelDB's write buffer, a few MiB. */
export async function readWhole(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
