/**
 * States put together from bytes are what Yjs itself would have encoded: the same document, complete, exactly what
 * a replica lacks, and good input for everything that reads updates.
 */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import {
  assemble,
  divide,
  divisions,
  plan,
  type Source,
} from '../../../../server/rooms/updates/assembly.ts';
import { check } from '../../../../server/rooms/updates/check.ts';
import { cut } from '../../../../server/rooms/updates/cut.ts';
import {
  decodeOutlines,
  encodeOutlines,
  outline,
} from '../../../../server/rooms/updates/outline.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import {
  canonical,
  honestCrowd,
  isWhole,
  load,
  loadQuietly,
  versionOf,
} from '../../../support/docs.ts';
import { seededRandom } from '../../../support/random.ts';
import { findTraceOrType, replayTrace } from '../../../support/traces.ts';

const sourceOf = (update: Uint8Array): Source => ({ update, sections: outline(update) });

function put(
  sources: readonly Source[],
  since: ReadonlyMap<number, number>,
  version: Version,
): Uint8Array {
  const planned = plan(sources, since);
  const rests = divisions(planned).map(divide);
  const { parts, bytes } = assemble(planned, rests, version.encodeDeletesAsUpdate());
  const whole = Buffer.concat(parts);
  expect(bytes).toBe(whole.length);
  return whole;
}

/** A document as a node has it: the first part compacted and cut, the rest as updates, some of them merged. */
function stored(
  updates: readonly Uint8Array[],
  seed: number,
  chunkBytes: number,
): { sources: Source[]; version: Version; doc: Y.Doc } {
  const random = seededRandom(seed);
  const middle = random.below(updates.length + 1);
  const base = loadQuietly(updates.slice(0, middle));
  const chunks = cut(Y.encodeStateAsUpdate(base), chunkBytes);
  const tail: Uint8Array[] = [];
  // Now and then the tail begins with what the base has, as after a compaction in the middle of a segment.
  for (let at = Math.max(0, middle - random.below(4)); at < updates.length;) {
    const count = 1 + random.below(6);
    const run = updates.slice(at, at + count);
    tail.push(run.length === 1 ? (run[0] as Uint8Array) : Y.mergeUpdates(run));
    at += count;
  }
  const version = versionOf(base);
  for (const update of updates.slice(middle)) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
  }
  return { sources: [...chunks, ...tail].map(sourceOf), version, doc: loadQuietly(updates) };
}

function expectGood(update: Uint8Array): void {
  expect(scan(update, 'client').isValid).toBe(true);
  expect(scan(update, 'stored').isValid).toBe(true);
  Y.mergeUpdates([update, Uint8Array.of(0, 0)]);
  Y.decodeUpdate(update);
}

describe('assembled states', () => {
  it('are the document, whoever edited what, and all tools of Yjs take them (30 crowds)', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const updates = honestCrowd(seed, 60, 2 + (seed % 4)).map(({ update }) => update);
      const { sources, version, doc } = stored(updates, seed, 64 + (seed % 5) * 100);
      const whole = put(sources, new Map(), version);
      expectGood(whole);
      const replica = loadQuietly([whole]);
      expect(isWhole(replica), `seed ${seed}`).toBe(true);
      expect(canonical(replica), `seed ${seed}`).toEqual(canonical(doc));
      expect(Y.encodeStateVectorFromUpdate(whole)).toEqual(
        Y.encodeStateVector(version.stateVector as Map<number, number>),
      );
      expect(loadQuietly([Y.mergeUpdates([whole, ...updates.slice(0, 9)])]).toJSON()).toEqual(
        replica.toJSON(),
      );
    }
  });

  it('bring a client that knows any part to the whole, and hold nothing of what it knows (30 crowds)', () => {
    for (let seed = 100; seed < 130; seed++) {
      const random = seededRandom(seed);
      const updates = honestCrowd(seed, 60, 3).map(({ update }) => update);
      const { sources, version, doc } = stored(updates, seed, 150);
      for (let round = 0; round < 4; round++) {
        const known = updates.slice(0, random.below(updates.length + 1));
        const client = loadQuietly(known);
        const since = Y.decodeStateVector(Y.encodeStateVector(client));
        const lacking = put(sources, since, version);
        expectGood(lacking);
        const meta = Y.parseUpdateMeta(lacking);
        for (const [id, from] of meta.from) expect(from).toBe(since.get(id) ?? 0);
        // The same structs that Yjs would send; it, too, sends all deletes.
        const own = Y.parseUpdateMeta(
          Y.diffUpdate(Y.encodeStateAsUpdate(doc), Y.encodeStateVector(client)),
        );
        expect(new Map(meta.to)).toEqual(new Map(own.to));
        const replica = loadQuietly([Y.encodeStateAsUpdate(client), lacking]);
        expect(isWhole(replica), `seed ${seed}`).toBe(true);
        expect(canonical(replica), `seed ${seed}`).toEqual(canonical(doc));
      }
    }
  });

  it('divide long structs where a state vector points into them, surrogates and all', () => {
    const doc = new Y.Doc();
    doc.clientID = 5;
    doc.getText('text').insert(0, `ab😀${'x'.repeat(3000)}`);
    doc.getArray('list').push(['a', 'b', 'c']);
    const whole = Y.encodeStateAsUpdate(doc);
    for (const from of [1, 2, 3, 4, 1500, 3003, 3004, 3005, 3006, 3007]) {
      const lacking = put([sourceOf(whole)], new Map([[5, from]]), versionOf(doc));
      expect(lacking).toEqual(
        Buffer.from(Y.diffUpdate(whole, Y.encodeStateVector(new Map([[5, from]])))),
      );
    }
  });

  it('are nothing but deletes for a client that knows everything, or more', () => {
    const updates = honestCrowd(7, 50).map(({ update }) => update);
    const { sources, version } = stored(updates, 7, 200);
    const ahead = new Map([...version.stateVector].map(([client, clock]) => [client, clock + 9]));
    for (const since of [version.stateVector, ahead.set(42, 1)]) {
      expect(put(sources, since, version)).toEqual(Buffer.from(version.encodeDeletesAsUpdate()));
    }
  });

  it('come from recordings as from the typed documents', () => {
    for (const name of ['friendsforever', 'sveltecomponent']) {
      const updates = [...replayTrace(findTraceOrType(name, 1, 3000))]
        .slice(0, 6000)
        .map(({ update }) => update);
      const { sources, version, doc } = stored(updates, 3, 8 * 1024);
      const whole = put(sources, new Map(), version);
      expectGood(whole);
      expect(load([whole]).toJSON()).toEqual(doc.toJSON());
      expect(versionOf(loadQuietly([whole])).equals(versionOf(doc))).toBe(true);
    }
  }, 30_000);

  it('refuse to hide a hole', () => {
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const letter of 'abc') doc.getText('text').insert(0, letter);
    const holed = [updates[0] as Uint8Array, updates[2] as Uint8Array].map(sourceOf);
    expect(() => plan(holed, new Map())).toThrow('not complete');
  });
});

describe('outlines', () => {
  it('come back from their bytes, and from nothing else', () => {
    const updates = honestCrowd(3, 80).map(({ update }) => update);
    const chunks = cut(Y.encodeStateAsUpdate(loadQuietly(updates)), 100);
    const outlines = chunks.map(outline);
    const bytes = encodeOutlines(outlines);
    expect(decodeOutlines(bytes, chunks)).toEqual(outlines);
    expect(decodeOutlines(bytes, chunks.slice(1))).toBe(null);
    expect(decodeOutlines(bytes, chunks.toReversed())).toBe(null);
    expect(decodeOutlines(bytes.subarray(0, -1), chunks)).toBe(null);
    expect(decodeOutlines(Uint8Array.of(...bytes, 0), chunks)).toBe(null);
    expect(decodeOutlines(Uint8Array.of(9, ...bytes.subarray(1)), chunks)).toBe(null);
    expect(decodeOutlines(new Uint8Array(), [])).toBe(null);
  });
});
