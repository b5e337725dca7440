import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { mergeInLevels } from '../../../../server/rooms/workers/arrange.ts';
import { check } from '../../../../server/rooms/updates/check.ts';
import {
  compact,
  trial,
  versionOf as versionOfChunks,
} from '../../../../server/rooms/workers/compaction.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { canonical, honestCrowd, load, loadQuietly, versionOf } from '../../../support/docs.ts';
import { forge, forgeItems, fromHex, item } from '../../../support/forge.ts';
import { findTraceOrType, replayTrace } from '../../../support/traces.ts';

function crowd(seed: number, edits = 80, clients = 3): Uint8Array[] {
  return honestCrowd(seed, edits, clients).map(({ update }) => update);
}

function versionAfter(updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
  }
  return version;
}

/** Applied one by one to a document whose root is known to be a text, as in an editor. */
function asClient(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  doc.getText('text');
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

function typed(clientId: number, edit: (text: Y.Text) => void): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  edit(doc.getText('text'));
  return updates;
}

/**
 * What an older server stored, which could not tell: a long value of a map that hides its key behind an origin (see
 * forgery.ts), split by a delete. When the map is deleted Yjs throws.
 */
const MAP = forgeItems(1, [
  { parent: 'root', key: 'map', content: { ref: 7, bytes: [1] } },
  { parent: [1, 0], key: 'k', text: 'v' },
]);
const HIDDEN = forge(
  [{ client: 2, structs: [item({ origin: [1, 1], text: 'ab' })] }],
  [[2, [1, 1]]],
);
const DELETE_MAP = forge([], [[1, [0, 1]]]);

const now = (): number => performance.now();

describe('compaction', () => {
  test('of base and tail gives the same document, in a base whose version covers what went in', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const updates = crowd(seed, 90, 4);
      const first = compact({ chunks: [], tail: updates.slice(0, 50) });
      const second = compact({ chunks: first.chunks, tail: updates.slice(50) });
      expect(second.quarantined).toEqual([]);
      expect(canonical(loadQuietly(second.chunks))).toEqual(canonical(loadQuietly(updates)));
      const head = Version.decode(second.head) as Version;
      expect(head.covers(versionAfter(updates))).toBe(true);
      expect(head.equals(versionOf(loadQuietly(second.chunks)))).toBe(true);
      expect(head.digest()).toBe(second.digest);
    }
  });

  test('of a recorded session has exactly the version that the room has', () => {
    const updates = [...replayTrace(findTraceOrType('friendsforever', 3, 10_000))]
      .map(({ update }) => update)
      .slice(0, 10_000);
    const made = compact({ chunks: [], tail: updates });
    expect(Version.decode(made.head)?.equals(versionAfter(updates))).toBe(true);
  });

  test('[I3] superfluous formatting is not cleaned up: that would be an edit of nobody', () => {
    const edits: Uint8Array[] = [];
    const editors = [1, 2, 3].map((clientId) => {
      const doc = new Y.Doc();
      doc.clientID = clientId;
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== 'remote') edits.push(update);
      });
      return doc;
    });
    const [writer] = editors as [Y.Doc];
    writer.getText('text').insert(0, 'heavily formatted text, '.repeat(10));
    writer.getMap('map').set('nested', new Y.Text('nested and formatted '.repeat(10)));
    for (const editor of editors)
      for (const update of edits.slice(0, 2)) Y.applyUpdate(editor, update, 'remote');
    for (const [at, editor] of editors.entries()) {
      const nested = editor.getMap<Y.Text>('map').get('nested') as Y.Text;
      for (const text of [editor.getText('text'), nested]) {
        for (let place = at; place < 150; place += 7) {
          text.format(place, 9, place % 2 === 0 ? { bold: true } : { bold: null, color: `#${at}` });
          text.format(place + 2, 3, { bold: null });
        }
        // What Yjs 13.6.33 cleans up in fact: formatting before the first character.
        text.format(0, 5, { bold: true });
      }
    }
    const version = versionAfter(edits);
    // Proof that there is something to clean up: a client that applies the same one by one deletes more.
    expect(versionOf(asClient(edits)).equals(version)).toBe(false);
    expect(versionOf(load(edits)).equals(version)).toBe(false);
    const made = compact({ chunks: [], tail: edits });
    expect(Version.decode(made.head)?.equals(version)).toBe(true);
    expect(made.quarantined).toEqual([]);
  });

  test('what came too early is moved to where it fits', () => {
    const updates = crowd(31);
    const made = compact({ chunks: [], tail: updates.toReversed() });
    expect(made.quarantined).toEqual([]);
    expect(canonical(loadQuietly(made.chunks))).toEqual(canonical(loadQuietly(updates)));
  });

  test('of a state with pieces missing, as an older server stored it, the part that stands is kept and the whole set aside', () => {
    const updates = crowd(32);
    const patchy = Y.encodeStateAsUpdate(load(updates.filter((_, at) => at !== 30)));
    const made = compact({ chunks: [], tail: [patchy] });
    expect(made.quarantined).toEqual([{ index: 0, reason: 'gap: skip' }]);
    const doc = load(made.chunks);
    expect(Y.encodeStateVector(doc)).toEqual(Y.encodeStateVector(load([patchy])));
  });

  test('an empty document has no chunks and the version of nothing', () => {
    const made = compact({ chunks: [], tail: [] });
    expect(made.chunks).toEqual([]);
    expect(Version.decode(made.head)?.isEmpty).toBe(true);
  });

  test('a base that does not load is no reason to lose it', () => {
    expect(() => compact({ chunks: [fromHex('01010100840105017800')], tail: [] })).toThrow('base');
    expect(() => compact({ chunks: crowd(3).slice(5, 6), tail: [] })).toThrow('base');
  });
});

describe('referee', () => {
  const good = crowd(41);
  const POISONS: readonly (readonly [string, Uint8Array, string])[] = [
    ['an origin in its own future', fromHex('01010100840105017800'), 'bad-origin'],
    ['bytes that do not decode', fromHex('ff'.repeat(10)), 'malformed'],
    ['a dependency that never came', fromHex('0101010084e70705017800'), 'gap: dependency'],
    ['a delete of what never came', fromHex('00014d01008080808080808002'), 'gap: delete'],
  ];
  const PLACES: readonly (readonly [string, number])[] = [
    ['start', 0],
    ['middle', 40],
    ['end', good.length],
  ];

  describe.each(POISONS)('%s', (_name, poison, reason) => {
    test.each(PLACES)('is found at the %s of the tail, and the rest is kept', (_place, at) => {
      const made = compact({ chunks: [], tail: good.toSpliced(at, 0, poison) });
      expect(made.quarantined).toEqual([{ index: at, reason }]);
      expect(canonical(loadQuietly(made.chunks))).toEqual(canonical(loadQuietly(good)));
    });
  });

  test('what depends on a culprit is set aside with it, nothing else is', () => {
    const doomed = forgeItems(7, [{ origin: [8, 3] }]);
    const [dependent] = typed(9, () => {}).concat(
      forge([{ client: 9, structs: [item({ origin: [7, 0] })] }]),
    );
    const tail = [...good.slice(0, 10), doomed, dependent as Uint8Array, ...good.slice(10)];
    const made = compact({ chunks: [], tail });
    expect(made.quarantined).toEqual([
      { index: 10, reason: 'gap: dependency' },
      { index: 11, reason: 'gap: dependency' },
    ]);
    expect(canonical(loadQuietly(made.chunks))).toEqual(canonical(loadQuietly(good)));
  });

  test('a long map value that an older server stored stays, and what Yjs throws on is found by bisection', () => {
    expect(check(HIDDEN, versionAfter([MAP]))).toMatchObject({ code: 'map-value' });
    expect(() => load([MAP, HIDDEN, DELETE_MAP])).toThrow('Unexpected case');
    for (const at of [0, 20, good.length]) {
      const tail = good.toSpliced(at, 0, MAP, HIDDEN, DELETE_MAP);
      const made = compact({ chunks: [], tail });
      expect(made.quarantined).toEqual([{ index: at + 2, reason: 'yjs: Unexpected case' }]);
      const kept = [MAP, HIDDEN, ...good];
      expect(Y.encodeStateVector(load(made.chunks))).toEqual(Y.encodeStateVector(load(kept)));
    }
  });

  test('the head says that such a value is there, until it has been split: loaded again, its parts are two values', () => {
    const whole = forgeItems(2, [{ origin: [1, 1], text: 'ab' }]);
    const made = compact({ chunks: [], tail: [MAP, whole] });
    expect(Version.decode(made.head)?.hasLongValues).toBe(true);
    expect(versionOfChunks(made.chunks).hasLongValues).toBe(true);
    const split = compact({ chunks: made.chunks, tail: [forge([], [[2, [1, 1]]])] });
    expect(Version.decode(split.head)?.hasLongValues).toBe(false);
    expect(() => load([...split.chunks, DELETE_MAP])).not.toThrow();
  });

  test('neighbours of different lists that an older server stored stay as well', () => {
    const lists = forgeItems(1, [
      { parent: 'list', content: { ref: 7, bytes: [0] } },
      { parent: [1, 0] },
    ]);
    const between = forgeItems(2, [{ origin: [1, 1], rightOrigin: [1, 0] }]);
    expect(check(between, versionAfter([lists]))).toMatchObject({ code: 'neighbours' });
    const made = compact({ chunks: [], tail: [lists, between] });
    expect(made.quarantined).toEqual([]);
    expect(Version.decode(made.head)?.clockOf(2)).toBe(1);
    // Nothing that a trial would find out.
    expect(Version.decode(made.head)?.hasLongValues).toBe(false);
  });

  test('what is named as too slow beforehand is left out with its reason', () => {
    const [extra] = typed(99, (text) => text.insert(0, 'slow')) as [Uint8Array];
    const made = compact({ chunks: [], tail: [extra, ...good] }, [
      { index: 0, reason: 'too-slow' },
    ]);
    expect(made.quarantined).toEqual([{ index: 0, reason: 'too-slow' }]);
    expect(canonical(loadQuietly(made.chunks))).toEqual(canonical(loadQuietly(good)));
  });
});

describe('trial', () => {
  const parts = { chunks: compact({ chunks: [], tail: crowd(51) }).chunks, tail: [MAP, HIDDEN] };
  test('says yes to what Yjs takes', () => {
    const [update] = typed(99, (text) => text.insert(0, 'x')) as [Uint8Array];
    expect(trial(parts, update, now)).toMatchObject({ ok: true, reason: null });
  });

  test('says no to what Yjs throws on, and to what would stay pending', () => {
    expect(trial(parts, DELETE_MAP, now)).toMatchObject({
      ok: false,
      reason: 'yjs: Unexpected case',
    });
    expect(trial(parts, fromHex('0101010084e70705017800'), now)).toMatchObject({
      ok: false,
      reason: 'yjs: depends on what is not there',
    });
  });
});

test('merging in levels gives what merging at once gives, of 20,000 keystrokes in seconds instead of minutes', () => {
  const updates = [...replayTrace(findTraceOrType('sveltecomponent', 4, 5_000))].map(
    ({ update }) => update,
  );
  expect(canonical(loadQuietly([mergeInLevels(updates)]))).toEqual(canonical(loadQuietly(updates)));
  expect(mergeInLevels([])).toEqual(Uint8Array.of(0, 0));
});
