/**
 * Reads lib0's primitive encodings without building values: every method consumes exactly what lib0 would,
 * and refuses what lib0, `TextDecoder('utf-8', { fatal: true })` or `JSON.parse` would throw on. Never reads
 * past the end (lib0 reads `undefined` there in places). Throws `Refusal` only; see refusal.ts.
 */
import { refuse } from './refusal.ts';

const FATAL_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the content of an update may hold; see `UPDATE_LIMITS` and `TRUSTED` in scan.ts. */
export interface ContentRules {
  readonly contentDepthMax: number;
  readonly allowsProtoKey: boolean;
}

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly rules: ContentRules;
  pos = 0;

  constructor(bytes: Uint8Array, rules: ContentRules) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.rules = rules;
  }

  byte(): number {
    if (this.pos >= this.end) refuse('malformed');
    return this.bytes[this.pos++] as number;
  }

  skip(length: number): void {
    if (length > this.end - this.pos) refuse('malformed');
    this.pos += length;
  }

  /**
   * At most eight bytes, enough for 2^53. lib0 has no such bound: after some 150 bytes of `80` its factor is
   * infinite and the result NaN. The value may exceed 2^53; every caller compares it with a limit.
   */
  varUint(): number {
    const { bytes, end } = this;
    let { pos } = this;
    if (pos >= end) refuse('malformed');
    let byte = bytes[pos++] as number;
    let value = byte & 0x7f;
    for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
      if (pos >= end || scale > 2 ** 49) refuse('malformed');
      byte = bytes[pos++] as number;
      value += (byte & 0x7f) * scale;
    }
    this.pos = pos;
    return value;
  }

  /** How many of something follow that takes at least `bytesEach`: more than can be there is malformed. */
  count(bytesEach: number): number {
    const count = this.varUint();
    if (count * bytesEach > this.end - this.pos) refuse('malformed');
    return count;
  }

  varInt(): void {
    let length = 1;
    while (this.byte() >= 0x80) {
      if (++length > 8) refuse('malformed');
    }
  }

  /** Consumes a string and returns its length in UTF-16 units, as Yjs counts. */
  string(): number {
    const length = this.varUint();
    const { bytes, pos } = this;
    if (length > this.end - pos) refuse('malformed');
    const stop = pos + length;
    this.pos = stop;
    for (let index = pos; index < stop; index++) {
      if ((bytes[index] as number) >= 0x80) return index - pos + utf16Length(bytes, index, stop);
    }
    return length;
  }

  /** A string that becomes a property name of a plain object when somebody reads the document. */
  key(): void {
    const start = this.pos;
    this.string();
    const stop = this.pos;
    // Nearly every key is told apart by its last byte.
    if (stop - start < 10 || this.bytes[stop - 1] !== UNDERSCORE || this.rules.allowsProtoKey)
      return;
    this.pos = start;
    const length = this.varUint();
    if (length === 9 && latin1(this.bytes, this.pos, stop) === '__proto__') refuse('forbidden-key');
    this.pos = stop;
  }

  /** A JSON text, as in formatting values and embeds. */
  json(): void {
    const length = this.varUint();
    const start = this.pos;
    this.skip(length);
    if (!isPlainJson(this.bytes, start, this.pos)) this.#parse(start);
  }

  /** As `json`, but the word `undefined` is also allowed: `ContentJSON` writes it. */
  jsonOrUndefined(): void {
    const length = this.varUint();
    const start = this.pos;
    this.skip(length);
    if (isPlainJson(this.bytes, start, this.pos)) return;
    if (length === 9 && this.#text(start) === 'undefined') return;
    this.#parse(start);
  }

  /** lib0's tagged value; `depth` counts the objects and arrays around it. */
  any(depth: number): void {
    switch (this.byte()) {
      case 127: // undefined
      case 126: // null
      case 121: // false
      case 120: // true
        return;
      case 125:
        this.varInt();
        return;
      case 124: // float32
        this.skip(4);
        return;
      case 123: // float64
      case 122: // bigint
        this.skip(8);
        return;
      case 119:
        this.string();
        return;
      case 118: {
        if (depth >= this.rules.contentDepthMax) refuse('depth');
        for (let left = this.count(2); left > 0; left--) {
          this.key();
          this.any(depth + 1);
        }
        return;
      }
      case 117: {
        if (depth >= this.rules.contentDepthMax) refuse('depth');
        for (let left = this.count(1); left > 0; left--) this.any(depth + 1);
        return;
      }
      case 116:
        this.skip(this.varUint());
        return;
      default:
        refuse('malformed');
    }
  }

  #text(start: number): string {
    try {
      return FATAL_UTF8.decode(this.bytes.subarray(start, this.pos));
    } catch {
      return refuse('malformed');
    }
  }

  #parse(start: number): void {
    let value: unknown;
    try {
      value = JSON.parse(this.#text(start));
    } catch {
      refuse('malformed');
    }
    this.#checkParsed(value, 0);
  }

  #checkParsed(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) return;
    if (depth >= this.rules.contentDepthMax) refuse('depth');
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__' && !this.rules.allowsProtoKey) refuse('forbidden-key');
      this.#checkParsed(inner, depth + 1);
    }
  }
}

export function latin1(bytes: Uint8Array, start: number, stop: number): string {
  return String.fromCharCode(...bytes.subarray(start, stop));
}

const TRUE = 0x74;
const FALSE = 0x66;
const NULL = 0x6e;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;

/**
 * The JSON texts that formatting is made of (`true`, `null`, `"#ff0000"`), recognised without decoding:
 * a formatting keystroke is then scanned in half the time. False means: parse it.
 */
function isPlainJson(bytes: Uint8Array, start: number, stop: number): boolean {
  const first = bytes[start];
  const length = stop - start;
  if (first === QUOTE) {
    if (length < 2 || bytes[stop - 1] !== QUOTE) return false;
    for (let index = start + 1; index < stop - 1; index++) {
      const byte = bytes[index] as number;
      if (byte < 0x20 || byte >= 0x80 || byte === QUOTE || byte === BACKSLASH) return false;
    }
    return true;
  }
  if (length === 4 && first === TRUE) return latin1(bytes, start, stop) === 'true';
  if (length === 4 && first === NULL) return latin1(bytes, start, stop) === 'null';
  return length === 5 && first === FALSE && latin1(bytes, start, stop) === 'false';
}

/**
 * Length in UTF-16 units of the UTF-8 between two offsets; refuses what a fatal decoder refuses: overlong forms,
 * surrogates, code points above U+10FFFF, sequences cut short (Unicode 15, table 3-7).
 */
export function utf16Length(bytes: Uint8Array, start: number, stop: number): number {
  let units = 0;
  let index = start;
  while (index < stop) {
    const lead = bytes[index++] as number;
    if (lead < 0x80) {
      units++;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) refuse('malformed');
    const trail = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (trail > stop - index) refuse('malformed');
    const second = bytes[index] as number;
    if (second < secondByteMin(lead) || second > secondByteMax(lead)) refuse('malformed');
    for (let next = index + 1; next < index + trail; next++) {
      if (((bytes[next] as number) & 0xc0) !== 0x80) refuse('malformed');
    }
    index += trail;
    units += trail === 3 ? 2 : 1;
  }
  return units;
}

function secondByteMin(lead: number): number {
  if (lead === 0xe0) return 0xa0;
  return lead === 0xf0 ? 0x90 : 0x80;
}

function secondByteMax(lead: number): number {
  if (lead === 0xed) return 0x9f;
  return lead === 0xf4 ? 0x8f : 0xbf;
}
