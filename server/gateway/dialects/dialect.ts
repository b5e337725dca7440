/** A dialect: how one family of clients writes what sessions understand, and reads what rooms say. */
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ClientMessage, Wire } from '../../rooms/outlet.ts';

export type Decoded =
  | { readonly ok: true; readonly messages: readonly ClientMessage[] }
  | { readonly ok: false; readonly code: ErrorCode; readonly detail: string };

export interface Dialect {
  readonly name: string;
  readonly wire: Wire;
  /** Decodes one binary frame, to its exact end. Never throws: frames come from outside. */
  decode(frame: Uint8Array): Decoded;
}
