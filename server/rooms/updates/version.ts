/**
 * What a replica has: the state vector (how far it knows each client) and the delete set. Kept up to date
 * from the summaries of checked updates, without a document: 0.1 µs a keystroke. Equal vectors alone do not
 * mean equal documents, because deletes advance no clock; whoever compares replicas compares both halves.
 *
 * Integrating may delete more than updates say: of two values set to one key at the same time, one goes; what
 * is put into a deleted parent goes with it. Every replica concludes this by itself, and it is written down
 * when somebody encodes a document: by compaction, or by a client that reconnects. A version therefore holds
 * what is known to be deleted, and `covers` is the relation to rely on.
 *
 * `encode()`: format byte, clients in ascending order, each with its clock and its deleted ranges as (gap, length)
 * pairs. Equal versions have equal bytes, and `digest()` is their SHA-256.
 *
 * Besides, a version remembers where items lie (homes.ts), which is no part of what a replica has, but of what the
 * check must know. `encodeHead()`, a document's head on disk, has both. A version made from a state vector, or from
 * a head of before, knows no homes: `knowsHomes` is false, and forgeries pass. Whoever checks updates against one
 * must first have it made anew from the base.
 */
import { createHash } from 'node:crypto';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { UPDATE_LIMITS } from '../../protocol/index.ts';
import { findForgery } from './forgery.ts';
import { HomeMap } from './home-map.ts';
import type { Home } from './homes.ts';
import {
  addRange,
  addRanges,
  containsRange,
  mergeRanges,
  type Ranges,
  type ReadonlyRanges,
} from './ranges.ts';
import type { UpdateSummary } from './scan.ts';

/** State vector and delete set: what `encode` writes, and all that heads had before there were homes. */
const FORMAT_BARE = 1;
/** The same, then what `encodeHead` adds. */
const FORMAT_HEAD = 2;
/** Above this many ranges in one update they are added client by client in bulk. */
const BULK_RANGES_MIN = 32;

export class Version {
  readonly #clocks: Map<number, number>;
  readonly #deletes: Map<number, Ranges>;
  #homes: HomeMap;
  #hasLongValues = false;
  #digest: string | null = null;

  constructor(
    clocks: ReadonlyMap<number, number> = new Map(),
    deletes: ReadonlyMap<number, ReadonlyRanges> = new Map(),
  ) {
    this.#clocks = new Map(clocks);
    this.#deletes = new Map([...deletes].map(([client, ranges]) => [client, [...ranges]]));
    this.#homes = new HomeMap(this.#clocks, this.#clocks.size === 0);
  }

  /** Client to the clock after its last known struct. */
  get stateVector(): ReadonlyMap<number, number> {
    return this.#clocks;
  }

  /** Client to its deleted clocks; see ranges.ts. */
  get deletes(): ReadonlyMap<number, ReadonlyRanges> {
    return this.#deletes;
  }

  get isEmpty(): boolean {
    return this.#clocks.size === 0 && this.#deletes.size === 0;
  }

  /** False if forgeries cannot be told. */
  get knowsHomes(): boolean {
    return this.#homes.isKnown;
  }

  /** A long map value was stored by a server that could not tell: somebody may yet break Yjs with it. */
  get hasLongValues(): boolean {
    return this.#hasLongValues;
  }

  /** Bytes that remembering homes takes, besides a fixed amount for each client. */
  get homeBytes(): number {
    return this.#homes.bytes;
  }

  clockOf(client: number): number {
    return this.#clocks.get(client) ?? 0;
  }

  /** Whether all of [clock, clock + length) is deleted. */
  hasDeletes(client: number, clock: number, length: number): boolean {
    const ranges = this.#deletes.get(client);
    return ranges !== undefined && containsRange(ranges, clock, clock + length);
  }

  /** Replaces a home that is `like` an id by the home of that id. */
  resolveHome(home: Home): void {
    this.#homes.resolve(home);
  }

  /** Adds what an update brings. It must have been judged `new` or `redundant` against this version. */
  apply(summary: UpdateSummary): void {
    const { sections, tombstones, deletes } = summary;
    this.#digest = null;
    if (summary.trust === 'stored' && findForgery(summary, this) === 'map-value') {
      this.#hasLongValues = true;
    }
    this.#homes.apply(summary);
    // Before the clocks move: a struct that is known already is ignored, and so is that it came deleted.
    for (let at = 0; at < tombstones.length; at += 3) {
      const client = tombstones[at] as number;
      const from = Math.max(tombstones[at + 1] as number, this.clockOf(client));
      const to = tombstones[at + 2] as number;
      if (from < to) addRange(this.#rangesOf(client), from, to);
    }
    for (let at = 0; at < sections.length; at += 3) {
      const client = sections[at] as number;
      const end = sections[at + 2] as number;
      if (end > this.clockOf(client)) this.#clocks.set(client, end);
    }
    this.addDeletes(deletes);
  }

  /** A client is known up to `clock`. */
  advance(client: number, clock: number): void {
    this.#digest = null;
    if (clock <= this.clockOf(client)) return;
    this.#clocks.set(client, clock);
    this.#homes.forget();
  }

  /** [client, clock, length, …], in any order, overlapping or not. */
  addDeletes(deletes: readonly number[]): void {
    this.#digest = null;
    if (deletes.length > 3 * BULK_RANGES_MIN) {
      this.#deleteInBulk(deletes);
      return;
    }
    for (let at = 0; at < deletes.length; at += 3) {
      const clock = deletes[at + 1] as number;
      addRange(this.#rangesOf(deletes[at] as number), clock, clock + (deletes[at + 2] as number));
    }
  }

  /** Adds what another version has, as after a compaction that found out about implied deletes. */
  merge(other: Version): void {
    this.#digest = null;
    this.#homes.merge(other.#homes);
    this.#hasLongValues ||= other.#hasLongValues;
    for (const [client, clock] of other.#clocks) {
      if (clock > this.clockOf(client)) this.#clocks.set(client, clock);
    }
    for (const [client, ranges] of other.#deletes) {
      this.#deletes.set(client, mergeRanges(this.#deletes.get(client) ?? [], ranges));
    }
  }

  /** Whether this has all that `other` has. */
  covers(other: Version): boolean {
    if (!this.knowsAllClocksOf(other)) return false;
    for (const [client, ranges] of other.#deletes) {
      for (let at = 0; at < ranges.length; at += 2) {
        const from = ranges[at] as number;
        if (!this.hasDeletes(client, from, (ranges[at + 1] as number) - from)) return false;
      }
    }
    return true;
  }

  /** Whether this knows every client at least as far as `other` does. */
  knowsAllClocksOf(other: Version): boolean {
    for (const [client, clock] of other.#clocks) {
      if (this.clockOf(client) < clock) return false;
    }
    return true;
  }

  equals(other: Version): boolean {
    if (this.#clocks.size !== other.#clocks.size || this.#deletes.size !== other.#deletes.size)
      return false;
    for (const [client, clock] of this.#clocks) {
      if (other.#clocks.get(client) !== clock) return false;
    }
    for (const [client, ranges] of this.#deletes) {
      const others = other.#deletes.get(client);
      if (others === undefined || others.length !== ranges.length) return false;
      if (ranges.some((clock, at) => clock !== others[at])) return false;
    }
    return true;
  }

  clone(): Version {
    const copy = new Version(this.#clocks, this.#deletes);
    copy.#digest = this.#digest;
    copy.#homes = this.#homes.clone(copy.#clocks);
    copy.#hasLongValues = this.#hasLongValues;
    return copy;
  }

  encode(): Uint8Array {
    const encoder = encoding.createEncoder();
    this.#write(encoder, FORMAT_BARE);
    return encoding.toUint8Array(encoder);
  }

  /** A document's head: `encode` and homes. Bare for a version that knows none. */
  encodeHead(): Uint8Array {
    if (!this.knowsHomes) return this.encode();
    const encoder = encoding.createEncoder();
    this.#write(encoder, FORMAT_HEAD);
    encoding.writeUint8(encoder, this.#hasLongValues ? 1 : 0);
    this.#homes.encode(encoder, this.#sortedClients());
    return encoding.toUint8Array(encoder);
  }

  #sortedClients(): readonly number[] {
    return [...new Set([...this.#clocks.keys(), ...this.#deletes.keys()])].toSorted(
      (a, b) => a - b,
    );
  }

  #write(encoder: encoding.Encoder, format: number): void {
    encoding.writeUint8(encoder, format);
    const clients = this.#sortedClients();
    encoding.writeVarUint(encoder, clients.length);
    for (const client of clients) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, this.clockOf(client));
      const ranges = this.#deletes.get(client) ?? [];
      encoding.writeVarUint(encoder, ranges.length / 2);
      let previous = 0;
      for (const clock of ranges) {
        encoding.writeVarUint(encoder, clock - previous);
        previous = clock;
      }
    }
  }

  /** The version that `encode` or `encodeHead` wrote, or null for anything else: damaged, truncated, of another format. */
  static decode(bytes: Uint8Array): Version | null {
    return decodeWith(bytes, (decoder, format) => {
      const version = readBare(decoder);
      if (version === null || format === FORMAT_BARE) return version;
      const flags = decoding.readUint8(decoder);
      const homes = HomeMap.decode(decoder, version.#clocks);
      if (flags > 1 || homes === null) return null;
      version.#hasLongValues = flags === 1;
      version.#homes = homes;
      return version;
    });
  }

  /** The same without homes, for who asks only what a replica has. */
  static decodeBare(bytes: Uint8Array): Version | null {
    return decodeWith(bytes, (decoder, format) => {
      const version = readBare(decoder);
      if (format === FORMAT_HEAD) decoder.pos = decoder.arr.length;
      return version;
    });
  }

  /** In Yjs' own format, for a SyncStep1. */
  encodeStateVector(): Uint8Array {
    return Y.encodeStateVector(this.#clocks);
  }

  /** A V1 update without structs that deletes all that is deleted. */
  encodeDeletesAsUpdate(): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 0);
    const clients = [...this.#deletes].toSorted(([a], [b]) => b - a);
    encoding.writeVarUint(encoder, clients.length);
    for (const [client, ranges] of clients) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, ranges.length / 2);
      for (let at = 0; at < ranges.length; at += 2) {
        const from = ranges[at] as number;
        encoding.writeVarUint(encoder, from);
        encoding.writeVarUint(encoder, (ranges[at + 1] as number) - from);
      }
    }
    return encoding.toUint8Array(encoder);
  }

  /** SHA-256 of `encode()`, hex. Computed when asked for, kept until the version changes. */
  digest(): string {
    this.#digest ??= createHash('sha256').update(this.encode()).digest('hex');
    return this.#digest;
  }

  #rangesOf(client: number): Ranges {
    const known = this.#deletes.get(client);
    if (known !== undefined) return known;
    const ranges: Ranges = [];
    this.#deletes.set(client, ranges);
    return ranges;
  }

  /** A delete set of 100,000 ranges in hostile order would move the list's tail for each of them: 10 s. */
  #deleteInBulk(deletes: readonly number[]): void {
    const byClient = new Map<number, number[]>();
    for (let at = 0; at < deletes.length; at += 3) {
      const client = deletes[at] as number;
      let added = byClient.get(client);
      if (added === undefined) byClient.set(client, (added = []));
      const clock = deletes[at + 1] as number;
      added.push(clock, clock + (deletes[at + 2] as number));
    }
    for (const [client, added] of byClient) addRanges(this.#rangesOf(client), added);
  }
}

function decodeWith(
  bytes: Uint8Array,
  read: (decoder: decoding.Decoder, format: number) => Version | null,
): Version | null {
  try {
    const decoder = decoding.createDecoder(bytes);
    const format = decoding.readUint8(decoder);
    if (format !== FORMAT_BARE && format !== FORMAT_HEAD) return null;
    const version = read(decoder, format);
    return decoding.hasContent(decoder) ? null : version;
  } catch {
    // lib0 throws at the end of the bytes.
    return null;
  }
}

function readBare(decoder: decoding.Decoder): Version | null {
  const clocks = new Map<number, number>();
  const deletes = new Map<number, Ranges>();
  let previous = -1;
  for (let left = decoding.readVarUint(decoder); left > 0; left--) {
    const client = decoding.readVarUint(decoder);
    const clock = decoding.readVarUint(decoder);
    const ranges = readRanges(decoder, clock);
    if (ranges === null || client <= previous || client > UPDATE_LIMITS.clientIdMax) return null;
    if (clock === 0 || clock > UPDATE_LIMITS.clockMax) return null;
    previous = client;
    clocks.set(client, clock);
    if (ranges.length > 0) deletes.set(client, ranges);
  }
  return new Version(clocks, deletes);
}

function readRanges(decoder: decoding.Decoder, clockMax: number): Ranges | null {
  const ranges: Ranges = [];
  let clock = 0;
  for (let left = 2 * decoding.readVarUint(decoder); left > 0; left--) {
    const step = decoding.readVarUint(decoder);
    clock += step;
    // Only the first range may begin at 0; all other steps are lengths or gaps.
    if ((step === 0 && ranges.length > 0) || clock > clockMax) return null;
    ranges.push(clock);
  }
  return ranges;
}

/**
 * A client's state vector from its SyncStep1; null if it is malformed or longer than `bytesMax`. 300,000
 * entries cost Yjs 168 ms. It may be ahead of the server, which is how lost server state heals.
 */
export function readStateVector(
  bytes: Uint8Array,
  bytesMax: number,
): ReadonlyMap<number, number> | null {
  if (bytes.length > bytesMax) return null;
  try {
    const decoder = decoding.createDecoder(bytes);
    const vector = new Map<number, number>();
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const client = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      if (client > UPDATE_LIMITS.clientIdMax || !Number.isSafeInteger(clock) || vector.has(client))
        return null;
      vector.set(client, clock);
    }
    return decoding.hasContent(decoder) ? null : vector;
  } catch {
    return null;
  }
}
