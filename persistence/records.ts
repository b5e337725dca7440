/**
 * Values of our own records. Each begins with a version byte and ends with the CRC-32 of what is before it, so
 * that a flipped byte on disk is found (LevelDB returns damaged values from uncompressed tables as data). A
 * decoder returns null for what it cannot trust; the caller knows which document that concerns.
 *
 * The values under y-leveldb's keys are not ours to change: raw Yjs updates, with nothing appended. Their
 * checksums lie beside them, one record per document and batch.
 */
import { crc32 } from 'node:zlib';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import type { ChangeKind, DocumentChange } from './store.ts';

const VERSION = 1;
/** Of base and checksum records: with the time of the newest update. */
const TIMED_VERSION = 2;
const CRC_BYTES = 4;

/** Seals a payload: version byte in front, checksum behind. */
function seal(write: (encoder: encoding.Encoder) => void, version: number = VERSION): Buffer {
  const encoder = encoding.createEncoder();
  encoding.writeUint8(encoder, version);
  write(encoder);
  const payload = encoding.toUint8Array(encoder);
  const sealed = Buffer.allocUnsafe(payload.length + CRC_BYTES);
  sealed.set(payload);
  sealed.writeUInt32LE(crc32(payload), payload.length);
  return sealed;
}

function unseal<T>(
  value: Uint8Array,
  read: (decoder: decoding.Decoder, version: number) => T,
  newest: number = VERSION,
): T | null {
  const end = value.length - CRC_BYTES;
  const version = value[0] ?? 0;
  if (end < 1 || version < VERSION || version > newest) return null;
  const payload = value.subarray(0, end);
  const stored = Buffer.from(value.buffer, value.byteOffset, value.byteLength).readUInt32LE(end);
  if (crc32(payload) !== stored) return null;
  const decoder = decoding.createDecoder(payload);
  decoding.readUint8(decoder);
  try {
    return read(decoder, version);
  } catch {
    return null; // lib0 throws at the end of the bytes; a right checksum makes that nearly impossible
  }
}

// ---- y-leveldb's state vector record -------------------------------------------------------------------------

/**
 * The clock that we write into `['v1_sv', doc]`. y-leveldb trusts the vector if the clock is the number of the
 * last update; this is a number that no update can have, so it recomputes. It also tells us, when it is
 * another, that y-leveldb has rewritten the document (its "flush") since.
 */
export const OUR_CLOCK: number = 0xffff_ffff;

/** Not sealed: the format is y-leveldb's. */
export const ourStateVector: Buffer = (() => {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, OUR_CLOCK);
  encoding.writeVarUint8Array(encoder, Uint8Array.of(0)); // the empty state vector
  return Buffer.from(encoding.toUint8Array(encoder));
})();

/** The clock of a state vector record; null if it cannot be read. */
export function decodeStateVectorClock(value: Uint8Array): number | null {
  try {
    return decoding.readVarUint(decoding.createDecoder(value));
  } catch {
    return null;
  }
}

// ---- base ----------------------------------------------------------------------------------------------------

/** One chunk of a base: which update key it lies under, and what must be found there. */
export interface ChunkEntry {
  readonly seq: number;
  readonly length: number;
  readonly crc: number;
}

export interface BaseRecord {
  readonly generation: number;
  readonly upToSeq: number;
  readonly head: Uint8Array;
  readonly chunks: readonly ChunkEntry[];
  /** Records of older builds end before it. */
  readonly outline?: Uint8Array;
  /** When the newest update was written that the document had then; absent in records of older builds. */
  readonly updatedAtMs?: number;
}

export function encodeBase(base: BaseRecord): Buffer {
  const { updatedAtMs } = base;
  const version = updatedAtMs === undefined ? VERSION : TIMED_VERSION;
  return seal((encoder) => {
    if (updatedAtMs !== undefined) encoding.writeVarUint(encoder, Math.trunc(updatedAtMs));
    encoding.writeVarUint(encoder, base.generation);
    encoding.writeVarUint(encoder, base.upToSeq + 1); // -1 is a legal "nothing yet"
    encoding.writeVarUint8Array(encoder, base.head);
    encoding.writeVarUint(encoder, base.chunks.length);
    for (const chunk of base.chunks) {
      encoding.writeVarUint(encoder, chunk.seq);
      encoding.writeVarUint(encoder, chunk.length);
      encoding.writeVarUint(encoder, chunk.crc);
    }
    if (base.outline !== undefined) encoding.writeVarUint8Array(encoder, base.outline);
  }, version);
}

export function decodeBase(value: Uint8Array): BaseRecord | null {
  const read = (decoder: decoding.Decoder, version: number): BaseRecord => {
    const time = version < TIMED_VERSION ? {} : { updatedAtMs: decoding.readVarUint(decoder) };
    const generation = decoding.readVarUint(decoder);
    const upToSeq = decoding.readVarUint(decoder) - 1;
    const head = decoding.readVarUint8Array(decoder).slice();
    const chunks: ChunkEntry[] = [];
    for (let count = decoding.readVarUint(decoder); count > 0; count--) {
      const seq = decoding.readVarUint(decoder);
      const length = decoding.readVarUint(decoder);
      chunks.push({ seq, length, crc: decoding.readVarUint(decoder) });
    }
    if (!decoding.hasContent(decoder)) return { generation, upToSeq, head, chunks, ...time };
    const outline = decoding.readVarUint8Array(decoder).slice();
    return { generation, upToSeq, head, chunks, outline, ...time };
  };
  return unseal(value, read, TIMED_VERSION);
}

// ---- skips: numbers after the base that are not updates of the tail ---------------------------------------------

/**
 * seq → checksum of what lies, or lay, there: chunks of an unfinished or replaced base, quarantined updates.
 * Bytes with another checksum under such a number were written by y-leveldb afterwards, and count.
 */
export type Skips = ReadonlyMap<number, number>;

export function encodeSkips(skips: Skips): Buffer {
  return seal((encoder) => {
    encoding.writeVarUint(encoder, skips.size);
    for (const [seq, crc] of skips) {
      encoding.writeVarUint(encoder, seq);
      encoding.writeVarUint(encoder, crc);
    }
  });
}

export function decodeSkips(value: Uint8Array): Map<number, number> | null {
  return unseal(value, (decoder) => {
    const skips = new Map<number, number>();
    for (let count = decoding.readVarUint(decoder); count > 0; count--) {
      const seq = decoding.readVarUint(decoder);
      skips.set(seq, decoding.readVarUint(decoder));
    }
    return skips;
  });
}

// ---- checksums of one document's updates in one batch ------------------------------------------------------------

export interface Sums {
  readonly crcs: readonly number[];
  /** When the batch was written; null in records of older builds. */
  readonly atMs: number | null;
}

const TIME_BYTES = 6;

/** Written once a document and commit, so by hand: no encoder, one allocation. */
export function encodeSums(crcs: readonly number[], atMs: number): Buffer {
  const end = 1 + TIME_BYTES + crcs.length * CRC_BYTES;
  const value = Buffer.allocUnsafe(end + CRC_BYTES);
  value[0] = TIMED_VERSION;
  let at = value.writeUIntLE(Math.trunc(atMs), 1, TIME_BYTES);
  for (const crc of crcs) at = value.writeUInt32LE(crc, at);
  value.writeUInt32LE(crc32(value.subarray(0, end)), end);
  return value;
}

export function decodeSums(value: Uint8Array): Sums | null {
  const read = (decoder: decoding.Decoder, version: number): Sums => {
    let atMs: number | null = null;
    if (version >= TIMED_VERSION) {
      atMs = Buffer.from(decoding.readUint8Array(decoder, TIME_BYTES)).readUIntLE(0, TIME_BYTES);
    }
    const crcs: number[] = [];
    while (decoding.hasContent(decoder)) crcs.push(decoding.readUint32(decoder));
    return { crcs, atMs };
  };
  return unseal(value, read, TIMED_VERSION);
}

// ---- the name index, quarantine, the store itself ----------------------------------------------------------------

export interface DocumentRecord {
  /** Null for documents that y-leveldb created. */
  readonly createdAtMs: number | null;
  /** Set for a tombstone. */
  readonly deletedAtMs: number | null;
}

export function encodeDocument(record: DocumentRecord): Buffer {
  return seal((encoder) => {
    encoding.writeVarUint(encoder, Math.trunc(record.createdAtMs ?? 0));
    encoding.writeVarUint(encoder, Math.trunc(record.deletedAtMs ?? 0));
  });
}

export function decodeDocument(value: Uint8Array): DocumentRecord | null {
  return unseal(value, (decoder) => {
    const createdAtMs = decoding.readVarUint(decoder) || null;
    return { createdAtMs, deletedAtMs: decoding.readVarUint(decoder) || null };
  });
}

export interface QuarantineRecord {
  readonly reason: string;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

export function encodeQuarantine(record: QuarantineRecord): Buffer {
  return seal((encoder) => {
    encoding.writeVarString(encoder, record.reason);
    encoding.writeVarUint(encoder, Math.trunc(record.atMs));
    encoding.writeVarUint8Array(encoder, record.bytes);
  });
}

export function decodeQuarantine(value: Uint8Array): QuarantineRecord | null {
  return unseal(value, (decoder) => {
    const reason = decoding.readVarString(decoder);
    const atMs = decoding.readVarUint(decoder);
    return { reason, atMs, bytes: decoding.readVarUint8Array(decoder).slice() };
  });
}

/**
 * In every batch, under one key, so that it is always among the newest data: what this database is, and how far
 * it has come. The witness file is compared with it.
 */
export interface StoreRecord {
  /** Changes when the layout does in a way that older builds must not write to. */
  readonly schema: number;
  readonly storeId: string;
  /** The number of the batch that it is in. */
  readonly commit: number;
}

export function encodeStore(record: StoreRecord): Buffer {
  return seal((encoder) => {
    encoding.writeVarUint(encoder, record.schema);
    encoding.writeVarString(encoder, record.storeId);
    encoding.writeVarUint(encoder, record.commit);
  });
}

export function decodeStore(value: Uint8Array): StoreRecord | null {
  return unseal(value, (decoder) => {
    const schema = decoding.readVarUint(decoder);
    const storeId = decoding.readVarString(decoder);
    return { schema, storeId, commit: decoding.readVarUint(decoder) };
  });
}

// ---- records of other parts, and the change log -------------------------------------------------------------------

export function encodeOpaque(payload: Uint8Array): Buffer {
  return seal((encoder) => {
    encoding.writeUint8Array(encoder, payload);
  });
}

export function decodeOpaque(value: Uint8Array): Uint8Array | null {
  return unseal(value, (decoder) => decoding.readTailAsUint8Array(decoder).slice());
}

export interface ChangesRecord {
  readonly atMs: number;
  readonly changes: readonly DocumentChange[];
}

const CHANGE_KINDS: readonly ChangeKind[] = ['created', 'changed', 'deleted'];

export function encodeChanges(record: ChangesRecord): Buffer {
  return seal((encoder) => {
    encoding.writeVarUint(encoder, Math.trunc(record.atMs));
    for (const { kind, name } of record.changes) {
      encoding.writeUint8(encoder, CHANGE_KINDS.indexOf(kind));
      encoding.writeVarString(encoder, name);
    }
  });
}

export function decodeChanges(value: Uint8Array): ChangesRecord | null {
  return unseal(value, (decoder) => {
    const atMs = decoding.readVarUint(decoder);
    const changes: DocumentChange[] = [];
    while (decoding.hasContent(decoder)) {
      const kind = CHANGE_KINDS[decoding.readUint8(decoder)];
      if (kind === undefined) throw new Error('a kind of a newer version');
      changes.push({ kind, name: decoding.readVarString(decoder) });
    }
    return { atMs, changes };
  });
}
