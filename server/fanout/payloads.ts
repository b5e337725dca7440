/**
 * The bytes of each kind of message: what lies in an envelope's payload. Decoding is strict: bounded, consumed to
 * the last byte, everything in its only spelling, every field within what its reader may assume; anything else is
 * null, and the message is dropped as a whole. A revocation that does not say whom revokes nobody.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { UPDATE_LIMITS } from '../protocol/limits.ts';
import { isSnapshotId } from '../rooms/snapshot-records.ts';
import { readDocumentName, readEpoch, readName, type Kind } from './envelope.ts';
import {
  DIGEST_BYTES,
  PAYLOAD_BYTES_MAX,
  PRESENCE_ENTRIES_MAX,
  REVOCATIONS_MAX,
  STATE_VECTOR_BYTES_MAX,
  SWEEP_BUCKETS,
  TOPIC_BYTES_MAX,
  UPDATE_BYTES_MAX,
  type Message,
  type ReplyMessage,
  type RevokedAccess,
} from './messages.ts';
import { type Reader, read } from './reader.ts';
import { type Writer, written } from './writer.ts';

const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;
const CLIENT_ID_MAX = UPDATE_LIMITS.clientIdMax;
const PRESENCE_CLOCK_MAX = 0xffff_ffff;
/** Yjs clocks; see UPDATE_LIMITS. */
const CLOCK_MAX = 0x10_0000_0000;
const PRESENCE_JSON_BYTES_MAX: number = 64 * 1024;
const IDENTITY_BYTES_MAX = 1_024;
const SNAPSHOT_ID_BYTES_MAX = 64;
/** Pieces of one update, updates of one answer: what a document of some GiB might take. */
const REPLY_COUNT_MAX = 1_000_000;
const REPLY_SIZE_MAX: number = 256 * 1024 * 1024;

/** @throws RangeError when the result would not fit: callers cut what can grow (pieces.ts, `inRuns`) */
export function encodePayload(message: Message): Uint8Array {
  const payload = written((writer) => {
    write(writer, message);
  });
  if (payload.length > PAYLOAD_BYTES_MAX) {
    throw new RangeError(`a message of kind ${message.kind} has ${payload.length} bytes`);
  }
  return payload;
}

function write(to: Writer, message: Message): void {
  const optional = (value: string | null): void => {
    to.flag(value !== null);
    if (value !== null) to.text(value);
  };
  const fixed = (bytes: Uint8Array, length: number): void => {
    if (bytes.length !== length) throw new RangeError(`${bytes.length} bytes instead of ${length}`);
    to.raw(bytes);
  };
  switch (message.kind) {
    case 'update':
      to.uint(message.previousSeq);
      to.bytes(message.update);
      break;
    case 'presence':
      to.flag(message.isComplete);
      to.uint(message.entries.length);
      for (const { clientId, clock, json } of message.entries) {
        to.uint(clientId);
        to.uint(clock);
        optional(json);
      }
      break;
    case 'heartbeat':
      to.flag(message.isLeaving);
      to.flag(message.isAsking);
      to.uint(message.entries.length);
      for (const { document, lastSeq, digest } of message.entries) {
        to.text(document);
        to.uint(lastSeq);
        fixed(digest, DIGEST_BYTES);
      }
      break;
    case 'request':
      to.text(message.to);
      to.uint(message.nonce);
      to.bytes(message.stateVector);
      fixed(message.deleteDigest, DIGEST_BYTES);
      break;
    case 'reply':
      to.text(message.to);
      to.uint(message.nonce);
      to.uint(message.upToSeq);
      to.uint(message.index);
      to.uint(message.count);
      to.uint(message.offset);
      to.uint(message.size);
      to.bytes(message.bytes);
      break;
    case 'durable':
      to.text(message.to);
      fixed(Buffer.from(message.epoch, 'hex'), 8);
      to.uint(message.entries.length);
      for (const { document, upToSeq } of message.entries) {
        to.text(document);
        to.uint(upToSeq);
      }
      break;
    case 'revoke':
      to.uint(message.revocations.length);
      for (const { tokenId, subject, document, atMs } of message.revocations) {
        optional(tokenId);
        optional(subject);
        optional(document);
        to.uint(atMs);
      }
      break;
    case 'tombstone':
      to.uint(message.deletedAtMs);
      break;
    case 'application':
      to.text(message.topic);
      to.bytes(message.bytes);
      break;
    case 'buckets':
      fixed(message.digests, SWEEP_BUCKETS * DIGEST_BYTES);
      break;
    case 'list-request':
      to.text(message.to);
      to.uint(message.nonce);
      to.uint(message.bucket);
      optional(message.after);
      break;
    case 'list-reply':
      to.text(message.to);
      to.uint(message.nonce);
      to.uint(message.bucket);
      to.flag(message.isLast);
      to.uint(message.entries.length);
      for (const { document, isDeleted, digest } of message.entries) {
        to.text(document);
        to.flag(isDeleted);
        fixed(digest, DIGEST_BYTES);
      }
      break;
    case 'snapshots':
      to.uint(message.entries.length);
      for (const { document, digest } of message.entries) {
        to.text(document);
        fixed(digest, DIGEST_BYTES);
      }
      break;
    case 'snapshot-request':
      to.text(message.to);
      to.uint(message.nonce);
      optional(message.id);
      to.uint(message.offset);
      break;
    case 'snapshot-reply':
      to.text(message.to);
      to.uint(message.nonce);
      to.uint(message.size);
      to.bytes(message.bytes);
      break;
  }
}

/** Null: malformed. `document` is the envelope's. */
export function decodePayload(
  kind: Kind,
  document: DocumentName | null,
  payload: Uint8Array,
): Message | null {
  const needsDocument = NEEDS_DOCUMENT[kind];
  if (needsDocument !== null && needsDocument !== (document !== null)) return null;
  return read(payload, (reader) => readMessage(reader, kind, document as DocumentName));
}

/** Null: either way. */
const NEEDS_DOCUMENT: Readonly<Record<Kind, boolean | null>> = {
  update: true,
  presence: true,
  heartbeat: false,
  request: true,
  reply: true,
  durable: false,
  revoke: false,
  tombstone: true,
  application: null,
  buckets: false,
  'list-request': false,
  'list-reply': false,
  snapshots: false,
  'snapshot-request': true,
  'snapshot-reply': true,
};

function readMessage(reader: Reader, kind: Kind, document: DocumentName): Message {
  switch (kind) {
    case 'update': {
      const previousSeq = reader.uint(NUMBER_MAX);
      const update = reader.bytes(UPDATE_BYTES_MAX);
      return update.length === 0 ? reader.refuse() : { kind, document, previousSeq, update };
    }
    case 'presence': {
      const isComplete = reader.flag();
      const entries = reader.list(PRESENCE_ENTRIES_MAX, () => ({
        clientId: reader.uint(CLIENT_ID_MAX),
        clock: reader.uint(PRESENCE_CLOCK_MAX),
        json: reader.flag() ? reader.text(PRESENCE_JSON_BYTES_MAX) : null,
      }));
      return { kind, document, isComplete, entries };
    }
    case 'heartbeat': {
      const isLeaving = reader.flag();
      const isAsking = reader.flag();
      const entries = reader.list(PAYLOAD_BYTES_MAX, () => ({
        document: readDocumentName(reader),
        lastSeq: reader.uint(NUMBER_MAX),
        digest: reader.take(DIGEST_BYTES),
      }));
      return { kind, isLeaving, isAsking, entries };
    }
    case 'request': {
      const to = readName(reader);
      const nonce = reader.uint(NUMBER_MAX);
      const stateVector = readStateVector(reader);
      return { kind, to, document, nonce, stateVector, deleteDigest: reader.take(DIGEST_BYTES) };
    }
    case 'reply':
      return readReply(reader, document);
    case 'durable': {
      const to = readName(reader);
      const epoch = readEpoch(reader);
      const entries = reader.list(PAYLOAD_BYTES_MAX, () => ({
        document: readDocumentName(reader),
        upToSeq: reader.uint(NUMBER_MAX),
      }));
      return { kind, to, epoch, entries };
    }
    case 'revoke': {
      const revocations = reader.list(REVOCATIONS_MAX, () => readRevocation(reader));
      return revocations.length === 0 ? reader.refuse() : { kind, revocations };
    }
    case 'tombstone':
      return { kind, document, deletedAtMs: reader.uint(NUMBER_MAX) };
    case 'application': {
      const topic = reader.text(TOPIC_BYTES_MAX);
      if (topic === '') reader.refuse();
      return { kind, document, topic, bytes: reader.bytes(PAYLOAD_BYTES_MAX) };
    }
    case 'buckets':
      return { kind, digests: reader.take(SWEEP_BUCKETS * DIGEST_BYTES) };
    case 'list-request': {
      const to = readName(reader);
      const nonce = reader.uint(NUMBER_MAX);
      const bucket = reader.uint(SWEEP_BUCKETS - 1);
      return { kind, to, nonce, bucket, after: reader.flag() ? readDocumentName(reader) : null };
    }
    case 'list-reply': {
      const to = readName(reader);
      const nonce = reader.uint(NUMBER_MAX);
      const bucket = reader.uint(SWEEP_BUCKETS - 1);
      const isLast = reader.flag();
      const entries = reader.list(PAYLOAD_BYTES_MAX, () => ({
        document: readDocumentName(reader),
        isDeleted: reader.flag(),
        digest: reader.take(DIGEST_BYTES),
      }));
      return { kind, to, nonce, bucket, isLast, entries };
    }
    case 'snapshots': {
      const entries = reader.list(PAYLOAD_BYTES_MAX, () => ({
        document: readDocumentName(reader),
        digest: reader.take(DIGEST_BYTES),
      }));
      return { kind, entries };
    }
    case 'snapshot-request': {
      const to = readName(reader);
      const nonce = reader.uint(NUMBER_MAX);
      const id = reader.flag() ? readSnapshotId(reader) : null;
      return { kind, to, document, nonce, id, offset: reader.uint(REPLY_SIZE_MAX) };
    }
    case 'snapshot-reply': {
      const to = readName(reader);
      const nonce = reader.uint(NUMBER_MAX);
      const size = reader.uint(REPLY_SIZE_MAX);
      const bytes = reader.bytes(PAYLOAD_BYTES_MAX);
      return bytes.length > size ? reader.refuse() : { kind, to, document, nonce, size, bytes };
    }
  }
}

export function readSnapshotId(reader: Reader): string {
  const id = reader.text(SNAPSHOT_ID_BYTES_MAX);
  return isSnapshotId(id) ? id : reader.refuse();
}

/** Clients with their clocks, as Yjs writes it: kept as bytes, but nothing else passes. */
function readStateVector(reader: Reader): Uint8Array {
  const bytes = reader.bytes(STATE_VECTOR_BYTES_MAX);
  const clients = read(bytes, (inner) =>
    inner.list(STATE_VECTOR_BYTES_MAX, () => {
      inner.uint(CLIENT_ID_MAX);
      inner.uint(CLOCK_MAX);
    }),
  );
  return clients === null ? reader.refuse() : bytes;
}

function readReply(reader: Reader, document: DocumentName): ReplyMessage {
  const to = readName(reader);
  const nonce = reader.uint(NUMBER_MAX);
  const upToSeq = reader.uint(NUMBER_MAX);
  const index = reader.uint(REPLY_COUNT_MAX);
  const count = reader.uint(REPLY_COUNT_MAX);
  const offset = reader.uint(REPLY_SIZE_MAX);
  const size = reader.uint(REPLY_SIZE_MAX);
  const bytes = reader.bytes(PAYLOAD_BYTES_MAX);
  const isNothing = count === 0 && index === 0 && offset === 0 && size === 0 && bytes.length === 0;
  const isPiece = index < count && bytes.length > 0 && offset + bytes.length <= size;
  if (!isNothing && !isPiece) reader.refuse();
  return { kind: 'reply', to, document, nonce, upToSeq, index, count, offset, size, bytes };
}

function readRevocation(reader: Reader): RevokedAccess {
  const tokenId = reader.flag() ? reader.text(IDENTITY_BYTES_MAX) : null;
  const subject = reader.flag() ? reader.text(IDENTITY_BYTES_MAX) : null;
  const document = reader.flag() ? readDocumentName(reader) : null;
  const atMs = reader.uint(NUMBER_MAX);
  if (tokenId === '' || subject === '') reader.refuse();
  if (tokenId === null && subject === null && document === null) reader.refuse();
  return { tokenId, subject, document, atMs };
}
