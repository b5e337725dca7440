/**
 * Cuts a stream of Redis' protocol (RESP2 and RESP3) into its values, and reads those that are lists of strings:
 * commands, and messages of pub/sub. Types: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */

const LINE_TYPES = '+-:_#,(';
const STRING_TYPES = '$=!';
const LIST_TYPES = '*~>';
const MAP_TYPES = '%|';

interface Value {
  /** Where the value ends. */
  readonly end: number;
  /** Its elements when it is a list of strings, else null. */
  readonly strings: readonly Buffer[] | null;
  /** When it is a string. */
  readonly text: Buffer | null;
}

export interface Frame {
  readonly bytes: Buffer;
  readonly strings: readonly Buffer[] | null;
}

export class RespReader {
  #pending: Buffer = Buffer.alloc(0);

  /** The values that are complete by now. */
  *read(chunk: Buffer): Generator<Frame> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    for (;;) {
      const value = valueAt(this.#pending, at);
      if (value === null) break;
      yield { bytes: this.#pending.subarray(at, value.end), strings: value.strings };
      at = value.end;
    }
    this.#pending = this.#pending.subarray(at);
  }
}

/** Null: more is to come. */
function valueAt(bytes: Buffer, at: number): Value | null {
  const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
  if (lineEnd === -1) return null;
  const type = String.fromCodePoint(bytes[at] ?? 0);
  const next = lineEnd + 2;
  const count = Number(bytes.toString('latin1', at + 1, lineEnd));
  if (STRING_TYPES.includes(type)) return stringAt(bytes, next, count);
  if (LIST_TYPES.includes(type)) return listAt(bytes, next, count);
  if (MAP_TYPES.includes(type)) return listAt(bytes, next, count * 2);
  // An inline command would be none of these: taken as a line as well.
  if (!LINE_TYPES.includes(type)) return { end: next, strings: null, text: null };
  return { end: next, strings: null, text: null };
}

function stringAt(bytes: Buffer, start: number, length: number): Value | null {
  if (length < 0) return { end: start, strings: null, text: null };
  const end = start + length + 2;
  return end > bytes.length ? null : { end, strings: null, text: bytes.subarray(start, end - 2) };
}

function listAt(bytes: Buffer, start: number, count: number): Value | null {
  let at = start;
  const strings: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const value = valueAt(bytes, at);
    if (value === null) return null;
    at = value.end;
    if (value.text !== null) strings.push(value.text);
  }
  return { end: at, strings: strings.length === count ? strings : null, text: null };
}

/** A list of strings, as commands are sent: `*`, and as messages are pushed: `*` or `>`. */
export function encodeStrings(type: '*' | '>', strings: readonly Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.from(`${type}${strings.length}\r\n`),
    ...strings.flatMap((text) => [Buffer.from(`$${text.length}\r\n`), text, Buffer.from('\r\n')]),
  ]);
}
