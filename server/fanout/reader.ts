/**
 * Reads bytes that anybody may have sent. Every method checks what it reads against a bound and throws
 * `Malformed` otherwise; `read` turns that into null, so that nothing is thrown at callers. Only the shortest
 * form of a number is taken: what decodes has exactly one spelling, and encoding it again gives the same bytes.
 */

class Malformed extends Error {
  override readonly name = 'Malformed';
}

const MALFORMED: Malformed = new Malformed();
const UTF8: InstanceType<typeof TextDecoder> = new TextDecoder('utf-8', {
  fatal: true,
  ignoreBOM: true,
});

/** Reads the whole of `bytes`; null when it is malformed, or longer than what was read. */
export function read<T>(bytes: Uint8Array, decode: (reader: Reader) => T): T | null {
  const reader = new Reader(bytes);
  try {
    const value = decode(reader);
    return reader.isAtEnd ? value : null;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/** As `read`, of a format that newer builds may append to: what follows is not looked at. */
export function readStart<T>(bytes: Uint8Array, decode: (reader: Reader) => T): T | null {
  return read(bytes, (reader) => {
    const value = decode(reader);
    reader.skip();
    return value;
  });
}

export class Reader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  get position(): number {
    return this.#position;
  }

  /** A view of what was read since. */
  since(position: number): Uint8Array {
    return this.#bytes.subarray(position, this.#position);
  }

  /** Whether these bytes come next; then they count as read. */
  skipIf(expected: Uint8Array): boolean {
    const end = this.#position + expected.length;
    if (end > this.#bytes.length) return false;
    for (let index = 0; index < expected.length; index += 1) {
      if (this.#bytes[this.#position + index] !== expected[index]) return false;
    }
    this.#position = end;
    return true;
  }

  /** To the end. */
  skip(): void {
    this.#position = this.#bytes.length;
  }

  refuse(): never {
    throw MALFORMED;
  }

  byte(): number {
    if (this.#position >= this.#bytes.length) this.refuse();
    return this.#bytes[this.#position++] as number;
  }

  /** A varuint of at most `max`, itself at most 2^53 - 1. */
  uint(max: number): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      // Eight bytes are the most that 53 bits take; a last byte of nothing could have been left out.
      if (value > max || scale > 2 ** 49 || (byte === 0 && scale > 1)) this.refuse();
      if (byte < 0x80) return value;
    }
  }

  flag(): boolean {
    const byte = this.byte();
    if (byte > 1) this.refuse();
    return byte === 1;
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#position) this.refuse();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  /** Length and bytes; a view. */
  bytes(lengthMax: number): Uint8Array {
    return this.take(this.uint(lengthMax));
  }

  /** Length and UTF-8, valid to the last byte. */
  text(bytesMax: number): string {
    const bytes = this.bytes(bytesMax);
    try {
      return UTF8.decode(bytes);
    } catch {
      return this.refuse();
    }
  }

  /** A count, then so many items; each takes at least a byte, so that a count too high soon finds the end. */
  list<T>(countMax: number, item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.uint(countMax); left > 0; left -= 1) items.push(item());
    return items;
  }
}
