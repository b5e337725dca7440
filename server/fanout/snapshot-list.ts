/**
 * Which snapshots a document has on a node, as nodes tell each other: a digest of it unasked, the list itself to who asks.
 * Deleted ones are part of both, for whoever has one of them still.
 */
import { createHash } from 'node:crypto';
import {
  DELETED_MAX,
  LABEL_LENGTH_MAX,
  type SnapshotInfo,
  type SnapshotList,
} from '../rooms/snapshot-records.ts';
import { DIGEST_BYTES } from './messages.ts';
import { readSnapshotId } from './payloads.ts';
import { type Reader, read } from './reader.ts';
import { type Writer, written } from './writer.ts';

const LIST_MAX = 100_000;
/** Three bytes a UTF-16 unit at most. */
const LABEL_BYTES_MAX: number = 3 * LABEL_LENGTH_MAX;
const AUTHOR_BYTES_MAX = 4_096;
/** As in entity tags. */
const DIGEST_TEXT = /^[A-Za-z0-9_-]+$/;
const DIGEST_TEXT_BYTES_MAX = 128;
const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;

/** Equal for nodes that have the same snapshots and have deleted the same. */
export function listDigest({ snapshots, deleted }: SnapshotList): Uint8Array {
  const bytes = written((writer) => {
    for (const { id } of snapshots) writer.text(id);
    writer.text('');
    for (const id of deleted) writer.text(id);
  });
  return createHash('sha256').update(bytes).digest().subarray(0, DIGEST_BYTES);
}

/** Whether there is anything in the first list that the second one lacks; what was deleted there is not lacked. */
export function hasMore(ours: SnapshotList, theirs: SnapshotList): boolean {
  const deleted = new Set(theirs.deleted);
  const known = new Set([...deleted, ...theirs.snapshots.map(({ id }) => id)]);
  return (
    ours.snapshots.some(({ id }) => !known.has(id)) || ours.deleted.some((id) => !deleted.has(id))
  );
}

export function encodeList({ snapshots, deleted }: SnapshotList): Uint8Array {
  return written((writer) => {
    writer.uint(snapshots.length);
    for (const info of snapshots) writeInfo(writer, info);
    writer.uint(deleted.length);
    for (const id of deleted) writer.text(id);
  });
}

/** Null: malformed. What newer builds may append is not looked at. */
export function decodeList(bytes: Uint8Array): SnapshotList | null {
  return read(bytes, (reader) => {
    const snapshots = reader.list(LIST_MAX, () => readInfo(reader));
    const deleted = reader.list(DELETED_MAX, () => readSnapshotId(reader));
    reader.skip();
    return { snapshots, deleted };
  });
}

function writeInfo(writer: Writer, info: SnapshotInfo): void {
  writer.text(info.id);
  writer.flag(info.label !== null);
  if (info.label !== null) writer.text(info.label);
  writer.uint(Math.max(0, Math.floor(info.createdAtMs)));
  writer.text(info.author);
  writer.text(info.digest);
  writer.uint(info.bytes);
}

function readInfo(reader: Reader): SnapshotInfo {
  const id = readSnapshotId(reader);
  const label = reader.flag() ? reader.text(LABEL_BYTES_MAX) : null;
  const createdAtMs = reader.uint(NUMBER_MAX);
  const author = reader.text(AUTHOR_BYTES_MAX);
  const digest = reader.text(DIGEST_TEXT_BYTES_MAX);
  const bytes = reader.uint(NUMBER_MAX);
  const isLabel = label === null || label.length <= LABEL_LENGTH_MAX;
  if (!isLabel || !DIGEST_TEXT.test(digest)) reader.refuse();
  return { id, label, createdAtMs, author, digest, bytes };
}
