/**
 * Why an update is refused: one code a reason, for metrics and for the close frame. A gap is no refusal:
 * what is missing may still come.
 *
 * The readers below `scan` throw a prepared `Refusal` and `scan` turns it into a value: one `try` around
 * the walk instead of a test after each of its reads. No other module sees the exception.
 */
import type { ErrorCode } from '../../protocol/index.ts';

/** The row of the error table that a client is told. */
type RefusalError = Extract<ErrorCode, 'invalid-update' | 'update-refused'>;

export type RefusalCode =
  | 'malformed'
  | 'trailing'
  | 'zero-length'
  | 'duplicate-client'
  | 'bad-origin'
  | 'cycle'
  | 'forbidden-key'
  | 'map-value'
  | 'neighbours'
  | 'depth'
  | 'client-id'
  | 'huge-length'
  | 'too-many-structs'
  | 'too-many-ranges'
  | 'too-many-clients'
  | 'root-types';

export const REFUSALS: Readonly<Record<RefusalCode, RefusalError>> = {
  /** Bytes that Yjs (or its JSON, UTF-8, varint decoders) would throw on, or that no encoder writes. */
  malformed: 'invalid-update',
  /** Bytes after the end; a V2 update on this path looks like that. */
  trailing: 'invalid-update',
  /** A struct, content or delete range of length 0: stored again and again, never idempotent. */
  'zero-length': 'invalid-update',
  /** A client appears twice: Yjs silently takes the later one. */
  'duplicate-client': 'invalid-update',
  /** An origin or parent at or after the struct itself. */
  'bad-origin': 'invalid-update',
  /** Structs of several clients that wait for one another. */
  cycle: 'invalid-update',
  /** The key `__proto__`, which would become a prototype when the content is read. */
  'forbidden-key': 'invalid-update',
  /** A value of a map key, several clocks long and not deleted: split, it breaks Yjs when its parent is deleted. */
  'map-value': 'invalid-update',
  /** Between two items of different lists, or left of a map value: alive or garbage, depending on who looks. */
  neighbours: 'invalid-update',
  /** JSON nested so deeply that `JSON.stringify` overflows. */
  depth: 'invalid-update',
  'client-id': 'update-refused',
  'huge-length': 'update-refused',
  'too-many-structs': 'update-refused',
  'too-many-ranges': 'update-refused',
  'too-many-clients': 'update-refused',
  'root-types': 'update-refused',
};

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  constructor(code: RefusalCode) {
    super(`update refused: ${code}`);
    this.code = code;
  }
}

// Prepared once: building an Error with its stack costs more than scanning a keystroke.
const PREPARED = Object.fromEntries(
  Object.keys(REFUSALS).map((code) => [code, new Refusal(code as RefusalCode)]),
) as Record<RefusalCode, Refusal>;

export function refuse(code: RefusalCode): never {
  throw PREPARED[code];
}
