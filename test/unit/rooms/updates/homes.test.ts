import * as Y from 'yjs';
import * as encoding from 'lib0/encoding';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import { HOME, newHome } from '../../../../server/rooms/updates/homes.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { honestCrowd, load, loadQuietly, serverVersionOf } from '../../../support/docs.ts';
import { forgeItems } from '../../../support/forge.ts';
import { strayHome } from '../../../fuzz/shape.ts';

function versionAfter(updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
    else if (verdict.kind !== 'redundant') throw new Error(JSON.stringify(verdict));
  }
  return version;
}

function homeOf(version: Version, client: number, clock: number): readonly number[] {
  const home = newHome();
  home.kind = HOME.like;
  home.client = client;
  home.clock = clock;
  version.resolveHome(home);
  return [home.kind, home.client, home.clock];
}

function crowd(seed: number): readonly Uint8Array[] {
  return honestCrowd(seed, 150, 4).map(({ update }) => update);
}

/** A list of maps of one field: homes change with every item. */
function rows(count: number): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = 0xffff_fff0;
  const maps = Array.from({ length: count }, (_, at) => new Y.Map([['field', at]]));
  doc.getArray('rows').push(maps);
  return doc;
}

/** Of one client known up to clock 5, with one run of this length in a map. */
const headOfRun = (length: number): Uint8Array =>
  encoding.encode((encoder) => {
    // Format, one client, id, clock, no deletes, no flags; one byte of homes.
    for (const byte of [2, 1, 7, 5, 0, 0, 1, length * 6 + HOME.map])
      encoding.writeUint8(encoder, byte);
  });

describe('homes', () => {
  test('are those of the document, update by update, at once, from a state, and from a head', () => {
    for (let seed = 1; seed <= 15; seed++) {
      const updates = crowd(seed);
      const doc = loadQuietly(updates);
      const version = versionAfter(updates);
      const head = Version.decode(version.encodeHead()) as Version;
      for (const each of [
        version,
        versionAfter([Y.mergeUpdates([...updates])]),
        serverVersionOf(doc),
        head,
        version.clone(),
      ]) {
        expect(strayHome(doc, each)).toBeNull();
      }
      expect(head.encodeHead()).toEqual(version.encodeHead());
    }
  });

  test('are kept when a version learns of a later one', () => {
    const updates = crowd(21);
    const version = versionAfter(updates.slice(0, 70));
    const later = versionAfter(updates);
    version.merge(later);
    expect(version.encodeHead()).toEqual(later.encodeHead());
    expect(strayHome(loadQuietly(updates), version)).toBeNull();
  });

  test('are found in any of a hundred thousand runs, which take two bytes each', () => {
    const doc = rows(50_000);
    const version = versionAfter([Y.encodeStateAsUpdate(doc)]);
    expect(strayHome(doc, version)).toBeNull();
    expect(version.homeBytes).toBeLessThan(300_000);
    const copy = Version.decode(version.encodeHead()) as Version;
    expect(copy.homeBytes).toBeLessThan(250_000);
    expect(strayHome(doc, copy)).toBeNull();
  });

  test('of a text take nothing, and neither do those of one map', () => {
    const doc = new Y.Doc();
    for (let at = 0; at < 100; at++) doc.getText('text').insert(at >> 1, 'ab');
    expect(versionAfter([Y.encodeStateAsUpdate(doc)]).homeBytes).toBe(0);
    const map = new Y.Doc();
    for (let at = 0; at < 1_000; at++) map.getMap('map').set(`${at % 7}`, at);
    expect(versionAfter([Y.encodeStateAsUpdate(map)]).homeBytes).toBe(0);
  });

  test('are unknown to a version made from a state vector, which lets everything pass', () => {
    const bare = new Version(new Map([[1, 2]]));
    expect(bare.knowsHomes).toBe(false);
    expect(homeOf(bare, 1, 1)).toEqual([HOME.unknown, 0, 0]);
    expect(homeOf(bare, 7, 0)).toEqual([HOME.unknown, 0, 0]);
    expect(check(forgeItems(2, [{ origin: [1, 1], text: 'ab' }]), bare).kind).toBe('new');
    // What follows is known again, and what came before stays unknown.
    const next = scan(forgeItems(2, [{ key: 'k' }]));
    if (next.isValid) bare.apply(next.summary);
    expect(homeOf(bare, 2, 0)).toEqual([HOME.map, 0, 0]);
    expect(bare.knowsHomes).toBe(false);
    expect(bare.encodeHead()).toEqual(bare.encode());
  });
});

describe('a head', () => {
  const version = versionAfter([...crowd(5), Y.encodeStateAsUpdate(rows(40))]);
  const bytes = version.encodeHead();

  test('of before, without homes, is still read, and says that it knows none', () => {
    expect(version.encode()[0]).toBe(1);
    const old = Version.decode(version.encode()) as Version;
    expect(old.equals(version)).toBe(true);
    expect(old.knowsHomes).toBe(false);
    expect(Version.decode(new Version().encode())?.knowsHomes).toBe(true);
  });

  test('is read without its homes by who asks only what is there', () => {
    const bare = Version.decodeBare(bytes) as Version;
    expect(bare.equals(version)).toBe(true);
    expect(bare.homeBytes).toBe(0);
    expect(bare.knowsHomes).toBe(false);
    expect(Version.decodeBare(version.encode())?.equals(version)).toBe(true);
  });

  test('is no part of what a replica has: versions that differ in homes are equal, and so are their digests', () => {
    const bare = Version.decode(version.encode()) as Version;
    expect(bare.digest()).toBe(version.digest());
    expect(bare.equals(version)).toBe(true);
  });

  test('that is damaged decodes to null, or to something that can be encoded again, and never throws', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(Version.decode(bytes.slice(0, length))).toBeNull();
    }
    expect(Version.decode(Uint8Array.of(...bytes, 0))).toBeNull();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = Version.decode(flipped);
      if (decoded === null) continue;
      const again = Version.decode(decoded.encodeHead());
      expect(again?.encodeHead()).toEqual(decoded.encodeHead());
    }
  });

  test('whose homes fall short of the clocks, or go beyond, is no head', () => {
    expect(homeOf(Version.decode(headOfRun(5)) as Version, 7, 4)).toEqual([HOME.map, 0, 0]);
    expect(Version.decode(headOfRun(4))).toBeNull();
    expect(Version.decode(headOfRun(6))).toBeNull();
  });
});

test('a document that is loaded again keeps no home that it lacks', () => {
  const updates = crowd(8);
  const doc = load(updates);
  expect(strayHome(doc, serverVersionOf(doc))).toBeNull();
});
