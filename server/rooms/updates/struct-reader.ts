/**
 * Walks the structs of a Yjs V1 update one after the other, in place: after `next()` the fields describe the
 * struct just passed. Validates all that concerns one struct alone; what concerns several (order, counts,
 * limits of a whole update) is the business of scan.ts and cut.ts.
 *
 * Format of a struct: info byte (low five bits: content ref; bit 8: has origin; bit 7: has right origin;
 * bit 6: has a map key), then the ids it names, then the content. Only a struct without either origin says
 * where its parent is.
 */
import { UPDATE_LIMITS } from '../../protocol/index.ts';
import { ByteReader } from './byte-reader.ts';
import { refuse } from './refusal.ts';

export const HAS_ORIGIN = 0x80;
export const HAS_RIGHT_ORIGIN = 0x40;
export const HAS_KEY = 0x20;
const REF_MASK = 0x1f;

/** Content refs, as Yjs numbers them. */
export const REF = {
  gc: 0,
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  doc: 9,
  skip: 10,
} as const;

/** Type refs 3 (XML element) and 5 (XML hook) are followed by a name; 6 is the highest. */
const TYPE_XML_ELEMENT = 3;
const TYPE_XML_HOOK = 5;
const TYPE_MAX = 6;

/** In `originClient` and its siblings: there is none. */
export const NO_CLIENT = -1;

export class StructReader extends ByteReader {
  /** Offset of the struct's first byte; `pos` is behind its last one. */
  start = 0;
  info = 0;
  ref = 0;
  /** How many clocks the struct takes. */
  length = 0;
  originClient: number = NO_CLIENT;
  originClock = 0;
  rightClient: number = NO_CLIENT;
  rightClock = 0;
  parentClient: number = NO_CLIENT;
  parentClock = 0;
  /** Where the parent (name or id) and the map key are written; empty for a struct with an origin. */
  placeStart = 0;
  placeStop = 0;
  /** Offset of the content, behind info, ids and key. */
  contentStart = 0;
  /** True when the parent is a root type, whose name then lies at `placeStart` up to `rootStop`. */
  isRootChild = false;
  rootStop = 0;
  /** True for a map value that names its map. One with an origin is a value if its origin is, whatever bit 6 says. */
  hasKey = false;

  next(): void {
    this.start = this.pos;
    const info = this.byte();
    this.info = info;
    this.ref = info & REF_MASK;
    this.originClient = NO_CLIENT;
    this.rightClient = NO_CLIENT;
    this.parentClient = NO_CLIENT;
    this.isRootChild = false;
    this.hasKey = false;
    if (this.ref === REF.gc || this.ref === REF.skip) {
      // Yjs' two readers disagree about these with further bits set: one masks them, the other compares.
      if (info !== this.ref) refuse('malformed');
      this.contentStart = this.pos;
      this.length = this.#length();
      return;
    }
    if ((info & HAS_ORIGIN) !== 0) {
      this.originClient = this.#client();
      this.originClock = this.#clock();
    }
    if ((info & HAS_RIGHT_ORIGIN) !== 0) {
      this.rightClient = this.#client();
      this.rightClock = this.#clock();
    }
    this.placeStart = this.pos;
    if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) this.#place();
    this.placeStop = this.pos;
    this.contentStart = this.pos;
    this.length = this.#content();
    if (this.length === 0) refuse('zero-length');
  }

  /** A client id as the head of a section or of delete ranges. */
  client(): number {
    return this.#client();
  }

  /** The clock with which a section starts. */
  clock(): number {
    return this.#clock();
  }

  #place(): void {
    const isRoot = this.varUint();
    if (isRoot === 1) {
      this.isRootChild = true;
      this.key();
      this.rootStop = this.pos;
    } else if (isRoot === 0) {
      this.parentClient = this.#client();
      this.parentClock = this.#clock();
    } else {
      refuse('malformed');
    }
    if ((this.info & HAS_KEY) === 0) return;
    this.hasKey = true;
    this.key();
  }

  /** Consumes the content; the result is how many clocks it takes. */
  #content(): number {
    switch (this.ref) {
      case REF.deleted:
        return this.#length();
      case REF.string:
        return this.string();
      case REF.any: {
        const count = this.count(1);
        for (let left = count; left > 0; left--) this.any(0);
        return count;
      }
      case REF.json: {
        const count = this.count(1);
        for (let left = count; left > 0; left--) this.jsonOrUndefined();
        return count;
      }
      case REF.binary:
        this.skip(this.varUint());
        return 1;
      case REF.embed:
        this.json();
        return 1;
      case REF.format:
        this.key();
        this.json();
        return 1;
      case REF.type: {
        const type = this.varUint();
        if (type > TYPE_MAX) refuse('malformed');
        if (type === TYPE_XML_ELEMENT || type === TYPE_XML_HOOK) this.string();
        return 1;
      }
      case REF.doc:
        this.string();
        this.#subdocumentOptions();
        return 1;
      default:
        return refuse('malformed');
    }
  }

  /**
   * Yjs spreads these over the options of a `new Doc`: they must be an object, and must not say who the
   * document is or bring a filter, which would only fail when the document is encoded again.
   */
  #subdocumentOptions(): void {
    const start = this.pos;
    if (this.bytes[start] !== 118) refuse('malformed');
    this.any(0);
    const stop = this.pos;
    this.pos = start + 1;
    for (let left = this.count(2); left > 0; left--) {
      const name = this.#text();
      if (name === 'guid' || name === 'gcFilter') refuse('malformed');
      this.any(1);
    }
    this.pos = stop;
  }

  #text(): string {
    const length = this.varUint();
    const start = this.pos;
    this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('utf8');
  }

  #length(): number {
    const length = this.varUint();
    if (length === 0) refuse('zero-length');
    if (length > UPDATE_LIMITS.clockMax) refuse('huge-length');
    return length;
  }

  #client(): number {
    const client = this.varUint();
    if (client > UPDATE_LIMITS.clientIdMax) refuse('client-id');
    return client;
  }

  #clock(): number {
    const clock = this.varUint();
    if (clock > UPDATE_LIMITS.clockMax) refuse('huge-length');
    return clock;
  }
}
