import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import { cut, diff, integrablePart, trim } from '../../../../server/rooms/updates/cut.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import {
  canonical,
  honestCrowd,
  isWhole,
  load,
  loadQuietly,
  versionOf,
} from '../../../support/docs.ts';
import { forge, gc, item, skip } from '../../../support/forge.ts';

function crowd(seed: number, edits: number, clients: number): Uint8Array[] {
  return honestCrowd(seed, edits, clients).map(({ update }) => update);
}

/** Applies chunks one by one; every prefix must leave nothing pending. */
function assemble(chunks: readonly Uint8Array[]): Y.Doc {
  const client = new Y.Doc();
  for (const chunk of chunks) {
    Y.applyUpdate(client, chunk);
    expect(isWhole(client)).toBe(true);
  }
  return loadQuietly(chunks);
}

function versionAfter(updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
  }
  return version;
}

describe('cut', () => {
  test.each([40, 200, 1_000, 100_000])(
    'into chunks of %i bytes: nothing is pending after any prefix, and nothing is lost',
    (chunkBytes) => {
      for (let seed = 1; seed <= 12; seed++) {
        const doc = loadQuietly(crowd(seed, 80, 2 + (seed % 5)));
        const state = Y.encodeStateAsUpdate(doc);
        const chunks = cut(state, chunkBytes);
        expect(canonical(assemble(chunks))).toEqual(canonical(doc));
        for (const chunk of chunks) {
          const scanned = scan(chunk, 'stored');
          if (!scanned.isValid) throw new Error(scanned.code);
          const isOneStruct = scanned.summary.structs === 1 && scanned.summary.deletes.length === 0;
          if (!isOneStruct) expect(chunk.length).toBeLessThanOrEqual(Math.max(chunkBytes, 64));
        }
      }
    },
  );

  test('twenty authors at once, in chunks that depend only on earlier ones', () => {
    const doc = loadQuietly(crowd(77, 1_500, 20));
    const chunks = cut(Y.encodeStateAsUpdate(doc), 2_000);
    expect(chunks.length).toBeGreaterThan(5);
    expect(canonical(assemble(chunks))).toEqual(canonical(doc));
    const version = new Version();
    for (const chunk of chunks) {
      const verdict = check(chunk, version);
      expect(['new', 'redundant']).toContain(verdict.kind);
      if (verdict.kind === 'new') version.apply(verdict.summary);
    }
    expect(version.equals(versionOf(doc))).toBe(true);
  });

  test('a string longer than a chunk is split between characters, and Yjs joins it again', () => {
    const doc = new Y.Doc();
    doc.clientID = 5;
    doc.getText('text').insert(0, 'aé日😀'.repeat(3_000));
    doc.getText('text').insert(6, '😀'.repeat(2_000));
    const state = Y.encodeStateAsUpdate(doc);
    const chunks = cut(state, 1_000);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(1_000);
    const copy = assemble(chunks);
    expect(copy.getText('text').toJSON()).toBe(doc.getText('text').toJSON());
    expect(Y.encodeStateAsUpdate(copy)).toEqual(state);
  });

  test('a struct that cannot be split makes one larger chunk of its own', () => {
    const doc = new Y.Doc();
    doc.getMap('map').set('a', 1);
    doc.getMap('map').set('blob', new Uint8Array(5_000));
    doc.getMap('map').set('z', 2);
    const chunks = cut(Y.encodeStateAsUpdate(doc), 500);
    expect(chunks.map((chunk) => chunk.length > 500)).toEqual([false, true, false]);
    expect(canonical(assemble(chunks))).toEqual(canonical(doc));
  });

  test('450,000 map entries, 10 MB, in well under a second a pass', () => {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (let key = 0; key < 450_000; key++) doc.getMap('map').set(`key${key}`, `value ${key}`);
    });
    const state = Y.encodeStateAsUpdate(doc);
    let chunks: Uint8Array[] = [];
    const tookMs = cpuMsOf(() => {
      chunks = cut(state);
    });
    process.stderr.write(
      `cut ${(state.length / 2 ** 20).toFixed(1)} MiB in ${chunks.length} chunks, ${tookMs.toFixed(0)} ms\n`,
    );
    expect(tookMs).toBeLessThan(1_000);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(256 * 1024);
    expect(chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBeLessThan(state.length * 1.01);
  });

  test('an empty document gives no chunk', () => {
    expect(cut(Uint8Array.of(0, 0))).toEqual([]);
  });

  test('what depends on something that is not there cannot be cut', () => {
    expect(() => cut(forge([{ client: 1, structs: [item({ origin: [2, 0] })] }]))).toThrow(
      'not complete',
    );
    expect(() => cut(forge([{ client: 1, clock: 3, structs: [gc(1)] }]))).toThrow('not complete');
  });
});

describe('diff', () => {
  test('brings a replica at any earlier state up to date, in chunks that leave nothing pending', () => {
    const updates = crowd(9, 120, 4);
    const doc = loadQuietly(updates);
    const base = cut(Y.encodeStateAsUpdate(load(updates.slice(0, 60))), 300);
    for (let known = 0; known <= updates.length; known += 7) {
      const replica = loadQuietly(updates.slice(0, known));
      const start = Y.encodeStateAsUpdate(replica);
      const lacking = diff(
        [...base, ...updates.slice(60)],
        new Version(Y.decodeStateVector(Y.encodeStateVector(replica))),
        400,
      );
      for (const chunk of lacking) {
        Y.applyUpdate(replica, chunk);
        expect(isWhole(replica)).toBe(true);
      }
      expect(canonical(loadQuietly([start, ...lacking]))).toEqual(canonical(doc));
    }
  });

  test('to who has everything it sends the delete set alone', () => {
    const doc = loadQuietly(crowd(10, 80, 3));
    const state = Y.encodeStateAsUpdate(doc);
    const chunks = diff([state], versionOf(doc));
    expect(chunks).toHaveLength(1);
    expect(Y.decodeUpdate(chunks[0] as Uint8Array).structs).toEqual([]);
  });
});

describe('integrablePart', () => {
  test('of a state with pieces missing is what Yjs itself would have integrated', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const updates = crowd(seed, 60, 3);
      const known = updates.slice(0, 20);
      const patchy = load(updates.filter((_, at) => (at * 7 + seed) % 5 !== 0));
      const offered = Y.encodeStateAsUpdate(patchy);
      const version = versionAfter(known);
      const part = integrablePart(offered, version);

      const byYjs = load([...known, offered]);
      const byPart = load(part === null ? known : [...known, part]);
      expect(isWhole(byPart)).toBe(true);
      expect(Y.encodeStateVector(byPart)).toEqual(Y.encodeStateVector(byYjs));
      if (part === null) continue;
      const verdict = check(part, version);
      expect(verdict.kind).toBe('new');
      if (verdict.kind === 'new') expect(verdict.overlaps).toBe(false);
    }
  });

  test('leaves out what waits for itself, and what waits for that', () => {
    const update = forge([
      { client: 4, structs: [item({}), item({ origin: [2, 0] })] },
      { client: 3, structs: [item({}), item({ origin: [1, 1] })] },
      { client: 2, structs: [item({ origin: [1, 0] })] },
      { client: 1, structs: [item({ origin: [2, 0] }), item({})] },
    ]);
    const part = integrablePart(update, new Version()) as Uint8Array;
    expect(Object.fromEntries(Y.parseUpdateMeta(part).to)).toEqual({ 4: 1, 3: 1 });
  });

  test('of nothing new is null, and deletes only what is there', () => {
    const known = forge([{ client: 1, structs: [item({ text: 'abcd' })] }]);
    const version = versionAfter([known]);
    expect(integrablePart(known, version)).toBeNull();
    const patchy = forge(
      [{ client: 1, structs: [item({ text: 'ab' }), skip(6), item({ origin: [1, 7] })] }],
      [[1, [2, 100]]],
    );
    expect(integrablePart(patchy, version)).toEqual(forge([], [[1, [2, 2]]]));
  });
});

describe('trim', () => {
  test('keeps what is new: of a struct that is known in part the rest, as Yjs slices it', () => {
    const version = versionAfter([forge([{ client: 1, structs: [item({ text: 'abc' })] }])]);
    const longer = forge([{ client: 1, structs: [item({ text: 'abcdef' })] }]);
    expect(trim(longer, version)).toEqual(Y.diffUpdate(longer, version.encodeStateVector()));
  });

  test('a struct of which the known part was collected: untrimmed Yjs would throw, trimmed it does not', () => {
    const collected = forge([{ client: 1, structs: [gc(2)] }]);
    const longer = forge([{ client: 1, structs: [item({ text: 'abcdef' })] }]);
    const version = versionAfter([collected]);
    const verdict = check(longer, version);
    expect(verdict).toMatchObject({ kind: 'new', overlaps: true });
    expect(() => load([collected, longer])).toThrow();
    expect(isWhole(load([collected, trim(longer, version)]))).toBe(true);
  });

  test('a whole state sent again for one new character shrinks to that character', () => {
    const doc = loadQuietly(crowd(21, 200, 4));
    const version = versionOf(doc);
    const typist = load([Y.encodeStateAsUpdate(doc)]);
    typist.getText('text').insert(0, '!');
    const whole = Y.encodeStateAsUpdate(typist);
    const trimmed = trim(whole, version);
    expect(trimmed.length).toBeLessThan(40);
    expect(canonical(load([Y.encodeStateAsUpdate(doc), trimmed]))).toEqual(canonical(typist));
  });
});
