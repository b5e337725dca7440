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
/** No item has said yet what lies there. No id hashes to it either. */
const UNKNOWN = -0x8000_0000;

export class Placements {
  /** Items that need a walk, or may. */
  conflicts = 0;
  readonly #neighbours = new Neighbours();

  /** So many structs will be added: growing step by step would copy the table a dozen times. */
  expect(structs: number): void {
    this.#neighbours.reserve(2 * Math.min(structs, EXPECTED_MAX));
  }

  add(reader: StructReader, client: number, clock: number): void {
    if (reader.ref === REF.gc || reader.ref === REF.skip) return;
    const neighbours = this.#neighbours;
    neighbours.reserve(TOUCHED_MAX);
    const hasLeft = reader.originClient !== NO_CLIENT;
    const hasRight = reader.rightClient !== NO_CLIENT;
    const left = hasLeft ? hashId(reader.originClient, reader.originClock) : EDGE;
    const right = hasRight ? hashId(reader.rightClient, reader.rightClock) : EDGE;
    const first = hashId(client, clock);

    // Where the item goes, seen from the left (an item, or the start of a list) and from the right. An item
    // before another at the start of a list does not say which list.
    let before = NOWHERE;
    if (hasLeft) before = neighbours.find(left);
    else if (!hasRight) {
      before = neighbours.find(hashBytes(reader.bytes, reader.placeStart, reader.placeStop));
    }
    const after = hasRight ? neighbours.find(right) : NOWHERE;
    const rightKnown = before === NOWHERE ? UNKNOWN : neighbours.right(before);
    const leftKnown = after === NOWHERE ? UNKNOWN : neighbours.left(after);

    const isContradicted =
      (rightKnown !== UNKNOWN && rightKnown !== right) ||
      (leftKnown !== UNKNOWN && leftKnown !== left);
    const isUnknown = rightKnown === UNKNOWN && leftKnown === UNKNOWN;
    const areNeighbours =
      reader.originClient === reader.rightClient && reader.originClock + 1 === reader.rightClock;
    const isFirstOfList = !hasLeft && !hasRight;
    if (isContradicted || (isUnknown && !areNeighbours && !isFirstOfList)) this.conflicts++;

    if (before !== NOWHERE) neighbours.setRight(before, first);
    const own = neighbours.find(first);
    neighbours.setLeft(own, left);
    const last =
      reader.length === 1 ? own : neighbours.find(hashId(client, clock + reader.length - 1));
    neighbours.setRight(last, right);
    if (after !== NOWHERE) {
      neighbours.setLeft(
        after,
        reader.length === 1 ? first : hashId(client, clock + reader.length - 1),
      );
    }
  }
}

/** What a struct count may make the table grow to on its word alone: 6 MiB. */
const EXPECTED_MAX = 131_072;

const NOWHERE = -1;
const EMPTY = 0;
/** Slots per entry: the id's hash, what lies to its left, what lies to its right. */
const STRIDE = 3;
/** Entries that one item touches at most. */
const TOUCHED_MAX = 4;
/** Probes before the table forgets an entry: ids may be chosen to collide, and this is an estimate. */
const PROBES_MAX = 16;

/**
 * Open addressing in one Int32Array: 450,000 map entries take 60 ms; with a `Map` for each side they took 370.
 */
class Neighbours {
  #entries = new Int32Array(256 * STRIDE);
  #mask = 255;
  #size = 0;

  /** Makes room for so many more entries, so that places stay valid while an item is looked at. */
  reserve(entries: number): void {
    let mask = this.#mask;
    while ((this.#size + entries) * 2 > mask) mask = mask * 2 + 1;
    if (mask !== this.#mask) this.#resize(mask);
  }

  left(place: number): number {
    return this.#entries[place + 1] as number;
  }

  right(place: number): number {
    return this.#entries[place + 2] as number;
  }

  setLeft(place: number, hash: number): void {
    this.#entries[place + 1] = hash;
  }

  setRight(place: number, hash: number): void {
    this.#entries[place + 2] = hash;
  }

  /** The place of an id; a new one has unknown neighbours. */
  find(hash: number): number {
    const entries = this.#entries;
    let place = (hash & this.#mask) * STRIDE;
    for (let probe = 1; entries[place] !== hash; probe++) {
      if (entries[place] === EMPTY || probe === PROBES_MAX) {
        if (entries[place] === EMPTY) this.#size++;
        entries[place] = hash;
        entries[place + 1] = UNKNOWN;
        entries[place + 2] = UNKNOWN;
        return place;
      }
      // On to another block of sixteen, further each time: ids come in blocks, and so do collisions.
      place = ((hash + 8 * probe * (probe + 1)) & this.#mask) * STRIDE;
    }
    return place;
  }

  #resize(mask: number): void {
    const old = this.#entries;
    this.#mask = mask;
    this.#entries = new Int32Array((this.#mask + 1) * STRIDE);
    this.#size = 0;
    for (let from = 0; from < old.length; from += STRIDE) {
      const hash = old[from] as number;
      if (hash === EMPTY) continue;
      const place = this.find(hash);
      this.#entries[place + 1] = old[from + 1] as number;
      this.#entries[place + 2] = old[from + 2] as number;
    }
  }
}

/** Sixteen clocks in a row share a cache line or two: half the time of a hash that scatters them. */
function hashId(client: number, clock: number): number {
  const block = Math.floor(clock / 16);
  let hash = Math.imul(client | 0, 0x9e37_79b1) ^ Math.imul(block | 0, 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  hash = ((hash ^ (hash >>> 13)) << 4) | (clock & 15);
  return isReserved(hash) ? 1 : hash;
}

function hashBytes(bytes: Uint8Array, start: number, stop: number): number {
  let hash = 0x811c_9dc5 | 0;
  for (let index = start; index < stop; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x0100_0193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return isReserved(hash) ? 1 : hash;
}

function isReserved(hash: number): boolean {
  return hash === EDGE || hash === UNKNOWN;
}
