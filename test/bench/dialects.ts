/**
 * The two wire formats that the measured servers speak, reduced to what a load generator needs: open a
 * document, wrap a y-protocols message, tell what has arrived from its first bytes. Both carry the same
 * y-protocols messages; Hocuspocus puts the document's name in front of each and asks for a token first.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';

export type DialectName = 'y-websocket' | 'hocuspocus';

export type Incoming =
  | { readonly kind: 'step1' | 'step2' | 'update' | 'presence'; readonly at: number }
  /** SyncStatus of either family: `value` is Y-Sweet's version, or 1 / 0 of Hocuspocus. */
  | { readonly kind: 'ack'; readonly value: number }
  | { readonly kind: 'authenticated' | 'other' };

export interface Dialect {
  readonly name: DialectName;
  /** Where the socket goes, relative to the server's URL. */
  path(document: string): string;
  /** The first messages on a new socket. Those of `opened` follow when `authenticated` has arrived. */
  greeting(document: string): Uint8Array[];
  /** True iff the client has to wait for `authenticated` after the greeting. */
  readonly asksForToken: boolean;
  /** Puts the frame around a y-protocols message. */
  wrap(document: string, message: Uint8Array): Uint8Array;
  /** What a frame is; of long frames the first bytes suffice. `at` is where its body's bytes begin. */
  read(frame: Uint8Array): Incoming;
}

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const HOCUSPOCUS_SYNC_STATUS = 8;
const Y_SWEET_SYNC_STATUS = 102;
/** What hocuspocus sends back in an auth message when it lets the client in. */
const AUTHENTICATED = 2;
/** The version of the provider that the auth message claims to come from. */
const HOCUSPOCUS_PROVIDER = '4.7.0';

export const EMPTY_STEP1: Uint8Array = Uint8Array.of(SYNC, 0, 1, 0);
export const EMPTY_STEP2: Uint8Array = Uint8Array.of(SYNC, 1, 2, 0, 0);

export function updateMessage(update: Uint8Array): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, SYNC);
    encoding.writeVarUint(encoder, 2);
    encoding.writeVarUint8Array(encoder, update);
  });
}

/** One client's presence: a clock and its state as JSON. */
export function presenceMessage(clientId: number, clock: number, json: string): Uint8Array {
  const entry = encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, clientId);
    encoding.writeVarUint(encoder, clock);
    encoding.writeVarString(encoder, json);
  });
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, AWARENESS);
    encoding.writeVarUint8Array(encoder, entry);
  });
}

/** Y-Sweet's question "is everything up to here durable?": the server echoes it when it is. */
export function ackRequest(version: number): Uint8Array {
  const payload = encoding.encode((encoder) => encoding.writeVarUint(encoder, version));
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, Y_SWEET_SYNC_STATUS);
    encoding.writeVarUint8Array(encoder, payload);
  });
}

/** The length-prefixed bytes at `at`: an update, or a presence message. */
export function bodyAt(frame: Uint8Array, at: number): Uint8Array {
  const decoder = decoding.createDecoder(frame);
  decoder.pos = at;
  return decoding.readVarUint8Array(decoder);
}

function readSync(decoder: decoding.Decoder): Incoming {
  const subtype = decoding.readVarUint(decoder);
  const kind = subtype === 0 ? 'step1' : subtype === 1 ? 'step2' : 'update';
  return { kind, at: decoder.pos };
}

const yWebsocket: Dialect = {
  name: 'y-websocket',
  asksForToken: false,
  path: (document) => `/${document}`,
  greeting: () => [EMPTY_STEP1],
  wrap: (_document, message) => message,
  read: (frame) => {
    const decoder = decoding.createDecoder(frame);
    const type = decoding.readVarUint(decoder);
    if (type === SYNC) return readSync(decoder);
    if (type === AWARENESS) return { kind: 'presence', at: decoder.pos };
    if (type !== Y_SWEET_SYNC_STATUS) return { kind: 'other' };
    decoding.readVarUint(decoder);
    return { kind: 'ack', value: decoding.readVarUint(decoder) };
  },
};

const hocuspocus: Dialect = {
  name: 'hocuspocus',
  asksForToken: true,
  path: () => '/',
  greeting: (document) => [
    encoding.encode((encoder) => {
      encoding.writeVarString(encoder, document);
      encoding.writeVarUint(encoder, AUTH);
      encoding.writeVarUint(encoder, 0);
      encoding.writeVarString(encoder, 'bench');
      encoding.writeVarString(encoder, HOCUSPOCUS_PROVIDER);
    }),
  ],
  wrap: (document, message) =>
    encoding.encode((encoder) => {
      encoding.writeVarString(encoder, document);
      encoding.writeUint8Array(encoder, message);
    }),
  read: (frame) => {
    // A single byte is a ping or a pong, which carry no document.
    if (frame.length === 1) return { kind: 'other' };
    const decoder = decoding.createDecoder(frame);
    // Skipped, not read: its text is known, and hundreds of readers would decode it for each message.
    const nameBytes = decoding.readVarUint(decoder);
    decoder.pos += nameBytes;
    const type = decoding.readVarUint(decoder);
    if (type === SYNC) return readSync(decoder);
    if (type === AWARENESS) return { kind: 'presence', at: decoder.pos };
    if (type === HOCUSPOCUS_SYNC_STATUS) {
      return { kind: 'ack', value: decoding.readVarUint(decoder) };
    }
    if (type === AUTH && decoding.readVarUint(decoder) === AUTHENTICATED) {
      return { kind: 'authenticated' };
    }
    return { kind: 'other' };
  },
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'y-websocket': yWebsocket,
  hocuspocus,
};
