/**
 * Large answers in pieces. An answer is a list of updates, each valid after the ones before it (a base's chunks,
 * then the tail); a piece is a slice of one of them that fits a message. The receiver applies each update as
 * soon as it is whole: what has come stays, whatever is lost after it, and the next request asks for less.
 *
 * Pieces of one answer come in order or not at all (one origin, one channel); an assembly that misses one gives up
 * on that update and goes on with the next. Nothing is held but the one update that is being put together.
 */
import { PAYLOAD_BYTES_MAX, type ReplyMessage } from './messages.ts';

/** The rest is for the numbers and the name of the node it is for. */
const PIECE_BYTES_MAX: number = PAYLOAD_BYTES_MAX - 256;

export type Piece = Pick<ReplyMessage, 'index' | 'count' | 'offset' | 'size' | 'bytes'>;

const NOTHING: Piece = { index: 0, count: 0, offset: 0, size: 0, bytes: new Uint8Array() };

/** Lazily: the caller sends one after another, at its own pace. An empty answer is one piece that says so. */
export function* cutAnswer(updates: readonly Uint8Array[]): Generator<Piece> {
  const count = updates.length;
  if (count === 0) yield NOTHING;
  for (const [index, update] of updates.entries()) {
    const size = update.length;
    for (let offset = 0; offset < size; offset += PIECE_BYTES_MAX) {
      const bytes = update.subarray(offset, offset + PIECE_BYTES_MAX);
      yield { index, count, offset, size, bytes };
    }
  }
}

export type Assembled =
  /** An update is whole. `isLast`: and the answer with it, of which nothing was missing if `isComplete`. */
  | {
      readonly kind: 'update';
      readonly update: Uint8Array;
      readonly isLast: boolean;
      readonly isComplete: boolean;
    }
  /** There is more to come, or this piece is of no use. */
  | { readonly kind: 'waiting' }
  | { readonly kind: 'nothing' }
  /** Larger than this node takes: the answer is given up. */
  | { readonly kind: 'too-large' };

const WAITING: Assembled = { kind: 'waiting' };

/** Puts the pieces of one answer together. Holds at most `updateBytesMax`, and only what has come. */
export class Assembly {
  readonly #updateBytesMax: number;
  #parts: Uint8Array[] = [];
  #index = 0;
  #filled = 0;
  #size = 0;
  #count = -1;
  /** Updates that came whole. */
  #whole = 0;

  constructor(updateBytesMax: number) {
    this.#updateBytesMax = updateBytesMax;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#filled;
  }

  add({ index, count, offset, size, bytes }: Piece): Assembled {
    if (count === 0) return { kind: 'nothing' };
    if (size > this.#updateBytesMax) {
      this.#start(index, 0);
      return { kind: 'too-large' };
    }
    // An answer that changes its mind about its own length is none.
    if (this.#count !== -1 && count !== this.#count) return WAITING;
    this.#count = count;
    if (offset === 0 && index >= this.#index) this.#start(index, size);
    if (index !== this.#index || offset !== this.#filled || size !== this.#size) return WAITING;
    this.#parts.push(bytes);
    this.#filled += bytes.length;
    return this.#filled === size ? this.#finish() : WAITING;
  }

  #start(index: number, size: number): void {
    this.#index = index;
    this.#size = size;
    this.#filled = 0;
    this.#parts = [];
  }

  #finish(): Assembled {
    const parts = this.#parts;
    const update = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
    this.#start(this.#index + 1, 0);
    this.#whole += 1;
    const isLast = this.#index === this.#count;
    return { kind: 'update', update, isLast, isComplete: isLast && this.#whole === this.#count };
  }
}
