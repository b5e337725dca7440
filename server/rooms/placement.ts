/**
 * Estimates how many items of an update Yjs cannot put in place directly. Yjs inserts an item between its
 * origin and its right origin; where these are not neighbours (any more) it walks over what lies between,
 * and many such items walk over one another: 56 KB of them block it for 14 s. Honest typing, prepending
 * and pasting name true neighbours.
 *
 * From the update alone: it remembers for each id which item it last saw put right and left of it. An item
 * whose origins contradict that counts one. So does an item at the start or end of a list of which nothing
 * is known, where only the document could tell. Items are compared by a 32-bit hash: this is an estimate
 * that decides who is tried in a worker first, never who is refused.
 */
import { NO_CLIENT, REF, type StructReader } from './struct-reader.ts';

/** "Nothing is there": the start or end of a list. No id hashes to it. */
const EDGE = 0;
const EMPTY = 0;

export class Placements {
  /** Items that need a walk, or may. */
  conflicts = 0;
  readonly #rightOf = new HashTable();
  readonly #leftOf = new HashTable();

  add(reader: StructReader, client: number, clock: number): void {
    if (reader.ref === REF.gc || reader.ref === REF.skip) return;
    const hasLeft = reader.originClient !== NO_CLIENT;
    const hasRight = reader.rightClient !== NO_CLIENT;
    const left = hasLeft ? hashId(reader.originClient, reader.originClock) : EDGE;
    const right = hasRight ? hashId(reader.rightClient, reader.rightClock) : EDGE;
    const first = hashId(client, clock);
    const last = reader.length === 1 ? first : hashId(client, clock + reader.length - 1);
    const list =
      hasLeft || hasRight ? 0 : hashBytes(reader.bytes, reader.placeStart, reader.placeStop);

    const rightKnown = this.#rightOf.get(hasLeft ? left : list);
    const leftKnown = hasRight ? this.#leftOf.get(right) : undefined;
    const isContradicted =
      (rightKnown !== undefined && rightKnown !== right) ||
      (leftKnown !== undefined && leftKnown !== left);
    const isUnknown = rightKnown === undefined && leftKnown === undefined;
    const isNeighbour =
      reader.originClient === reader.rightClient && reader.originClock + 1 === reader.rightClock;
    const isFirstOfList = !hasLeft && !hasRight;
    if (isContradicted || (isUnknown && !isNeighbour && !isFirstOfList)) {
      this.conflicts++;
    }

    if (hasLeft || !hasRight) this.#rightOf.set(hasLeft ? left : list, first);
    if (hasRight) this.#leftOf.set(right, last);
    this.#leftOf.set(first, left);
    this.#rightOf.set(last, right);
  }
}

/** Probes before a table forgets an entry: ids may be chosen to collide, and this is an estimate. */
const PROBES_MAX = 16;

/** Open addressing over two Int32Arrays: a `Map` of a million numbers takes five times as long to fill. */
class HashTable {
  #keys = new Int32Array(256);
  #values = new Int32Array(256);
  #size = 0;

  get(key: number): number | undefined {
    const slot = this.#slot(key);
    return key !== EMPTY && this.#keys[slot] === key ? this.#values[slot] : undefined;
  }

  set(key: number, value: number): void {
    const slot = this.#slot(key);
    if (this.#keys[slot] === EMPTY) this.#size++;
    this.#keys[slot] = key;
    this.#values[slot] = value;
    if (this.#size * 2 > this.#keys.length) this.#grow();
  }

  #slot(key: number): number {
    const mask = this.#keys.length - 1;
    const home = key & mask;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (home + probe) & mask;
      if (this.#keys[slot] === EMPTY || this.#keys[slot] === key) return slot;
    }
    return home;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Int32Array(keys.length * 2);
    this.#values = new Int32Array(keys.length * 2);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as number;
      if (key === EMPTY) continue;
      const slot = this.#slot(key);
      this.#keys[slot] = key;
      this.#values[slot] = values[index] as number;
    }
  }
}

function hashId(client: number, clock: number): number {
  let hash = Math.imul(client | 0, 0x9e37_79b1) ^ Math.imul(clock | 0, 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  hash ^= hash >>> 13;
  return hash === EMPTY ? 1 : hash;
}

function hashBytes(bytes: Uint8Array, start: number, stop: number): number {
  let hash = 0x811c_9dc5 | 0;
  for (let index = start; index < stop; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x0100_0193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return hash === EMPTY ? 1 : hash;
}
