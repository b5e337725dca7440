/**
 * The body of `POST …/sync`, both ways: a state vector and an update, each with its length before it as a lib0
 * varint. As a request: what the client has, and what it brings (empty: nothing). As an answer: what the server has
 * now, and what the client lacked.
 *
 *   varuint n · n bytes: state vector · varuint m · m bytes: update (Yjs V1; m = 0: none)
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';

export const SYNC_MEDIA_TYPE = 'application/vnd.syncline.sync';

export interface SyncBody {
  readonly stateVector: Uint8Array;
  readonly update: Uint8Array | null;
}

export function encodeSyncBody(body: SyncBody): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint8Array(encoder, body.stateVector);
  encoding.writeVarUint8Array(encoder, body.update ?? new Uint8Array(0));
  return encoding.toUint8Array(encoder);
}

/** Null unless the bytes are exactly one body. The parts are views of `bytes`. */
export function decodeSyncBody(bytes: Uint8Array): SyncBody | null {
  try {
    const decoder = decoding.createDecoder(bytes);
    const stateVector = decoding.readVarUint8Array(decoder);
    const update = decoding.readVarUint8Array(decoder);
    if (decoding.hasContent(decoder)) return null;
    return { stateVector, update: update.byteLength === 0 ? null : update };
  } catch {
    return null;
  }
}
