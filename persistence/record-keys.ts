/**
 * Keys of the records that other parts keep in the store, and of the change log, beside `keys.ts`. Both lie under
 * `['syncline', …]`, which y-leveldb never reads. The last part of a key is raw, so that LevelDB's order is the
 * order of ids (UTF-8 bytes) and of positions.
 */
import * as decoding from 'lib0/decoding';
import { keyEncoding } from 'y-leveldb';
import { prefixRange, type KeyRange } from './keys.ts';
import type { RecordKey, RecordSpace } from './store.ts';

/** Stands where the document's name would: a number, so no name is equal to it. */
const NODE = 0;
const POSITION_BYTES = 8;

function encode(parts: readonly (string | number)[]): Buffer {
  return Buffer.from(keyEncoding.encode([...parts]));
}

function ownerPrefix(document: string | null): Buffer {
  return encode(['syncline', 'record', document ?? NODE]);
}

function spacePrefix(document: string | null, space: RecordSpace): Buffer {
  return Buffer.concat([ownerPrefix(document), encode([space])]);
}

export function keyOfRecord(key: RecordKey): Buffer {
  return Buffer.concat([spacePrefix(key.document, key.space), Buffer.from(key.id, 'utf8')]);
}

export function recordsOfSpace(query: {
  readonly space: RecordSpace;
  readonly document: string | null;
  readonly after?: string;
}): KeyRange {
  const prefix = spacePrefix(query.document, query.space);
  const range = prefixRange(prefix);
  if (query.after === undefined) return range;
  // The successor of a key is the key with a zero byte behind it.
  return {
    gte: Buffer.concat([prefix, Buffer.from(query.after, 'utf8'), Buffer.of(0)]),
    lt: range.lt,
  };
}

export function idOfRecordKey(key: Buffer, query: Pick<RecordKey, 'space' | 'document'>): string {
  return key.toString('utf8', spacePrefix(query.document, query.space).length);
}

/** All records of a document, whatever their space. */
export function recordsOfDocument(name: string): KeyRange {
  return prefixRange(ownerPrefix(name));
}

/** Records of documents behind those of `name`, whatever their space; without one, of all documents. */
export function recordsBehind(name: string | undefined): KeyRange {
  const gte = name === undefined ? allRecords.gte : recordsOfDocument(name).lt;
  return { gte, lt: ownerPrefix(null) };
}

export const allRecords: KeyRange = prefixRange(encode(['syncline', 'record']));

/** Whose key it is; null if it is none of ours. */
export function parseRecordKey(key: Buffer): RecordKey | null {
  const decoder = decoding.createDecoder(key);
  const part = (): string | null => {
    if (decoding.readUint8(decoder) === 0) return decoding.readVarString(decoder);
    decoding.readUint32(decoder);
    return null;
  };
  try {
    part();
    part();
    const document = part();
    const space = part() as RecordSpace;
    return { space, document, id: key.toString('utf8', decoder.pos) };
  } catch {
    return null;
  }
}

// ---- the change log ------------------------------------------------------------------------------------------

const changePrefix = encode(['syncline', 'change']);

export function changeKey(position: number): Buffer {
  const key = Buffer.allocUnsafe(changePrefix.length + POSITION_BYTES);
  changePrefix.copy(key);
  key.writeBigUInt64BE(BigInt(position), changePrefix.length);
  return key;
}

export function positionOfChangeKey(key: Buffer): number {
  return Number(key.readBigUInt64BE(key.length - POSITION_BYTES));
}

export const allChanges: KeyRange = prefixRange(changePrefix);

/** From a position (exclusive) to another (inclusive). */
export function changesBetween(after: number, upTo: number): KeyRange {
  return { gte: changeKey(after + 1), lt: changeKey(upTo + 1) };
}
