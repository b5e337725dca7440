import * as fc from 'fast-check';
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import {
  addRange,
  addRanges,
  containsRange,
  mergeRanges,
  type Ranges,
} from '../../../../server/rooms/updates/ranges.ts';
import { Version, readStateVector } from '../../../../server/rooms/updates/version.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import { honestCrowd, load, versionOf } from '../../../support/docs.ts';
import { forge, gc } from '../../../support/forge.ts';

function versionAfter(updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
    else if (verdict.kind !== 'redundant') throw new Error(verdict.kind);
  }
  return version;
}

/** Text and list edits of three replicas that sync now and then: nothing in them deletes by implication. */
const sessions = fc.array(
  fc.record({
    replica: fc.nat(2),
    kind: fc.constantFrom('insert', 'delete', 'push', 'sync'),
    at: fc.nat(30),
    length: fc.integer({ min: 1, max: 4 }),
  }),
  { maxLength: 60 },
);

type Session = typeof sessions extends fc.Arbitrary<infer T> ? T : never;

function play(session: Session): { docs: readonly Y.Doc[]; sent: readonly Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const docs = [1, 2, 3].map((clientId) => {
    const doc = new Y.Doc();
    doc.clientID = clientId;
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') sent.push(update);
    });
    return doc;
  });
  for (const { replica, kind, at, length } of session) {
    const doc = docs[replica] as Y.Doc;
    const text = doc.getText('text');
    const place = Math.min(at, text.length);
    if (kind === 'insert') text.insert(place, 'abcd'.slice(0, length));
    else if (kind === 'delete') text.delete(place, Math.min(length, text.length - place));
    else if (kind === 'push') doc.getArray('list').push([at]);
    else for (const update of sent) Y.applyUpdate(doc, update, 'remote');
  }
  return { docs, sent };
}

describe('Version', () => {
  test('is what Y.snapshot says, after every update', () => {
    fc.assert(
      fc.property(sessions, (session) => {
        const { sent } = play(session);
        const doc = new Y.Doc();
        const version = new Version();
        for (const update of sent) {
          const verdict = check(update, version);
          expect(verdict.kind).toBe('new');
          if (verdict.kind === 'new') version.apply(verdict.summary);
          Y.applyUpdate(doc, update);
          expect(version.equals(versionOf(doc))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('of a crowd with maps and nested types it covers all that updates say, and the document at most adds what follows from it', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const updates = honestCrowd(seed, 60, 4).map(({ update }) => update);
      const version = versionAfter(updates);
      const found = versionOf(load(updates));
      expect(found.covers(version)).toBe(true);
      expect(version.knowsAllClocksOf(found)).toBe(true);
      version.merge(found);
      expect(version.equals(found)).toBe(true);
    }
  });

  test('equal deletes in any order and any pieces give equal versions, bytes and digests', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 9 })), {
          minLength: 1,
          maxLength: 80,
        }),
        fc.nat(),
        (ranges, seed) => {
          const base = forge([{ client: 1, structs: [gc(300)] }]);
          const start = versionAfter([base]);
          const bare = new Version(start.stateVector);
          const forwards = bare.clone();
          for (const [clock, length] of ranges) forwards.addDeletes([1, clock, length]);
          const shuffled = ranges.toSorted(
            (a, b) => ((a[0] * 31 + seed) % 97) - ((b[0] * 31 + seed) % 97),
          );
          const atOnce = bare.clone();
          atOnce.addDeletes(shuffled.flatMap(([clock, length]) => [1, clock, length]));
          expect(atOnce.equals(forwards)).toBe(true);
          expect(atOnce.encode()).toEqual(forwards.encode());
          expect(atOnce.digest()).toBe(forwards.digest());
          expect(forwards.equals(bare)).toBe(false);
          expect(forwards.digest()).not.toBe(bare.digest());
          expect(forwards.covers(bare)).toBe(true);
          expect(bare.covers(forwards)).toBe(false);
        },
      ),
    );
  });

  test('survives encode and decode, and a clone is its own', () => {
    const updates = honestCrowd(3, 200, 5).map(({ update }) => update);
    const version = versionAfter(updates);
    const copy = Version.decode(version.encode());
    expect(copy?.equals(version)).toBe(true);
    expect(copy?.digest()).toBe(version.digest());
    const clone = version.clone();
    clone.advance(42, 7);
    expect(version.clockOf(42)).toBe(0);
    expect(clone.digest()).not.toBe(version.digest());
    expect(Version.decode(new Version().encode())?.isEmpty).toBe(true);
  });

  test('damaged bytes decode to null or to another well-formed version, and never throw', () => {
    const bytes = versionAfter(honestCrowd(4, 80).map(({ update }) => update)).encode();
    for (let length = 0; length < bytes.length; length++) {
      expect(Version.decode(bytes.slice(0, length))).toBeNull();
    }
    expect(Version.decode(Uint8Array.of(...bytes, 0))).toBeNull();
    expect(Version.decode(Uint8Array.of(2, ...bytes.slice(1)))).toBeNull();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = Version.decode(flipped);
      if (decoded !== null) expect(Version.decode(decoded.encode())?.equals(decoded)).toBe(true);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (random) => {
        Version.decode(random);
      }),
    );
  });

  test('its state vector is Yjs own, and its deletes are an update that Yjs applies', () => {
    const { sent } = play([
      { replica: 0, kind: 'insert', at: 0, length: 4 },
      { replica: 0, kind: 'insert', at: 2, length: 4 },
      { replica: 0, kind: 'delete', at: 1, length: 3 },
    ]);
    const doc = load(sent);
    const version = versionAfter(sent);
    expect(version.encodeStateVector()).toEqual(Y.encodeStateVector(doc));
    const undeleted = load(sent.slice(0, 2));
    Y.applyUpdate(undeleted, version.encodeDeletesAsUpdate());
    expect(undeleted.getText('text').toJSON()).toBe(doc.getText('text').toJSON());
    expect(check(version.encodeDeletesAsUpdate(), version).kind).toBe('redundant');
  });

  test('a struct that arrives deleted deletes nothing that was known before: Yjs ignores it', () => {
    const alive = forge([{ client: 1, structs: [gc(2)] }]);
    const version = new Version(new Map([[1, 1]]));
    const verdict = check(alive, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
    expect(version.deletes.get(1)).toEqual([1, 2]);
  });

  test('100,000 ranges in the worst order are added in well under a second', () => {
    const deletes = Array.from({ length: 100_000 }, (_, at) => [1, 2 * (100_000 - at), 1]).flat();
    const version = new Version(new Map([[1, 300_000]]));
    expect(cpuMsOf(() => version.addDeletes(deletes))).toBeLessThan(1_000);
    expect(version.deletes.get(1)).toHaveLength(200_000);
  });
});

function clocksOf(ranges: readonly number[]): readonly number[] {
  const clocks: number[] = [];
  for (let at = 0; at < ranges.length; at += 2) {
    for (let clock = ranges[at] as number; clock < (ranges[at + 1] as number); clock++)
      clocks.push(clock);
  }
  return clocks;
}

describe('ranges', () => {
  const operations = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 6 })), {
    maxLength: 40,
  });

  test('are a set of clocks: sorted, merged, and they know what they hold', () => {
    fc.assert(
      fc.property(operations, (added) => {
        const ranges: Ranges = [];
        const model = new Set<number>();
        for (const [from, length] of added) {
          const isNew = Array.from({ length }, (_, at) => from + at).some(
            (clock) => !model.has(clock),
          );
          expect(addRange(ranges, from, from + length)).toBe(isNew);
          for (let clock = from; clock < from + length; clock++) model.add(clock);
        }
        expect(clocksOf(ranges)).toEqual([...model].toSorted((a, b) => a - b));
        for (let at = 1; at < ranges.length; at++)
          expect(ranges[at]).toBeGreaterThan(ranges[at - 1] as number);
        for (let from = 0; from < 46; from++) {
          for (let to = from + 1; to < 47; to++) {
            const isHeld = Array.from({ length: to - from }, (_, at) => from + at).every((clock) =>
              model.has(clock),
            );
            expect(containsRange(ranges, from, to)).toBe(isHeld);
          }
        }
        const flat = added.flatMap(([from, length]) => [from, from + length]);
        const inBulk: Ranges = [];
        addRanges(inBulk, flat);
        expect(inBulk).toEqual(ranges);
        expect(mergeRanges(ranges, [])).toEqual(ranges);
      }),
      { numRuns: 200 },
    );
  });
});

describe('readStateVector', () => {
  test('reads what Yjs writes', () => {
    const doc = load(honestCrowd(6, 60, 4).map(({ update }) => update));
    expect(readStateVector(Y.encodeStateVector(doc), 65_536)).toEqual(
      Y.decodeStateVector(Y.encodeStateVector(doc)),
    );
  });

  test.each([
    ['P07 empty', []],
    ['P08 2^31 entries', [0x80, 0x80, 0x80, 0x80, 0x08]],
    ['cut short', [1, 5]],
    ['trailing bytes', [1, 5, 3, 0]],
    ['a client twice', [2, 5, 3, 5, 3]],
    ['a client of 2^53', [1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 1]],
  ])('%s is null', (_name, bytes) => {
    expect(readStateVector(Uint8Array.from(bytes), 65_536)).toBeNull();
  });

  test('P09 longer than the limit is null, whatever is in it', () => {
    expect(readStateVector(Uint8Array.of(1, 5, 3), 2)).toBeNull();
    expect(readStateVector(Uint8Array.of(1, 5, 3), 3)).toEqual(new Map([[5, 3]]));
  });

  test('P11 one from the future is read: that is how a server that lost state heals', () => {
    expect(readStateVector(Uint8Array.of(1, 5, 0xff, 0xff, 0xff, 0x7f), 64)).toEqual(
      new Map([[5, 2 ** 28 - 1]]),
    );
  });
});
