/** The rows of the bad-input table that a check can answer; their numbers open the names. */
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { UPDATE_LIMITS } from '../../../../server/protocol/index.ts';
import { check, type Verdict } from '../../../../server/rooms/updates/check.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import { forge, forgeItems, fromHex, gc, item, skip } from '../../../support/forge.ts';
import { HELLO, UPDATE_CASES } from '../../../support/update-cases.ts';

function summaryOf(verdict: Verdict): string {
  if (verdict.kind === 'refused') return `refused: ${verdict.code}`;
  return verdict.kind === 'gap' ? `gap: ${verdict.reason}` : verdict.kind;
}

function judge(update: Uint8Array, version: Version = new Version()): string {
  return summaryOf(check(update, version));
}

function knowing(...updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind !== 'new') throw new Error(`the base is ${summaryOf(verdict)}`);
    version.apply(verdict.summary);
  }
  return version;
}

function ranges(count: number): readonly (readonly [number, number])[] {
  return Array.from({ length: count }, (_, at) => [2 * at, 1] as const);
}

function clients(count: number): Uint8Array {
  return forge(Array.from({ length: count }, (_, at) => ({ client: at + 1, structs: [gc(1)] })));
}

function roots(count: number): Uint8Array {
  return forgeItems(
    1,
    Array.from({ length: count }, (_, at) => ({ parent: `root ${at}` })),
  );
}

describe('bad inputs', () => {
  test.each(UPDATE_CASES)('%s', (_name, update, expected) => {
    expect(judge(update)).toBe(expected);
  });

  test('U13 3,000 different gap updates cost milliseconds, not the 9 s that Yjs takes', () => {
    const updates = Array.from({ length: 3_000 }, (_, at) =>
      forge([{ client: 1, clock: 1_000 + 2 * at, structs: [item({})] }]),
    );
    // Compiling is not what is measured.
    for (let clock = 1; clock < 2_000; clock++)
      judge(forge([{ client: 2, clock, structs: [item({})] }]));
    const verdicts = new Set<string>();
    const tookMs = cpuMsOf(() => {
      for (const update of updates) verdicts.add(judge(update));
    });
    expect([...verdicts]).toEqual(['gap: clock']);
    // 15 ms on a quiet machine; the bound tells linear from quadratic, whatever else runs here.
    expect(tookMs).toBeLessThan(500);
  });

  test('U21 a delete beyond what is known of an existing client is a gap', () => {
    const version = knowing(fromHex(HELLO));
    expect(judge(fromHex('00010101008080808080808002'), version)).toBe('gap: delete');
    expect(judge(forge([], [[1, [0, 2]]]), version)).toBe('new');
  });

  test('U22 too many delete ranges are refused, the limit itself is not', () => {
    const base = knowing(forge([{ client: 1, structs: [gc(2 ** 20)] }]));
    expect(judge(forge([], [[1, ...ranges(UPDATE_LIMITS.deleteRangesMax + 1)]]), base)).toBe(
      'refused: too-many-ranges',
    );
    expect(judge(forge([], [[1, ...ranges(UPDATE_LIMITS.deleteRangesMax)]]), base)).toBe(
      'redundant',
    );
  });

  test('U39 too many clients are refused, the limit itself is not', () => {
    expect(judge(clients(UPDATE_LIMITS.clientsMax + 1))).toBe('refused: too-many-clients');
    expect(judge(clients(UPDATE_LIMITS.clientsMax))).toBe('new');
  });

  test('U40 too many root types are refused, the limit itself is not', () => {
    expect(judge(roots(UPDATE_LIMITS.rootTypesMax + 1))).toBe('refused: root-types');
    expect(judge(roots(UPDATE_LIMITS.rootTypesMax))).toBe('new');
  });

  test('U46 the same update again is redundant, with its deletes and without', () => {
    const doc = new Y.Doc();
    doc.getText('t').insert(0, 'hello');
    doc.getText('t').delete(1, 2);
    const update = Y.encodeStateAsUpdate(doc);
    const version = knowing(update);
    const digest = version.digest();
    for (let again = 0; again < 1_000; again++) expect(judge(update, version)).toBe('redundant');
    expect(version.digest()).toBe(digest);
  });

  test('U47 in reverse order each but the last is a gap, in order all are new', () => {
    const updates: Uint8Array[] = [];
    const doc = new Y.Doc();
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const letter of 'reverse') doc.getText('t').insert(0, letter);
    expect(updates.toReversed().map((update) => judge(update))).toEqual([
      ...Array<string>(6).fill('gap: clock'),
      'new',
    ]);
    expect(() => knowing(...updates)).not.toThrow();
  });

  test('a struct that is known, but names something unknown, is a gap: Yjs would keep it pending', () => {
    const version = knowing(fromHex(HELLO));
    expect(judge(forgeItems(1, [{ origin: [7, 3], text: 'hi' }]), version)).toBe('gap: dependency');
  });

  test('a state with a piece missing is redundant to who knows it all, and a gap to who does not', () => {
    const whole = forge([{ client: 1, structs: [item({ text: 'abcdef' })] }]);
    const patchy = forge([
      { client: 1, structs: [item({ text: 'ab' }), skip(2), item({ origin: [1, 3], text: 'ef' })] },
    ]);
    expect(judge(patchy, knowing(whole))).toBe('redundant');
    expect(judge(patchy)).toBe('gap: skip');
  });
});

const conflictsOf = (update: Uint8Array): number => {
  const scanned = scan(update);
  if (!scanned.isValid) throw new Error(scanned.code);
  return scanned.summary.conflicts;
};

/** A text of `items` characters, and as many items that claim to stand before each of them, at the start. */
const quadratic = (items: number) =>
  forgeItems(1, [
    { text: 'x'.repeat(items) },
    ...Array.from({ length: items }, (_, at) => ({ rightOrigin: [1, at] as const })),
  ]);

describe('the cost flag', () => {
  test.each([700, 1_400, 2_800, 5_600])(
    'U36 %i items with distinct right origins are above the limit',
    (items) => {
      expect(conflictsOf(quadratic(items))).toBeGreaterThan(UPDATE_LIMITS.conflictsMax);
    },
  );

  test('U36 the same against a text that is known already', () => {
    const items = Array.from({ length: 1_000 }, (_, at) => item({ rightOrigin: [1, at] }));
    expect(conflictsOf(forge([{ client: 2, structs: items }]))).toBeGreaterThan(
      UPDATE_LIMITS.conflictsMax,
    );
  });

  test('U36 items with distinct origins that all claim to be the last', () => {
    const items = Array.from({ length: 1_000 }, (_, at) => item({ origin: [1, at] }));
    expect(conflictsOf(forge([{ client: 2, structs: items }]))).toBeGreaterThan(
      UPDATE_LIMITS.conflictsMax,
    );
  });

  test('U36 items that all claim to be alone in the same list', () => {
    expect(
      conflictsOf(
        forgeItems(
          1,
          Array.from({ length: 1_000 }, () => ({})),
        ),
      ),
    ).toBeGreaterThan(UPDATE_LIMITS.conflictsMax);
  });

  test('U38 6,000 clients that each insert at the start', () => {
    const sections = Array.from({ length: 6_000 }, (_, at) => ({
      client: at + 1,
      structs: [item({})],
    }));
    expect(conflictsOf(forge(sections))).toBeGreaterThan(UPDATE_LIMITS.conflictsMax);
  });

  const HONEST: readonly (readonly [string, (doc: Y.Doc) => void])[] = [
    [
      'typing forwards',
      (doc) => {
        for (let at = 0; at < 3_000; at++) doc.getArray('l').push([at]);
      },
    ],
    [
      'prepending',
      (doc) => {
        for (let at = 0; at < 3_000; at++) doc.getText('t').insert(0, 'x');
      },
    ],
    [
      'inserting in the middle',
      (doc) => {
        for (let at = 0; at < 3_000; at++) doc.getText('t').insert(at >> 1, 'x');
      },
    ],
    [
      'replacing every second character',
      (doc) => {
        doc.getText('t').insert(0, 'x'.repeat(2_000));
        for (let at = 0; at < 2_000; at += 2) {
          doc.getText('t').delete(at, 1);
          doc.getText('t').insert(at, 'y');
        }
      },
    ],
    [
      'formatting words',
      (doc) => {
        doc.getText('t').insert(0, 'word '.repeat(1_000));
        for (let at = 0; at < 5_000; at += 5) doc.getText('t').format(at, 4, { bold: true });
      },
    ],
    [
      'setting keys again and again',
      (doc) => {
        for (let at = 0; at < 3_000; at++) doc.getMap('m').set(`k${at % 50}`, at);
      },
    ],
    [
      'nested lists',
      (doc) => {
        for (let at = 0; at < 1_000; at++)
          doc.getArray<Y.Array<number>>('l').insert(0, [Y.Array.from([1, 2, 3])]);
      },
    ],
  ];
  test.each(HONEST)('%s costs nothing', (_name, edit) => {
    const doc = new Y.Doc({ gc: false });
    // The estimate goes by hashes: with one client in some hundred, two of them are the same.
    doc.clientID = 1;
    doc.transact(() => edit(doc));
    expect(conflictsOf(Y.encodeStateAsUpdate(doc))).toBe(0);
  });
});
