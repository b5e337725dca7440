/**
 * Hocuspocus (providers 2, 3 and 4; enums in provider/src/types.ts and common/src/auth.ts), bytes only. Every frame is
 * `varString(address) varUint(type) payload`; ping and pong are a single byte without an address. The address is the
 * document's name, or `name \0 session` (provider 4 with `sessionAwareness`); answers carry exactly the address that the
 * provider used, because it looks itself up by it.
 *
 * Two types are between servers only (4, 6): from a client they end the connection. Type 7 from a server makes provider 2
 * throw, as a ping does 2 and 3: both only go to providers that say their version, which is what 4 does.
 */
import * as decoding from 'lib0/decoding';
import type { ClientMessage, Frame, Wire } from '../../rooms/outlet.ts';
import { binaryFrame, pushVarUint } from '../frame.ts';
import { refused, type Refused } from './dialect.ts';
import { NO_PRESENCE, readSync, readToken } from './y-protocols.ts';

export const TYPE = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  stateless: 5,
  close: 7,
  syncStatus: 8,
  ping: 9,
  pong: 10,
} as const;

const AUTH = { token: 0, permissionDenied: 1, authenticated: 2 } as const;

/** Three bytes a character of the longest name, and the provider's session id. */
const ADDRESS_BYTES_MAX = 1_024;
/** Of a stateless message: it goes to everybody in the document, and to other nodes. */
const STATELESS_BYTES_MAX: number = 64 * 1024;
/** Ours are a name, and a random id of letters and digits. */
// oxlint-disable-next-line no-control-regex -- they are what tells an address from other bytes
const CONTROL = /[\u0000-\u001f\u007f]/;

/** What a provider says about one of its documents. */
export type AddressedMessage =
  | ClientMessage
  | { readonly type: 'auth'; readonly token: string; readonly version: string | null }
  | { readonly type: 'leave' };

export type AddressedFrame =
  | { readonly ok: true; readonly address: string; readonly message: AddressedMessage }
  /** About no document: a ping or pong. */
  | { readonly ok: true; readonly address: null }
  | Refused;

/** Decodes one frame to its exact end. Never throws: frames come from outside. */
export function decodeFrame(frame: Uint8Array): AddressedFrame {
  const isBeat = frame[0] === TYPE.ping || frame[0] === TYPE.pong;
  if (frame.byteLength === 1 && isBeat) return { ok: true, address: null };
  const decoder = decoding.createDecoder(frame);
  try {
    const bytes = decoding.readVarUint8Array(decoder);
    if (bytes.byteLength === 0 || bytes.byteLength > ADDRESS_BYTES_MAX) {
      return refused('malformed-message', 'not an address');
    }
    const address = Buffer.from(bytes).toString();
    const type = decoding.readVarUint(decoder);
    const message = readMessage(decoder, type);
    if (message === null) return refused('unknown-message', `message type ${type}`);
    return decoding.hasContent(decoder)
      ? refused('malformed-message', 'trailing bytes')
      : { ok: true, address, message };
  } catch {
    return refused('malformed-message', 'truncated');
  }
}

/** Whether the first frame of a socket is one of a provider, and not of another family's client. */
export function isProviderFrame(frame: Uint8Array): boolean {
  if (frame[0] === undefined || frame[0] === 0) return false;
  const decoded = decodeFrame(frame);
  return decoded.ok && decoded.address !== null && !CONTROL.test(nameOf(decoded.address));
}

/** The document of an address. */
export function nameOf(address: string): string {
  const end = address.indexOf('\0');
  return end === -1 ? address : address.slice(0, end);
}

function readMessage(decoder: decoding.Decoder, type: number): AddressedMessage | null {
  switch (type) {
    case TYPE.sync:
      return readSync(decoder, decoding.readVarUint(decoder));
    case TYPE.awareness:
      return { type: 'presence', entries: decoding.readVarUint8Array(decoder) };
    case TYPE.auth:
      return readAuth(decoder);
    case TYPE.queryAwareness:
      return { type: 'presence-query' };
    case TYPE.stateless: {
      const payload = decoding.readVarUint8Array(decoder);
      return payload.byteLength <= STATELESS_BYTES_MAX ? { type: 'signal', payload } : null;
    }
    case TYPE.close:
      // Providers say nothing else; the server's own has a reason.
      if (decoding.hasContent(decoder)) decoding.readVarUint8Array(decoder);
      return { type: 'leave' };
    default:
      return null;
  }
}

function readAuth(decoder: decoding.Decoder): AddressedMessage | null {
  if (decoding.readVarUint(decoder) !== AUTH.token) return null;
  const token = readToken(decoder);
  const version = decoding.hasContent(decoder) ? decoding.readVarString(decoder) : null;
  return { type: 'auth', token, version };
}

/** What a server says about the document at one address. */
export interface AddressedWire extends Wire {
  readonly address: string;
  authenticated(scope: 'read-write' | 'readonly'): Frame;
  permissionDenied(reason: string): Frame;
  /** Null: the provider would not understand it. */
  closed(reason: string): Frame | null;
  /** One for each, in order: is an update saved? */
  syncStatuses(areSaved: readonly boolean[]): Frame;
}

const NOTHING = new Uint8Array(0);

/** `isVersioned`: the provider says its version, so it is 4 or later. */
export function wireFor(address: string, isVersioned: boolean): AddressedWire {
  const bytes = Buffer.from(address);
  const prefix: number[] = [];
  pushVarUint(prefix, bytes.byteLength);
  prefix.push(...bytes);
  const message = (types: readonly number[], payload: Uint8Array): Frame => {
    const head = [...prefix, ...types];
    pushVarUint(head, payload.byteLength);
    return binaryFrame(head, payload);
  };
  const bare = (...types: readonly number[]): Frame => binaryFrame([...prefix, ...types], NOTHING);
  const keepAlive = isVersioned
    ? binaryFrame([TYPE.ping], NOTHING)
    : message([TYPE.awareness], NO_PRESENCE);
  const statuses = [false, true].map((isSaved) => bare(TYPE.syncStatus, isSaved ? 1 : 0));
  return {
    address,
    asksAtEverySync: true,
    syncStep1: (stateVector) => message([TYPE.sync, 0], stateVector),
    syncStep2: (update) => message([TYPE.sync, 1], update),
    update: (update) => message([TYPE.sync, 2], update),
    presence: (entries) => message([TYPE.awareness], entries),
    // Counted, not named: see hocuspocus-document.ts.
    ack: () => null,
    // A request for a token, which provider 3 and later answer.
    expiry: () => bare(TYPE.auth, AUTH.token),
    signal: (payload) => message([TYPE.stateless], payload),
    keepAlive: () => keepAlive,
    authenticated: (scope) => message([TYPE.auth, AUTH.authenticated], Buffer.from(scope)),
    permissionDenied: (reason) => message([TYPE.auth, AUTH.permissionDenied], Buffer.from(reason)),
    closed: (reason) => (isVersioned ? message([TYPE.close], Buffer.from(reason)) : null),
    syncStatuses: (areSaved) => areSaved.flatMap((isSaved) => statuses[isSaved ? 1 : 0] ?? []),
  };
}

/** Frames of a flush are made once a wire, so all sockets on an address share one. */
export class Wires {
  readonly #wires = new Map<string, { readonly wire: AddressedWire; users: number }>();

  take(address: string, isVersioned: boolean): AddressedWire {
    const key = keyOf(address, isVersioned);
    const known = this.#wires.get(key);
    if (known !== undefined) {
      known.users += 1;
      return known.wire;
    }
    const wire = wireFor(address, isVersioned);
    this.#wires.set(key, { wire, users: 1 });
    return wire;
  }

  release(address: string, isVersioned: boolean): void {
    const key = keyOf(address, isVersioned);
    const known = this.#wires.get(key);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users === 0) this.#wires.delete(key);
  }
}

function keyOf(address: string, isVersioned: boolean): string {
  return `${isVersioned ? 4 : 2} ${address}`;
}
