/** Messages of the y-protocols family, as the provider and its transports exchange them. */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { MESSAGE, SYNC } from '../server/protocol/messages.ts';

export type SyncKind = keyof typeof SYNC;

/** What y-websocket sends; everything else it has is for BroadcastChannel only. */
export type Outgoing =
  | { readonly type: SyncKind; readonly payload: Uint8Array }
  | { readonly type: 'presence'; readonly payload: Uint8Array }
  | { readonly type: 'ack-request'; readonly payload: Uint8Array }
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'other' };

const KINDS = ['step1', 'step2', 'update'] as const satisfies readonly SyncKind[];

export function syncFrame(kind: SyncKind, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE.sync);
  encoding.writeVarUint(encoder, SYNC[kind]);
  encoding.writeVarUint8Array(encoder, payload);
  return encoding.toUint8Array(encoder);
}

export function presenceFrame(entries: Uint8Array): Uint8Array<ArrayBuffer> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MESSAGE.awareness);
  encoding.writeVarUint8Array(encoder, entries);
  return encoding.toUint8Array(encoder);
}

/** Which sync message a received frame is; null for anything else. */
export function syncKindOf(frame: Uint8Array): SyncKind | null {
  return frame[0] === MESSAGE.sync ? (KINDS[frame[1] ?? KINDS.length] ?? null) : null;
}

/** A frame that this client made. */
export function readOutgoing(frame: Uint8Array): Outgoing {
  const decoder = decoding.createDecoder(frame);
  switch (decoding.readVarUint(decoder)) {
    case MESSAGE.sync: {
      const type = KINDS[decoding.readVarUint(decoder)];
      return type === undefined
        ? { type: 'other' }
        : { type, payload: decoding.readVarUint8Array(decoder) };
    }
    case MESSAGE.awareness:
      return { type: 'presence', payload: decoding.readVarUint8Array(decoder) };
    case MESSAGE.syncStatus:
      return { type: 'ack-request', payload: decoding.readVarUint8Array(decoder) };
    case MESSAGE.auth:
      decoding.readVarUint(decoder);
      return { type: 'token', token: decoding.readVarString(decoder) };
    default:
      return { type: 'other' };
  }
}

/** Of an awareness update, the entry of one client, as an update of its own; null when it says nothing of it. */
export function ownPresence(entries: Uint8Array, clientId: number): Uint8Array | null {
  const decoder = decoding.createDecoder(entries);
  for (let left = decoding.readVarUint(decoder); left > 0; left--) {
    const client = decoding.readVarUint(decoder);
    const clock = decoding.readVarUint(decoder);
    const state = decoding.readVarString(decoder);
    if (client !== clientId) continue;
    return encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, 1);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, state);
    });
  }
  return null;
}
