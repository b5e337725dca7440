/**
 * The outside of every message between nodes: who sent it, which of its messages it is, what it is about.
 *
 *   magic 'S' 'Y' · version · kind · flags · epoch (8 bytes) · origin · region · seq
 *   [document] [traceparent: 26 bytes] · length and payload · CRC-32 (4 bytes) · [HMAC-SHA256: 32 bytes]
 *
 * Strings are varuint length and UTF-8, numbers are varuints. Checksum and signature cover every byte before them: a flipped
 * bit in an update may leave a valid one, and nodes that took it would differ for ever. What
 * decodes is in its only spelling. Messages come from whoever can publish to Redis: decoding returns a union,
 * never throws, and reads nothing past its bounds. A node with a secret refuses what is not signed; one
 * without takes signed messages as well, so that a secret can be introduced node by node.
 *
 * Version 1. A change that an older node would misread takes a new version, which the older one drops.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import { MESSAGE_BYTES_MAX, isName } from './bus.ts';
import { type Reader, read } from './reader.ts';
import { written } from './writer.ts';

const MAGIC_0 = 0x53;
const MAGIC_1 = 0x59;
const VERSION = 1;

const HAS_DOCUMENT = 1;
const HAS_TRACE = 2;
const IS_SIGNED = 4;
const HAS_CHECKSUM = 8;

const ORIGIN_OFFSET = 5;
const EPOCH_BYTES = 8;
const SIGNATURE_BYTES = 32;
const CHECKSUM_BYTES = 4;
const NAME_BYTES_MAX = 64;
/** 200 UTF-16 units (document-name.ts), three bytes each at most. */
const DOCUMENT_BYTES_MAX = 600;

/** In order of their numbers on the wire; only ever appended to. */
export const KINDS = [
  'update',
  'presence',
  'heartbeat',
  'request',
  'reply',
  'durable',
  'revoke',
  'tombstone',
  'application',
  'buckets',
  'list-request',
  'list-reply',
  'snapshots',
  'snapshot-request',
  'snapshot-reply',
] as const;
export type Kind = (typeof KINDS)[number];

/** A start of a node: 64 random bits, as 16 hex digits. */
export type Epoch = string;
const EPOCH = /^[0-9a-f]{16}$/;
/** W3C trace context, version 00: the only one there is. */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export interface Envelope {
  readonly kind: Kind;
  /** The sender's node id. */
  readonly origin: string;
  readonly epoch: Epoch;
  readonly region: string;
  /** Counts the sender's messages of this epoch on this channel, from 1; see origin-tracker.ts. */
  readonly seq: number;
  readonly document: DocumentName | null;
  readonly traceparent: string | null;
  readonly payload: Uint8Array;
}

export type EnvelopeDrop = 'malformed' | 'version' | 'auth' | 'too-large';

export type Decoded =
  | { readonly ok: true; readonly envelope: Envelope }
  | { readonly ok: false; readonly reason: EnvelopeDrop };

/** Who sends: the same bytes in all messages of a start of a node, behind the flags. */
interface Sender {
  readonly origin: string;
  readonly epoch: Epoch;
  readonly region: string;
  readonly bytes: Uint8Array;
}

/** New senders first: whoever is among them is not decoded again. More nodes than these are decoded in turn. */
const HEARD_MAX = 64;
const heard: Sender[] = [];
/** Sent last: a process is one node, but for tests. */
let self: Sender | null = null;

/** @throws RangeError when a field is not what the decoder would take: our own mistake */
export function encodeEnvelope(envelope: Envelope, secret: string | null): Uint8Array {
  const { kind, seq, document, traceparent, payload } = envelope;
  if (!Number.isSafeInteger(seq) || seq < 1) throw new RangeError(`no sequence number: ${seq}`);
  if (traceparent !== null && !TRACEPARENT.test(traceparent)) throw new RangeError('traceparent');
  const sender = senderBytes(envelope);
  return written((writer) => {
    writer.byte(MAGIC_0);
    writer.byte(MAGIC_1);
    writer.byte(VERSION);
    writer.byte(KINDS.indexOf(kind));
    writer.byte(
      (document === null ? 0 : HAS_DOCUMENT) |
        (traceparent === null ? 0 : HAS_TRACE) |
        (secret === null ? 0 : IS_SIGNED) |
        HAS_CHECKSUM,
    );
    writer.raw(sender);
    writer.uint(seq);
    if (document !== null) writer.text(document);
    if (traceparent !== null) writer.raw(Buffer.from(traceparent.replaceAll('-', ''), 'hex'));
    writer.bytes(payload);
    writer.uint32(crc32(writer.view()));
    if (secret !== null) writer.raw(signature(writer.view(), secret));
  });
}

function senderBytes({ origin, epoch, region }: Envelope): Uint8Array {
  if (self?.origin === origin && self.epoch === epoch && self.region === region) return self.bytes;
  if (!isName(origin) || !isName(region) || !EPOCH.test(epoch)) {
    throw new RangeError('an envelope needs a node id, a region and an epoch');
  }
  const bytes = written((writer) => {
    writer.raw(Buffer.from(epoch, 'hex'));
    writer.text(origin);
    writer.text(region);
  });
  self = { origin, epoch, region, bytes };
  return bytes;
}

/** `secret`: the nodes' common one, or null when messages are not checked. */
export function decodeEnvelope(bytes: Uint8Array, secret: string | null): Decoded {
  if (bytes.length > MESSAGE_BYTES_MAX) return { ok: false, reason: 'too-large' };
  if (bytes.length < 5 || bytes[0] !== MAGIC_0 || bytes[1] !== MAGIC_1) {
    return { ok: false, reason: 'malformed' };
  }
  if (bytes[2] !== VERSION) return { ok: false, reason: 'version' };
  const isSigned = ((bytes[4] as number) & IS_SIGNED) !== 0;
  const end = bytes.length - (isSigned ? SIGNATURE_BYTES : 0);
  if (end < 5) return { ok: false, reason: 'malformed' };
  // Before anything is parsed: who has no secret gets no parser to play with.
  if (secret !== null && !(isSigned && isSignedWith(bytes, end, secret))) {
    return { ok: false, reason: 'auth' };
  }
  const checked = end - CHECKSUM_BYTES;
  if (((bytes[4] as number) & HAS_CHECKSUM) === 0 || !hasChecksum(bytes, checked)) {
    return { ok: false, reason: 'malformed' };
  }
  const envelope = read(bytes.subarray(0, checked), readEnvelope);
  return envelope === null ? { ok: false, reason: 'malformed' } : { ok: true, envelope };
}

/** Where every message of an origin looks the same: epoch and node id. */
export function originBytes(node: string, epoch: Epoch): Uint8Array {
  return Buffer.concat([Buffer.from(epoch, 'hex'), Buffer.of(node.length), Buffer.from(node)]);
}

/** Whether a message claims to be of this origin, at the price of some comparisons: most fail at the first byte. */
export function isFrom(bytes: Uint8Array, origin: Uint8Array): boolean {
  for (let index = 0; index < origin.length; index += 1) {
    if (bytes[ORIGIN_OFFSET + index] !== origin[index]) return false;
  }
  return true;
}

function readEnvelope(reader: Reader): Envelope {
  reader.take(3);
  const kind = KINDS[reader.byte()] ?? reader.refuse();
  const flags = reader.byte();
  if (flags > (HAS_DOCUMENT | HAS_TRACE | IS_SIGNED | HAS_CHECKSUM)) reader.refuse();
  const { origin, epoch, region } = readSender(reader);
  const seq = reader.uint(Number.MAX_SAFE_INTEGER);
  if (seq === 0) reader.refuse();
  const document = (flags & HAS_DOCUMENT) === 0 ? null : readDocumentName(reader);
  const traceparent = (flags & HAS_TRACE) === 0 ? null : readTrace(reader);
  const payload = reader.bytes(MESSAGE_BYTES_MAX);
  return { kind, origin, epoch, region, seq, document, traceparent, payload };
}

function readSender(reader: Reader): Sender {
  const known = heard.find(({ bytes }) => reader.skipIf(bytes));
  if (known !== undefined) return known;
  const start = reader.position;
  const epoch = hex(reader.take(EPOCH_BYTES));
  const origin = readName(reader);
  const region = readName(reader);
  // A copy: the message's own bytes are those of a whole read from a socket.
  const sender = { origin, epoch, region, bytes: new Uint8Array(reader.since(start)) };
  heard.unshift(sender);
  if (heard.length > HEARD_MAX) heard.pop();
  return sender;
}

export function readName(reader: Reader): string {
  const name = reader.text(NAME_BYTES_MAX);
  return isName(name) ? name : reader.refuse();
}

export function readDocumentName(reader: Reader): DocumentName {
  return parseDocumentName(reader.text(DOCUMENT_BYTES_MAX)) ?? reader.refuse();
}

export function readEpoch(reader: Reader): Epoch {
  return hex(reader.take(EPOCH_BYTES));
}

function readTrace(reader: Reader): string {
  const digits = hex(reader.take(26));
  const cuts = [0, 2, 34, 50, 52];
  const parts = cuts.slice(1).map((to, index) => digits.slice(cuts[index], to));
  return parts[0] === '00' ? parts.join('-') : reader.refuse();
}

function hasChecksum(bytes: Uint8Array, end: number): boolean {
  if (end < 5) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, CHECKSUM_BYTES);
  return view.getUint32(0, true) === crc32(bytes.subarray(0, end));
}

function signature(bytes: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', secret).update(bytes).digest();
}

function isSignedWith(bytes: Uint8Array, end: number, secret: string): boolean {
  return timingSafeEqual(signature(bytes.subarray(0, end), secret), bytes.subarray(end));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
