/** The rows of the bad-input table that a check can answer; their numbers open the names. */
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { UPDATE_LIMITS } from '../../../../server/protocol/index.ts';
import { check, type Verdict } from '../../../../server/rooms/updates/check.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import { forge, forgeItems, fromHex, gc, item, skip } from '../../../support/forge.ts';

/** Client 1 has typed one character into the root `t`. */
const HELLO = '010101000401017402686900';

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

function varints(...values: readonly number[]): readonly number[] {
  return values.flatMap((value) => {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    return [...bytes, rest];
  });
}

/** Content of nested arrays, `depth` deep. */
function nestedAny(depth: number): readonly number[] {
  return [1, ...Array.from({ length: depth }, () => [117, 1]).flat(), 126];
}

function nestedJson(depth: number): readonly number[] {
  const json = Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  return [...varints(json.length), ...json];
}

const PROTO = [9, ...Buffer.from('__proto__')];
/** The same nine bytes behind a length that takes two bytes where one would do. */
const PROTO_LONG = [0x89, 0, ...Buffer.from('__proto__')];

const any = (bytes: readonly number[]): Uint8Array =>
  forgeItems(1, [{ content: { ref: 8, bytes } }]);
const content = (ref: number, ...bytes: readonly number[]): Uint8Array =>
  forgeItems(1, [{ content: { ref, bytes } }]);

const ROWS: readonly (readonly [name: string, update: Uint8Array, expected: string])[] = [
  ['U01 empty', fromHex(''), 'refused: malformed'],
  ['U02 no-op', fromHex('0000'), 'redundant'],
  ['U03 one byte', fromHex('00'), 'refused: malformed'],
  ['U03 four bytes short', fromHex(HELLO.slice(0, -8)), 'refused: malformed'],
  ['U04 ten times ff', fromHex('ff'.repeat(10)), 'refused: malformed'],
  ['U05 trailing bytes', fromHex(`${HELLO}deadbeef`), 'refused: trailing'],
  [
    'U06 V2 on the V1 path',
    fromHex('000005b38dee87150000010409067468656c6c6f01050101000001010000'),
    'refused: trailing',
  ],
  ['U07 2^31 clients', fromHex('8080808008'), 'refused: malformed'],
  ['U08 2^31 structs', fromHex('0180808080080100'), 'refused: malformed'],
  ['U09 string of 2^30', fromHex('01010100040101748080808004'), 'refused: malformed'],
  ['U10 client over 2^53', fromHex('0101ffffffffffffffffff7f0000'), 'refused: malformed'],
  ['U11 client 2^53-1', forgeItems(2 ** 53 - 1, [{}]), 'refused: client-id'],
  ['U11 client 2^32', forgeItems(2 ** 32, [{}]), 'refused: client-id'],
  ['U11 client 2^32-1 is honest', forgeItems(2 ** 32 - 1, [{}]), 'new'],
  ['U12 clock gap', fromHex('010101e80704010174017800'), 'gap: clock'],
  ['U14 clock 2^53-1', fromHex('010101ffffffffffffff0f04010174017800'), 'refused: huge-length'],
  ['U15 GC of nothing', fromHex('01010100000000'), 'refused: zero-length'],
  ['U15 empty string', fromHex('01010100040101740000'), 'refused: zero-length'],
  ['U15 empty ContentAny', any([0]), 'refused: zero-length'],
  ['U15 empty ContentJSON', content(2, 0), 'refused: zero-length'],
  ['U16 ContentDeleted of nothing', content(1, 0), 'refused: zero-length'],
  ['U17 GC of 2^40', fromHex('010101000080808080802000'), 'refused: huge-length'],
  ['U17 ContentDeleted of 2^40', fromHex('010101000101017480808080802000'), 'refused: huge-length'],
  ['U18 Skip of 2^40', fromHex('010101000a80808080802000'), 'refused: huge-length'],
  [
    'U18 a Skip that honest clients with pending structs send',
    forge([{ client: 1, structs: [item({}), skip(2), item({ origin: [1, 2] })] }]),
    'gap: skip',
  ],
  ['U21 delete of an unknown client', fromHex('00014d01008080808080808002'), 'gap: delete'],
  ['U23 2^31 clients in the delete set', fromHex('008080808008'), 'refused: malformed'],
  ['U24 content ref 11', fromHex('010101000b01017400'), 'refused: malformed'],
  ['U24 content ref 31', fromHex('010101001f01017400'), 'refused: malformed'],
  ['U24 type ref 99', fromHex('01010100070101746300'), 'refused: malformed'],
  ['U25 ContentJSON {bad', content(2, 1, 4, ...Buffer.from('{bad')), 'refused: malformed'],
  ['U25 ContentEmbed {bad', content(5, 4, ...Buffer.from('{bad')), 'refused: malformed'],
  ['U26 ContentAny nested 5,000 deep', any(nestedAny(5_000)), 'refused: depth'],
  ['U26 ContentAny at the limit', any(nestedAny(UPDATE_LIMITS.contentDepthMax)), 'new'],
  [
    'U26 ContentAny one deeper',
    any(nestedAny(UPDATE_LIMITS.contentDepthMax + 1)),
    'refused: depth',
  ],
  ['U26 embed at the limit', content(5, ...nestedJson(UPDATE_LIMITS.contentDepthMax)), 'new'],
  [
    'U26 embed one deeper',
    content(5, ...nestedJson(UPDATE_LIMITS.contentDepthMax + 1)),
    'refused: depth',
  ],
  [
    'U26 objects in objects, one deeper',
    any([
      1,
      ...Array.from({ length: UPDATE_LIMITS.contentDepthMax + 1 }, () => [118, 1, 1, 0x61]).flat(),
      126,
    ]),
    'refused: depth',
  ],
  ['U27 ContentAny nested 200,000 deep', any(nestedAny(200_000)), 'refused: depth'],
  [
    'U27 embed nested 200,000 deep',
    forgeItems(1, [{ content: { ref: 5, bytes: nestedJson(200_000) } }]),
    'refused: depth',
  ],
  ['U28 ContentAny of 2^31', any(varints(2 ** 31)), 'refused: malformed'],
  ['U28 array of 2^31', any([1, 117, ...varints(2 ** 31)]), 'refused: malformed'],
  ['U29 lone surrogate', content(4, 3, 0xed, 0xa0, 0x80), 'refused: malformed'],
  ['U30 origin is the item itself', fromHex('01010100840100017800'), 'refused: bad-origin'],
  ['U30 origin is in the own future', fromHex('01010100840105017800'), 'refused: bad-origin'],
  [
    'U30 both neighbours are the same item',
    forgeItems(1, [{}, { origin: [1, 0], rightOrigin: [1, 0] }]),
    'refused: bad-origin',
  ],
  ['U31 parent is the item itself', fromHex('0101010004000100017800'), 'refused: bad-origin'],
  [
    'U32 parent is not a type: invisible, and integrates',
    fromHex('0102010004010174016104000100017800'),
    'new',
  ],
  ['U33 origin of an unknown client', fromHex('0101010084e70705017800'), 'gap: dependency'],
  [
    'U34 a good struct and a bad one',
    forge([
      { client: 9, structs: [item({})] },
      { client: 1, structs: [item({ origin: [1, 5] })] },
    ]),
    'refused: bad-origin',
  ],
  [
    'U35 a client twice',
    forge([
      { client: 1, structs: [item({})] },
      { client: 1, structs: [item({})] },
    ]),
    'refused: duplicate-client',
  ],
  [
    'U35 a client twice in the delete set',
    forge(
      [{ client: 1, structs: [item({})] }],
      [
        [1, [0, 1]],
        [1, [0, 1]],
      ],
    ),
    'refused: duplicate-client',
  ],
  ['U41 root named __proto__', forgeItems(1, [{ parent: '__proto__' }]), 'refused: forbidden-key'],
  ['U41 map key __proto__', forgeItems(1, [{ key: '__proto__' }]), 'refused: forbidden-key'],
  [
    'U41 map key constructor is a word like any other',
    forgeItems(1, [{ key: 'constructor' }]),
    'new',
  ],
  ['U41 map key that ends like it', forgeItems(1, [{ key: 'x__proto__' }]), 'new'],
  ['U41 object key __proto__', any([1, 118, 1, ...PROTO, 126]), 'refused: forbidden-key'],
  [
    'U41 object key __proto__, its length written long',
    any([1, 118, 1, ...PROTO_LONG, 126]),
    'refused: forbidden-key',
  ],
  [
    'U41 JSON key __proto__, escaped',
    content(5, 20, ...Buffer.from('{"\\u005f_proto__":1}')),
    'refused: forbidden-key',
  ],
  [
    'U41 formatting __proto__',
    content(6, ...PROTO, 4, ...Buffer.from('true')),
    'refused: forbidden-key',
  ],
  ['U43 subdocument', content(9, 1, 0x61, 118, 1, 8, ...Buffer.from('autoLoad'), 120), 'new'],
  ['U43 subdocument whose options are null', content(9, 1, 0x61, 126), 'refused: malformed'],
  [
    'U43 subdocument whose options name another guid',
    content(9, 1, 0x61, 118, 1, 4, ...Buffer.from('guid'), 126),
    'refused: malformed',
  ],
  ['U44 1 MiB in one struct', forgeItems(1, [{ text: 'x'.repeat(2 ** 20) }]), 'new'],
  [
    'U49 the V2 vector that hangs mergeUpdatesV2',
    fromHex('00010000000001000100010200001602000001fdffffffff7f0000'),
    'refused: trailing',
  ],
  [
    'a varint of 160 bytes, which lib0 reads as NaN',
    fromHex(`${'80'.repeat(159)}00`),
    'refused: malformed',
  ],
  [
    'GC with further info bits: Yjs has two minds about it',
    fromHex('01010100200100'),
    'refused: malformed',
  ],
  ['Skip with further info bits', fromHex('010101008a0100'), 'refused: malformed'],
  [
    'a parent that is neither a name nor an id',
    fromHex('0101010004020174017800'),
    'refused: malformed',
  ],
  ['a section without structs', fromHex('0100010000'), 'refused: malformed'],
  [
    'a delete range of length 0',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 0]]]),
    'refused: zero-length',
  ],
  [
    'a delete of what the update itself brings',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 1]]]),
    'new',
  ],
  [
    'a delete one clock further',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 2]]]),
    'gap: delete',
  ],
  [
    'a map value of two clocks: split, it would break Yjs when the map is deleted',
    forgeItems(1, [{ key: 'k', text: 'ab' }]),
    'refused: map-value',
  ],
  [
    'a map value of two clocks, half deleted',
    forge([{ client: 1, structs: [item({ key: 'k', text: 'ab' })] }], [[1, [1, 1]]]),
    'refused: map-value',
  ],
  [
    'old map values, merged and all deleted, as a client without garbage collection sends them',
    forge(
      [
        {
          client: 1,
          structs: [item({ key: 'k', text: 'ab' }), item({ origin: [1, 1], key: 'k' })],
        },
      ],
      [[1, [0, 2]]],
    ),
    'new',
  ],
  [
    'two clients that wait for one another',
    forge([
      { client: 2, structs: [item({ origin: [1, 0] })] },
      { client: 1, structs: [item({ origin: [2, 0] })] },
    ]),
    'refused: cycle',
  ],
  [
    'two clients that build on one another in turns',
    forge([
      { client: 2, structs: [item({ origin: [1, 0] }), item({ origin: [1, 1] })] },
      { client: 1, structs: [item({}), item({ origin: [2, 0] })] },
    ]),
    'new',
  ],
  [
    'a cycle across three clients',
    forge([
      { client: 3, structs: [item({}), item({ origin: [2, 1] })] },
      { client: 2, structs: [item({}), item({ rightOrigin: [1, 0] })] },
      { client: 1, structs: [item({ origin: [3, 1] })] },
    ]),
    'refused: cycle',
  ],
];

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
  test.each(ROWS)('%s', (_name, update, expected) => {
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
