/**
 * Splits one long string struct into several that integrate to the same item: each piece after the first names
 * the last character before it as its origin, as Yjs does when it splits an item. One pasted book would otherwise
 * be one frame of any size.
 */
import * as encoding from 'lib0/encoding';
import { HAS_KEY, HAS_RIGHT_ORIGIN, HAS_ORIGIN, REF, type StructReader } from './struct-reader.ts';
import { utf16Length } from './byte-reader.ts';

export interface StringPiece {
  readonly clock: number;
  readonly bytes: Uint8Array;
}

/** Room for what surrounds a piece: section head, info, two ids, length. */
const PIECE_HEAD_BYTES = 64;

/** `reader` stands behind a string struct of `client` that starts at `clock`. */
export function splitString(
  reader: StructReader,
  client: number,
  clock: number,
  pieceBytes: number,
): readonly StringPiece[] {
  const { bytes, pos: stop } = reader;
  const head = bytes.subarray(reader.start, reader.contentStart);
  reader.pos = reader.contentStart;
  reader.varUint();
  let start = reader.pos;
  reader.pos = stop;

  const pieces: StringPiece[] = [];
  let pieceClock = clock;
  while (start < stop) {
    const limit = pieceBytes - PIECE_HEAD_BYTES - (pieces.length === 0 ? head.length : 0);
    const end = characterStart(bytes, start, Math.min(stop, start + Math.max(limit, 4)));
    const encoder = encoding.createEncoder();
    if (pieces.length === 0) encoding.writeUint8Array(encoder, head);
    else writeHead(encoder, reader, client, pieceClock - 1);
    encoding.writeVarUint8Array(encoder, bytes.subarray(start, end));
    pieces.push({ clock: pieceClock, bytes: encoding.toUint8Array(encoder) });
    pieceClock += utf16Length(bytes, start, end);
    start = end;
  }
  return pieces;
}

function writeHead(
  encoder: encoding.Encoder,
  reader: StructReader,
  client: number,
  clock: number,
): void {
  const hasRight = (reader.info & HAS_RIGHT_ORIGIN) !== 0;
  encoding.writeUint8(
    encoder,
    REF.string | HAS_ORIGIN | (reader.info & (HAS_RIGHT_ORIGIN | HAS_KEY)),
  );
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
  if (!hasRight) return;
  encoding.writeVarUint(encoder, reader.rightClient);
  encoding.writeVarUint(encoder, reader.rightClock);
}

/** The last offset up to `end` at which a character begins: a split surrogate pair would become two U+FFFD. */
function characterStart(bytes: Uint8Array, start: number, end: number): number {
  if (end >= bytes.length) return end;
  let offset = end;
  while (offset > start && ((bytes[offset] as number) & 0xc0) === 0x80) offset--;
  return offset > start ? offset : end;
}
