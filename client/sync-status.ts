/**
 * SyncStatus, message 102 of the y-protocols family (Y-Sweet's): `66 varBytes(varUint(version))`. The server
 * sends it back once everything it received before it is durable. Version 5 is `66 01 05`, 300 `66 02 ac 02`.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { MESSAGE } from '../server/protocol/messages.ts';

export function encodeSyncStatus(version: number): Uint8Array<ArrayBuffer> {
  const payload = encoding.createEncoder();
  encoding.writeVarUint(payload, version);
  const message = encoding.createEncoder();
  encoding.writeVarUint(message, MESSAGE.syncStatus);
  encoding.writeVarUint8Array(message, encoding.toUint8Array(payload));
  return encoding.toUint8Array(message);
}

/** Reads the rest of a message whose type was 102. Null when it holds no version: no ack then. */
export function decodeSyncStatus(decoder: decoding.Decoder): number | null {
  try {
    return decoding.readVarUint(decoding.createDecoder(decoding.readVarUint8Array(decoder)));
  } catch {
    return null;
  }
}
