/**
 * What a message between nodes is about, as far as faults need to know: its kind, sender, document, number, and whether
 * it is an update that only deletes. The layout stands in server/fanout/envelope.ts; chaos reads it with a
 * decoder of its own, so that a mistake there cannot hide itself here. The payload is readable although it may be signed.
 */
import * as decoding from 'lib0/decoding';
import * as Y from 'yjs';

const MAGIC = [0x53, 0x59, 1] as const;
const KINDS = [
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
] as const;
export type BusKind = (typeof KINDS)[number];
const HAS_DOCUMENT = 1;
const HAS_TRACE = 2;
const EPOCH_BYTES = 8;
const TRACE_BYTES = 26;

export interface BusMessage {
  readonly kind: BusKind;
  readonly origin: string;
  readonly region: string;
  readonly seq: number;
  readonly document: string | null;
  /** Of an update. */
  readonly isDeleteOnly: boolean;
  readonly bytes: number;
}

/** Null: nothing of ours (a probe, or a kind that is newer than this). */
export function readBusMessage(bytes: Uint8Array): BusMessage | null {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return null;
  const kind = KINDS[bytes[3] ?? KINDS.length];
  if (kind === undefined) return null;
  try {
    return { kind, bytes: bytes.length, ...readRest(bytes, kind) };
  } catch {
    return null;
  }
}

function readRest(bytes: Uint8Array, kind: BusKind): Omit<BusMessage, 'kind' | 'bytes'> {
  const flags = bytes[4] ?? 0;
  const decoder = decoding.createDecoder(bytes);
  decoder.pos = 5 + EPOCH_BYTES;
  const origin = decoding.readVarString(decoder);
  const region = decoding.readVarString(decoder);
  const seq = decoding.readVarUint(decoder);
  const document = (flags & HAS_DOCUMENT) === 0 ? null : decoding.readVarString(decoder);
  if ((flags & HAS_TRACE) !== 0) decoder.pos += TRACE_BYTES;
  const payload = decoding.createDecoder(decoding.readVarUint8Array(decoder));
  if (kind !== 'update') return { origin, region, seq, document, isDeleteOnly: false };
  decoding.readVarUint(payload);
  const isDeleteOnly = onlyDeletes(decoding.readVarUint8Array(payload));
  return { origin, region, seq, document, isDeleteOnly };
}

function onlyDeletes(update: Uint8Array): boolean {
  const { structs, ds } = Y.decodeUpdate(update);
  return structs.length === 0 && ds.clients.size > 0;
}
