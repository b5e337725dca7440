/**
 * What the y-protocols family shares (y-websocket and Y-Sweet): `00` sync, `01` awareness, `02` auth, `03` query, and
 * `66 varBytes(payload)`, the ack by name, which y-websocket's own clients do not have.
 *
 * Several messages in one frame are accepted when every one parses to the exact end; frames that we send hold one each.
 * Y-Sweet's client answers `03` with `03 varBytes(awareness)`. A client may send a new token in band,
 * `02 00 varString(token)`.
 */
import * as decoding from 'lib0/decoding';
import { AUTH, MESSAGE, SYNC, SYNC_STATUS_BYTES_MAX } from '../../protocol/messages.ts';
import type { ClientMessage, Frame, Wire } from '../../rooms/outlet.ts';
import { binaryFrame, pushVarUint } from '../frame.ts';
import { refused, type Decoded } from './dialect.ts';

/** An awareness message about no client: stock clients reconnect when they hear nothing for 30 s. */
export const NO_PRESENCE: Uint8Array = new Uint8Array([0]);
/** Longer ones are refused unread (server/access/token.ts has the limit on tokens). */
const TOKEN_BYTES_MAX = 16 * 1024;

function message(types: readonly number[], payload: Uint8Array): Frame {
  const head = [...types];
  pushVarUint(head, payload.byteLength);
  return binaryFrame(head, payload);
}

export const baseWire: Wire = {
  syncStep1: (stateVector) => message([MESSAGE.sync, SYNC.step1], stateVector),
  syncStep2: (update) => message([MESSAGE.sync, SYNC.step2], update),
  update: (update) => message([MESSAGE.sync, SYNC.update], update),
  presence: (entries) => message([MESSAGE.awareness], entries),
  ack: (payload) => message([MESSAGE.syncStatus], payload),
  keepAlive: () => message([MESSAGE.awareness], NO_PRESENCE),
};

export function decode(frame: Uint8Array): Decoded {
  if (frame.byteLength === 0) return refused('malformed-message', 'empty frame');
  const decoder = decoding.createDecoder(frame);
  const messages: ClientMessage[] = [];
  try {
    while (decoding.hasContent(decoder)) {
      const type = decoding.readVarUint(decoder);
      const decoded = readMessage(decoder, type);
      if (decoded === null) return refused('unknown-message', `message type ${type}`);
      messages.push(decoded);
    }
  } catch {
    // lib0 throws on truncated input and on numbers over 2^53.
    return refused('malformed-message', 'truncated');
  }
  return { ok: true, messages };
}

function readMessage(decoder: decoding.Decoder, type: number): ClientMessage | null {
  switch (type) {
    case MESSAGE.sync:
      return readSync(decoder, decoding.readVarUint(decoder));
    case MESSAGE.awareness:
      return { type: 'presence', entries: decoding.readVarUint8Array(decoder) };
    case MESSAGE.auth:
      return decoding.readVarUint(decoder) === AUTH.token
        ? { type: 'token', token: readToken(decoder) }
        : null;
    case MESSAGE.queryAwareness:
      if (decoding.hasContent(decoder)) {
        return { type: 'presence', entries: decoding.readVarUint8Array(decoder) };
      }
      return { type: 'presence-query' };
    case MESSAGE.syncStatus: {
      const payload = decoding.readVarUint8Array(decoder);
      return payload.byteLength <= SYNC_STATUS_BYTES_MAX ? { type: 'ack-request', payload } : null;
    }
    default:
      return null;
  }
}

/** Empty, which is no token, instead of what is too long to be one. */
export function readToken(decoder: decoding.Decoder): string {
  const bytes = decoding.readVarUint8Array(decoder);
  return bytes.byteLength <= TOKEN_BYTES_MAX ? Buffer.from(bytes).toString() : '';
}

/** After the type: what is the same in every family. */
export function readSync(decoder: decoding.Decoder, subtype: number): ClientMessage | null {
  switch (subtype) {
    case SYNC.step1:
      return { type: 'sync-step-1', stateVector: decoding.readVarUint8Array(decoder) };
    case SYNC.step2:
      return { type: 'sync-step-2', update: decoding.readVarUint8Array(decoder) };
    case SYNC.update:
      return { type: 'update', update: decoding.readVarUint8Array(decoder) };
    default:
      return null;
  }
}
