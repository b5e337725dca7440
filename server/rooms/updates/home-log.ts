/**
 * The homes of one client's clocks, from 0. Clocks of one home in a row are one run. Runs are only ever added at
 * the end, because clocks are; closed ones are kept as bytes, one to four each as a rule: a document with a hundred
 * thousand of them would otherwise cost megabytes while nobody looks.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { UPDATE_LIMITS } from '../../protocol/index.ts';
import { HOME, isSameHome, newHome, setHome, type Home, type HomeKind } from './homes.ts';

/** On disk and in memory a run is its length times `TAGS` plus a tag, and what the tag wants. */
const TAGS = 6;
/** Inside a type of the same client: how far back. Most types are filled by who made them. */
const INSIDE_OWN = 4;
/** Inside a type of another client: its id. */
const INSIDE_OTHER = 5;
/** Runs between two entries of the index: what a look-up may have to read. */
const INDEX_STEP = 32;
/** A length times `TAGS`, a distance or a client and a clock. */
const RUN_BYTES_MAX = 24;

/** Not empty when it is encoded. */
export class HomeLog {
  readonly #client: number;
  /** Clocks are known up to here. */
  #end = 0;
  /** The last run, which may still grow, from `#start` to `#end`. */
  #start = 0;
  readonly #last: Home = newHome();
  /** The runs before it. */
  #bytes: Uint8Array | null = null;
  #used = 0;
  #closed = 0;
  /** [first clock, offset, …] of every `INDEX_STEP`-th closed run. */
  #index: number[] | null = null;

  constructor(client: number) {
    this.#client = client;
  }

  get end(): number {
    return this.#end;
  }

  /** Bytes of closed runs, as reserved. */
  get bytesReserved(): number {
    return (this.#bytes?.length ?? 0) + 8 * (this.#index?.length ?? 0);
  }

  /** Clocks up to `end` lie where the last one before them does. */
  extend(end: number): void {
    if (end > this.#end) this.#end = end;
  }

  /** Clocks up to `end` lie there. */
  add(end: number, home: Home): void {
    if (end <= this.#end) return;
    if (this.#end === 0 || !isSameHome(this.#last, home)) {
      this.#close();
      this.#start = this.#end;
      this.#last.kind = home.kind;
      this.#last.client = home.client;
      this.#last.clock = home.clock;
    }
    this.#end = end;
  }

  /** Where a clock lies; `unknown` beyond the end. */
  find(clock: number, into: Home): void {
    if (clock >= this.#end) {
      setHome(into, HOME.unknown, 0, 0);
    } else if (clock >= this.#start) {
      setHome(into, this.#last.kind, this.#last.client, this.#last.clock);
    } else {
      this.#findClosed(clock, into);
    }
  }

  clone(): HomeLog {
    const copy = new HomeLog(this.#client);
    copy.#end = this.#end;
    copy.#start = this.#start;
    setHome(copy.#last, this.#last.kind, this.#last.client, this.#last.clock);
    copy.#bytes = this.#bytes?.slice(0, this.#used) ?? null;
    copy.#used = this.#used;
    copy.#closed = this.#closed;
    copy.#index = this.#index === null ? null : [...this.#index];
    return copy;
  }

  /** Takes over what another log of the same client knows beyond the end of this one. */
  follow(other: HomeLog): void {
    const home = newHome();
    while (this.#end < other.#end) {
      other.find(this.#end, home);
      this.add(other.#runEnd(this.#end), home);
    }
  }

  encode(encoder: encoding.Encoder): void {
    const last = new Uint8Array(RUN_BYTES_MAX);
    const length = this.#writeLast(last, 0);
    encoding.writeVarUint(encoder, this.#used + length);
    if (this.#bytes !== null)
      encoding.writeUint8Array(encoder, this.#bytes.subarray(0, this.#used));
    encoding.writeUint8Array(encoder, last.subarray(0, length));
  }

  /** From `encode`d bytes, of a client that is known up to `end`; null if they don't fit. @throws Error likewise */
  static decode(bytes: Uint8Array, client: number, end: number): HomeLog | null {
    const log = new HomeLog(client);
    const runs = decoding.createDecoder(bytes);
    const home = newHome();
    while (decoding.hasContent(runs)) {
      const to = readRun(runs, client, log.#end, home);
      if (to <= log.#end || to > end) return null;
      // Two runs of one home would be one: the same homes are always the same bytes.
      if (log.#end > 0 && isSameHome(log.#last, home)) return null;
      log.add(to, home);
    }
    if (log.#end !== end) return null;
    // Nothing to spare for runs that may never come: most documents that are opened are only read.
    if (log.#bytes !== null) log.#bytes = log.#bytes.slice(0, log.#used);
    return log;
  }

  #findClosed(clock: number, into: Home): void {
    const { start, runs } = this.#runsFrom(clock);
    let end = start;
    do end = readRun(runs, this.#client, end, into);
    while (end <= clock);
  }

  /** The end of the run that `clock`, which is known, lies in. */
  #runEnd(clock: number): number {
    if (clock >= this.#start) return this.#end;
    const { start, runs } = this.#runsFrom(clock);
    const home = newHome();
    let end = start;
    do end = readRun(runs, this.#client, end, home);
    while (end <= clock);
    return end;
  }

  /** The closed runs from the last entry of the index at or before `clock`. */
  #runsFrom(clock: number): { start: number; runs: decoding.Decoder } {
    const index = this.#index ?? [];
    let low = 0;
    let high = (index.length >> 1) - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((index[2 * middle] as number) <= clock) low = middle;
      else high = middle - 1;
    }
    const runs = decoding.createDecoder(this.#bytes as Uint8Array);
    runs.pos = index[2 * low + 1] as number;
    return { start: index[2 * low] as number, runs };
  }

  /** Closes the last run. */
  #close(): void {
    if (this.#end === 0) return;
    if (this.#closed % INDEX_STEP === 0) (this.#index ??= []).push(this.#start, this.#used);
    this.#reserve(RUN_BYTES_MAX);
    this.#used = this.#writeLast(this.#bytes as Uint8Array, this.#used);
    this.#closed++;
  }

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (this.#bytes !== null && needed <= this.#bytes.length) return;
    // By a quarter: a map that grows is copied now and then, a large one that idles wastes little.
    const grown = new Uint8Array(Math.max(RUN_BYTES_MAX, needed + (needed >> 2)));
    if (this.#bytes !== null) grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }

  /** Writes the last run at an offset, and returns the offset behind it. */
  #writeLast(bytes: Uint8Array, offset: number): number {
    const length = this.#end - this.#start;
    const { kind, client, clock } = this.#last;
    if (kind !== HOME.inside) return writeVarUint(bytes, offset, length * TAGS + kind);
    if (client === this.#client) {
      const at = writeVarUint(bytes, offset, length * TAGS + INSIDE_OWN);
      return writeVarUint(bytes, at, this.#start - clock);
    }
    const at = writeVarUint(bytes, offset, length * TAGS + INSIDE_OTHER);
    return writeVarUint(bytes, writeVarUint(bytes, at, client), clock);
  }
}

/** As lib0 writes it; an encoder for each run would cost more than the run. */
function writeVarUint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = 0x80 | (rest & 0x7f);
  bytes[at++] = rest;
  return at;
}

/** Reads the run that begins at `start`; returns where it ends. @throws Error for what no log writes */
function readRun(runs: decoding.Decoder, own: number, start: number, into: Home): number {
  const head = decoding.readVarUint(runs);
  const tag = head % TAGS;
  let client = 0;
  let clock = 0;
  if (tag === INSIDE_OWN) {
    client = own;
    clock = start - decoding.readVarUint(runs);
    if (clock < 0 || clock >= start) throw new Error('a type outside of its client');
  } else if (tag === INSIDE_OTHER) {
    client = decoding.readVarUint(runs);
    clock = decoding.readVarUint(runs);
    const isId = client <= UPDATE_LIMITS.clientIdMax && clock <= UPDATE_LIMITS.clockMax;
    if (!isId || client === own) throw new Error('no id of another client');
  }
  setHome(into, tag === INSIDE_OTHER ? HOME.inside : (tag as HomeKind), client, clock);
  return start + (head - tag) / TAGS;
}
