/** What only the homes of items tell: long values that hide their key, and neighbours of different lists. */
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import { integrablePart } from '../../../../server/rooms/updates/cut.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { load, loadQuietly } from '../../../support/docs.ts';
import { forge, forgeItems, gc, item, skip, type ForgedItem } from '../../../support/forge.ts';

const MAP_TYPE = { ref: 7, bytes: [1] };
const ARRAY_TYPE = { ref: 7, bytes: [0] };

function versionAfter(...updates: readonly Uint8Array[]): Version {
  const version = new Version();
  for (const update of updates) {
    const verdict = check(update, version);
    if (verdict.kind !== 'new') throw new Error(JSON.stringify(verdict));
    version.apply(verdict.summary);
  }
  return version;
}

function judge(update: Uint8Array, ...before: readonly Uint8Array[]): string {
  const verdict = check(update, versionAfter(...before));
  return verdict.kind === 'refused' ? verdict.code : verdict.kind;
}

/** A map in a root map, with a value: 1:0 is the map, 1:1 its value at `k`. */
const MAP = forgeItems(1, [
  { parent: 'root', key: 'map', content: MAP_TYPE },
  { parent: [1, 0], key: 'k', text: 'v' },
]);
const HIDDEN: ForgedItem = { origin: [1, 1], text: 'ab' };
const one = (client: number, ...items: readonly ForgedItem[]): Uint8Array =>
  forge([{ client, structs: items.map((entry) => item(entry)) }]);

describe('a map value of several clocks that hides its key behind an origin', () => {
  test('breaks Yjs when the map is deleted, once it is split: that is why', () => {
    const split = forge([{ client: 2, structs: [item(HIDDEN)] }], [[2, [1, 1]]]);
    expect(() => load([MAP, split, forge([], [[1, [0, 1]]])])).toThrow('Unexpected case');
    expect(judge(split, MAP)).toBe('map-value');
  });

  test.each<readonly [string, Uint8Array, readonly Uint8Array[]]>([
    ['behind a known value', one(2, HIDDEN), [MAP]],
    [
      'behind a value of the same update',
      forgeItems(1, [{ key: 'k' }, { origin: [1, 0], text: 'ab' }]),
      [],
    ],
    [
      'behind a value behind a value',
      one(3, { origin: [2, 0], text: 'ab' }),
      [MAP, one(2, { origin: [1, 1] })],
    ],
    [
      'behind values of two other clients in the same update, the later ones first',
      forge([
        { client: 3, structs: [item({ origin: [2, 0], text: 'ab' })] },
        { client: 2, structs: [item({ origin: [1, 1] })] },
      ]),
      [MAP],
    ],
    [
      'of any content',
      one(2, { origin: [1, 1], content: { ref: 8, bytes: [2, 126, 126] } }),
      [MAP],
    ],
    [
      'typed on where its author set a value',
      forge([{ client: 1, clock: 2, structs: [item(HIDDEN)] }]),
      [MAP],
    ],
    ['half deleted', forge([{ client: 2, structs: [item(HIDDEN)] }], [[2, [0, 1]]]), [MAP]],
    ['before a value', one(2, { rightOrigin: [1, 1], text: 'ab' }), [MAP]],
    ['behind an old value that is deleted', one(2, HIDDEN), [MAP, forge([], [[1, [1, 1]]])]],
    [
      'behind deleted values that were merged',
      one(3, { origin: [2, 2], text: 'ab' }),
      [MAP, one(2, { origin: [1, 1], content: { ref: 1, bytes: [3] } })],
    ],
  ])('%s is refused', (_name, update, before) => {
    expect(judge(update, ...before)).toBe('map-value');
  });

  test('arrives before its origin: a gap, and refused once that is there', () => {
    const value = one(2, HIDDEN);
    expect(judge(value)).toBe('gap');
    expect(integrablePart(value, new Version())).toBeNull();
    expect(judge(value, MAP)).toBe('map-value');
  });

  test('lies behind a Skip: a gap, and what can be integrated of it is refused', () => {
    const version = versionAfter(MAP);
    const update = forge([
      { client: 3, structs: [item({ parent: 'text' }), skip(2), item({ origin: [3, 2] })] },
      { client: 2, structs: [item(HIDDEN)] },
    ]);
    expect(check(update, version).kind).toBe('gap');
    const part = integrablePart(update, version) as Uint8Array;
    expect(check(part, version)).toMatchObject({ kind: 'refused', code: 'map-value' });
  });

  test('says that known things are something else: what is new of it is refused', () => {
    // It repeats client 1's value as if it were text, and hangs its own value on that.
    const lie = forge([
      { client: 2, structs: [item({ origin: [1, 1], text: 'ab' })] },
      { client: 1, structs: [item({ parent: 'root' }), item({ parent: 'text' })] },
    ]);
    const version = versionAfter(MAP);
    expect(check(lie, version)).toMatchObject({ kind: 'new', overlaps: true });
    const part = integrablePart(lie, version) as Uint8Array;
    expect(check(part, version)).toMatchObject({ kind: 'refused', code: 'map-value' });
  });

  test('is fine when all of it is deleted, there or before: clients that collect nothing merge old values', () => {
    expect(judge(forge([{ client: 2, structs: [item(HIDDEN)] }], [[2, [0, 2]]]), MAP)).toBe('new');
    expect(judge(forge([{ client: 2, structs: [item(HIDDEN)] }], [[2, [1, 1], [0, 1]]]), MAP)).toBe(
      'new',
    );
    expect(judge(one(2, { origin: [1, 1], content: { ref: 1, bytes: [2] } }), MAP)).toBe('new');
  });

  test('a list item of several clocks behind a list item is as good as ever', () => {
    const text = one(1, { parent: 'text', text: 'abc' });
    expect(judge(one(2, { origin: [1, 1], rightOrigin: [1, 2], text: 'xy' }), text)).toBe('new');
  });

  test('two clients whose lies go in a circle are read to their end', () => {
    const update = forge([
      {
        client: 2,
        clock: 5,
        structs: [item({ rightOrigin: [1, 1], text: 'ab' }), item({ origin: [1, 0] })],
      },
      { client: 1, structs: [item({ rightOrigin: [2, 7] })] },
    ]);
    expect(judge(update)).toBe('gap');
  });
});

describe('neighbours of different lists', () => {
  /** 1:0 and 1:1 are lists in a list, with one item each: 1:2 and 1:3. */
  const LISTS = forgeItems(1, [
    { parent: 'list', content: ARRAY_TYPE },
    { origin: [1, 0], content: ARRAY_TYPE },
    { parent: [1, 0] },
    { parent: [1, 1] },
  ]);
  const BETWEEN = one(2, { origin: [1, 2], rightOrigin: [1, 3] });
  const DELETE_SECOND = forge([], [[1, [1, 1]]]);

  test('cost others their work: that is why', () => {
    const online = new Y.Doc();
    for (const update of [LISTS, BETWEEN]) Y.applyUpdate(online, update);
    // Somebody writes behind the forged item, and the forger deletes the other list.
    const honest = one(3, { origin: [2, 0], text: 'work' });
    for (const update of [honest, DELETE_SECOND]) Y.applyUpdate(online, update);
    expect(JSON.stringify(online.getArray('list').toJSON())).toContain('o');
    const later = loadQuietly([Y.encodeStateAsUpdate(online)]);
    expect(JSON.stringify(later.getArray('list').toJSON())).not.toContain('o');
    expect(judge(BETWEEN, LISTS)).toBe('neighbours');
  });

  test.each<readonly [string, Uint8Array, readonly Uint8Array[]]>([
    ['of a list and a root', one(2, { origin: [1, 2], rightOrigin: [1, 0] }), [LISTS]],
    ['of a root and a list', one(2, { origin: [1, 0], rightOrigin: [1, 2] }), [LISTS]],
    [
      'in the update that brings them',
      forge([
        { client: 2, structs: [item({ origin: [1, 2], rightOrigin: [1, 3] })] },
        {
          client: 1,
          structs: [
            item({ parent: 'list', content: ARRAY_TYPE }),
            item({ origin: [1, 0], content: ARRAY_TYPE }),
            item({ parent: [1, 0] }),
            item({ parent: [1, 1] }),
          ],
        },
      ]),
      [],
    ],
    [
      'where the right one is garbage and the left one lives',
      one(2, { origin: [1, 2], rightOrigin: [3, 0] }),
      [LISTS, forge([{ client: 3, structs: [gc(1)] }])],
    ],
    [
      'where the left one is garbage and the right one lives',
      one(2, { origin: [3, 0], rightOrigin: [1, 2] }),
      [LISTS, forge([{ client: 3, structs: [gc(1)] }])],
    ],
    ['a map value before another', one(2, { rightOrigin: [1, 1] }), [MAP]],
    [
      'a map value between two others',
      one(2, { origin: [1, 1], rightOrigin: [3, 0] }),
      [MAP, one(3, { origin: [1, 1] })],
    ],
    [
      'between a text and a map value',
      one(2, { origin: [3, 0], rightOrigin: [1, 1] }),
      [MAP, one(3, { parent: 'text' })],
    ],
  ])('%s: refused', (_name, update, before) => {
    expect(judge(update, ...before)).toBe('neighbours');
  });

  test('of two lists that are both deleted: dead for everybody, whether they were collected or not', () => {
    const deletes = forge([], [[1, [0, 2]]]);
    expect(judge(BETWEEN, LISTS, deletes)).toBe('new');
    expect(judge(BETWEEN, LISTS, DELETE_SECOND)).toBe('neighbours');
    const doc = new Y.Doc({ gc: false });
    for (const update of [LISTS, deletes, BETWEEN]) Y.applyUpdate(doc, update);
    expect(Y.getItem(doc.store, Y.createID(2, 0)).deleted).toBe(true);
    expect(judge(Y.encodeStateAsUpdate(doc))).toBe('new');
  });

  test('both in one list, or one of them collected with it: fine', () => {
    expect(judge(one(2, { origin: [1, 0], rightOrigin: [1, 1] }), LISTS)).toBe('new');
    const collected = forge(
      [{ client: 3, structs: [item({ parent: 'list', content: { ref: 1, bytes: [1] } }), gc(2)] }],
      [[3, [0, 3]]],
    );
    const late = one(4, { parent: [3, 0] });
    expect(judge(one(5, { origin: [3, 1], rightOrigin: [4, 0] }), collected, late)).toBe('new');
    expect(judge(one(5, { origin: [4, 0], rightOrigin: [3, 1] }), collected, late)).toBe('new');
  });
});

describe('no Yjs type makes a live map value of several clocks', () => {
  const values: readonly (readonly [string, () => unknown])[] = [
    ['a string', () => 'a long string'],
    ['a surrogate pair', () => '😀'],
    ['an array', () => [1, 2, 3]],
    ['an object', () => ({ a: { b: [1] } })],
    ['null', () => null],
    ['undefined', () => undefined],
    ['a bigint', () => 2n ** 60n],
    ['bytes', () => new Uint8Array(9)],
    ['a subdocument', () => new Y.Doc()],
    ['a map', () => new Y.Map([['x', 'long']])],
    ['a list', () => Y.Array.from(['a', 'b'])],
    ['a text', () => new Y.Text('long')],
    ['an XML element', () => new Y.XmlElement('p')],
    ['an XML text', () => new Y.XmlText('long')],
  ];
  const places: readonly (readonly [string, (doc: Y.Doc) => (value: unknown) => void])[] = [
    ['a map', (doc) => (value) => void doc.getMap('map').set('k', value)],
    [
      'a nested map',
      (doc) => {
        const inner = doc.getMap('map').set('inner', new Y.Map());
        return (value) => void inner.set('k', value);
      },
    ],
    [
      'attributes',
      (doc) => {
        const element = new Y.XmlElement('p');
        doc.getXmlFragment('xml').insert(0, [element]);
        return (value) => element.setAttribute('k', value as string);
      },
    ],
    [
      'attributes of a text',
      (doc) => {
        const text = new Y.XmlText('text');
        doc.getXmlFragment('xml').insert(0, [text]);
        return (value) => text.setAttribute('k', value);
      },
    ],
  ];

  describe.each(places)('in %s', (_place, open) => {
    test.each(values)(
      '%s: set again and again, alone and at once, deleted, undone, with and without collecting',
      (_value, make) => {
        for (const collects of [true, false]) {
          const doc = new Y.Doc({ gc: collects });
          const sent: Uint8Array[] = [];
          doc.on('update', (update: Uint8Array) => sent.push(update));
          const set = open(doc);
          const undo = new Y.UndoManager([doc.getMap('map'), doc.getXmlFragment('xml')], {
            captureTimeout: 0,
          });
          for (let at = 0; at < 3; at++) set(make());
          doc.transact(() => {
            for (let at = 0; at < 4; at++) set(make());
          });
          for (let at = 0; at < 3; at++) undo.undo();
          for (let at = 0; at < 2; at++) undo.redo();
          set(make());

          const version = new Version();
          for (const update of sent) {
            const verdict = check(update, version);
            expect(verdict.kind).toBe('new');
            if (verdict.kind === 'new') version.apply(verdict.summary);
          }
          const state = Y.encodeStateAsUpdate(doc);
          for (const whole of [state, Y.mergeUpdates(sent)]) {
            expect(check(whole, new Version()).kind).toBe('new');
          }
          // One who was away meanwhile.
          const half = versionAfter(...sent.slice(0, sent.length >> 1));
          const rest = Y.diffUpdate(state, half.encodeStateVector());
          expect(check(rest, half).kind).toBe('new');
        }
      },
    );
  });

  test('and old ones do merge, even hidden behind an origin: these pass because they are deleted', () => {
    const doc = new Y.Doc({ gc: false });
    doc.clientID = 2;
    Y.applyUpdate(doc, MAP);
    const map = doc.getMap('root').get('map') as Y.Map<number>;
    for (let at = 0; at < 5; at++) map.set('k', at);
    const state = Y.encodeStateAsUpdate(doc);
    const merged = Y.decodeUpdate(state).structs.find(
      (struct) => struct.id.client === 2 && struct.length === 4,
    );
    expect(merged).toBeInstanceOf(Y.Item);
    expect((merged as Y.Item).content).toBeInstanceOf(Y.ContentAny);
    expect(judge(state)).toBe('new');
    expect(judge(Y.diffUpdate(state, Y.encodeStateVectorFromUpdate(MAP)), MAP)).toBe('new');
  });
});
