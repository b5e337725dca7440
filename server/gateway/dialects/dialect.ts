/**
 * A dialect: how one family of clients writes what sessions understand, and reads what rooms say. Those in which one
 * socket is one document are a table of functions; Hocuspocus, with many documents on a socket, is a `Party` of its own.
 */
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ClientMessage, Outlet, Wire } from '../../rooms/outlet.ts';

export interface Refused {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly detail: string;
}

export type Decoded = { readonly ok: true; readonly messages: readonly ClientMessage[] } | Refused;

export interface Dialect {
  readonly name: string;
  readonly wire: Wire;
  /** Decodes one binary frame, to its exact end. Never throws: frames come from outside. */
  decode(frame: Uint8Array): Decoded;
  /** What a client does whose update is not taken. Without it: its connection is closed. */
  refuse?(code: ErrorCode): ReturnType<NonNullable<Outlet['refuse']>>;
}

export const refused = (
  code: 'malformed-message' | 'unknown-message',
  detail: string,
): Refused => ({ ok: false, code, detail });

/** Who a connection belongs to: what its frames mean, and in what its room speaks. */
export interface Party {
  readonly wire: Wire;
  /** Null, or why the connection has to be closed. Frames come one at a time, in order. */
  onFrame(frame: Uint8Array): Refused | null;
  /** See `Outlet.refuse`. */
  refuse?(update: Uint8Array, code: ErrorCode): 'told' | 'unsaved' | 'close';
  onClose(closeCode: number): void;
}
