/**
 * Keys on disk. The documents lie where y-leveldb puts them, byte for byte, through its own exported
 * `keyEncoding`: `['v1', doc, 'update', n]` and `['v1_sv', doc]`. [I10]
 * Everything that y-leveldb does not know lies under `['syncline', kind, …]`, which it never reads: its ranges
 * are `['v1', doc …]` and `['v1_sv' … 'v1_sw')`.
 *
 * Document names are length-prefixed inside keys (never joined with a separator), except in the name index,
 * where the name is the rest of the key so that LevelDB's order is the order of names (UTF-8 bytes).
 */
import { keyEncoding } from 'y-leveldb';

export interface KeyRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** y-leveldb looks for updates below 2^32 - 1, so this is the last number that it can see. */
export const SEQ_MAX: number = 0xffff_fffe;

/** Kinds of our own records that belong to one document. */
export type RecordKind = 'base' | 'skips' | 'sums' | 'quarantine';

const OWN = 'syncline';
const SEQ_BYTES = 4;

function encode(parts: readonly (string | number)[]): Buffer {
  return Buffer.from(keyEncoding.encode([...parts]));
}

function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  // The last byte of every prefix used here is below 0xff: a letter, or a type tag.
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  return end;
}

/** All keys that begin with a prefix. */
export function prefixRange(prefix: Buffer): KeyRange {
  return { gte: prefix, lt: afterPrefix(prefix) };
}

/** The part of a document's update keys before the number; kept per open document, the hot path copies it. */
export function updateKeyPrefix(name: string): Buffer {
  return encode(['v1', name, 'update', 0]).subarray(0, -SEQ_BYTES);
}

/** The same for its checksum records. */
export function sumsKeyPrefix(name: string): Buffer {
  return encode([OWN, 'sums', name, 0]).subarray(0, -SEQ_BYTES);
}

/** A prefix from above and a number. */
export function updateKey(prefix: Buffer, seq: number): Buffer {
  const at = prefix.length;
  const key = Buffer.allocUnsafe(at + SEQ_BYTES);
  prefix.copy(key);
  key.writeUInt32BE(seq, at);
  return key;
}

/** Also right for our own numbered records: the number is the last four bytes of both. */
export function seqOfKey(key: Buffer): number {
  return key.readUInt32BE(key.length - SEQ_BYTES);
}

/** Update keys from `first` to `last`, both inclusive. */
export function updateRange(prefix: Buffer, first: number, last: number): KeyRange {
  return { gte: updateKey(prefix, first), lt: updateKey(prefix, last + 1) };
}

/** y-leveldb's list of documents; the value is a clock and a state vector. */
export function stateVectorKey(name: string): Buffer {
  return encode(['v1_sv', name]);
}

export const stateVectorRange: KeyRange = { gte: encode(['v1_sv']), lt: encode(['v1_sw']) };

export function nameOfStateVectorKey(key: Buffer): string {
  return String(keyEncoding.decode(key)[1]);
}

/** Everything that y-leveldb keeps of a document beside the state vector: updates and metas. */
export function documentRange(name: string): KeyRange {
  return { gte: encode(['v1', name]), lt: encode(['v1', name, 'zzzzzzz']) };
}

export function recordKey(kind: RecordKind, name: string): Buffer {
  return encode([OWN, kind, name]);
}

export function numberedRecordKey(kind: RecordKind, name: string, seq: number): Buffer {
  return encode([OWN, kind, name, seq]);
}

/** All records of one kind of one document. */
export function recordRange(kind: RecordKind, name: string): KeyRange {
  const prefix = encode([OWN, kind, name, 0]).subarray(0, -SEQ_BYTES);
  return prefixRange(prefix);
}

const namePrefix = encode([OWN, 'document']);

/** The name index: one record a document, tombstones included. */
export function nameKey(name: string): Buffer {
  return Buffer.concat([namePrefix, Buffer.from(name, 'utf8')]);
}

export function nameOfNameKey(key: Buffer): string {
  return key.toString('utf8', namePrefix.length);
}

export function nameRange(query: { prefix?: string; after?: string }): KeyRange {
  const whole = prefixRange(namePrefix);
  let gte = nameKey(query.prefix ?? '');
  if (query.after !== undefined) {
    // The successor of a key is the key with a zero byte behind it.
    const afterKey = Buffer.concat([nameKey(query.after), Buffer.of(0)]);
    if (Buffer.compare(afterKey, gte) > 0) gte = afterKey;
  }
  if (query.prefix === undefined || query.prefix === '') return { gte, lt: whole.lt };
  // 0xff never occurs in UTF-8, so it lies behind every name with the prefix.
  return { gte, lt: Buffer.concat([nameKey(query.prefix), Buffer.of(0xff)]) };
}

const deletionPrefix = encode([OWN, 'deletion']);

/** Stands while a document's records are being removed: a crash must not leave them behind the tombstone. */
export function deletionKey(name: string): Buffer {
  return Buffer.concat([deletionPrefix, Buffer.from(name, 'utf8')]);
}

export function nameOfDeletionKey(key: Buffer): string {
  return key.toString('utf8', deletionPrefix.length);
}

export const deletionRange: KeyRange = prefixRange(deletionPrefix);

export const storeKey: Buffer = encode([OWN, 'store']);

/** What belongs to a Syncline or y-leveldb database; anything outside is somebody else's. */
export const knownRanges: readonly KeyRange[] = [
  prefixRange(encode(['v1'])),
  prefixRange(encode(['v1_sv'])),
  prefixRange(encode([OWN])),
];
