import { assert, integer, nat, property } from 'fast-check';
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import { restore } from '../../../../server/rooms/workers/restore.ts';
import {
  Editor,
  honestCrowd,
  isWhole,
  load,
  loadQuietly,
  versionOf,
} from '../../../support/docs.ts';
import { seededRandom } from '../../../support/random.ts';
import { TRACE_TEXT, findTraceOrType, replayTrace } from '../../../support/traces.ts';

const RESTORER = 4_000_000_000;

function pack(doc: Y.Doc): { bytes: Uint8Array<ArrayBuffer>; isGzipped: false } {
  return { bytes: new Uint8Array(Y.encodeStateAsUpdate(doc)), isGzipped: false };
}

function restored(doc: Y.Doc, snapshot: Y.Doc, clientId: number = RESTORER): Uint8Array | null {
  return restore(pack(doc), pack(snapshot), clientId);
}

/** What every root shows, each read as what the crowd uses it as. */
function shown(doc: Y.Doc): unknown {
  return {
    text: plain(doc.getText('text').toDelta()),
    map: plain(doc.getMap('map')),
    list: plain(doc.getArray('list')),
    xml: doc.getXmlFragment('xml').toArray().map(plain),
  };
}

/**
 * Clients of the crowd edit in the middle of surrogate pairs, too: Yjs replaces both halves, but only on replicas
 * that have seen them apart.
 */
function halved(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(/[\uD800-\uDFFF]/g, '\uFFFD'));
}

/** As `toJSON`, but with the formatting of nested texts and what JSON has no word for. */
function plain(value: unknown): unknown {
  if (value instanceof Y.XmlElement) {
    const { nodeName } = value;
    return { nodeName, ...value.getAttributes(), children: value.toArray().map(plain) };
  }
  if (value instanceof Y.Text) return { delta: plain(value.toDelta()) };
  if (value instanceof Y.Map) {
    return Object.fromEntries(
      [...value.keys()].toSorted().map((key) => [key, plain(value.get(key))]),
    );
  }
  if (value instanceof Y.Array) return value.toArray().map(plain);
  if (value instanceof Y.Doc) return { guid: value.guid };
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && value.constructor === Object) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

function typed(edit: (doc: Y.Doc) => void, base?: Y.Doc, clientId: number = 1): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  if (base !== undefined) Y.applyUpdate(doc, Y.encodeStateAsUpdate(base));
  doc.transact(() => {
    edit(doc);
  });
  return doc;
}

describe('restoring', () => {
  test('random histories: every root shows what the snapshot shows, by an update that the room takes; again it changes nothing', () => {
    assert(
      property(nat(), integer({ min: 0, max: 100 }), (seed, percent) => {
        const updates = honestCrowd(seed, 120, 3).map(({ update }) => update);
        const snapshot = load(updates.slice(0, Math.floor((updates.length * percent) / 100)));
        const doc = load(updates);
        const update = restored(doc, snapshot);
        if (update !== null) {
          expect(check(update, versionOf(doc)).kind).toBe('new');
          Y.applyUpdate(doc, update);
          expect(isWhole(doc)).toBe(true);
        }
        expect(shown(doc)).toEqual(shown(snapshot));
        expect(restored(doc, snapshot, RESTORER + 1)).toBeNull();
      }),
      { numRuns: 100, examples: [[726172791, 87]] },
    );
  });

  test('random concurrent edits merge with it in any order, and what was typed meanwhile is still there', () => {
    assert(
      property(nat(), integer({ min: 0, max: 100 }), (seed, percent) => {
        const updates = honestCrowd(seed, 80, 3).map(({ update }) => update);
        const snapshot = load(updates.slice(0, Math.floor((updates.length * percent) / 100)));
        const before = load(updates);
        const update = restored(before, snapshot) ?? Uint8Array.of(0, 0);

        const random = seededRandom(seed);
        const editor = new Editor(77, random.oneIn(2));
        editor.receive(Y.encodeStateAsUpdate(before));
        const text = editor.doc.getText('text');
        text.insert(random.below(text.length + 1), 'MEANWHILE');
        for (let edit = 0; edit < 12; edit++) editor.edit(random);
        const isMarkLeft = text.toString().includes('MEANWHILE');
        const meanwhile = editor.take();

        const restoredFirst = loadQuietly([...updates, update, ...meanwhile]);
        const editedFirst = loadQuietly([...updates, ...meanwhile, update]);
        expect(isWhole(restoredFirst) && isWhole(editedFirst)).toBe(true);
        expect(halved(shown(editedFirst))).toEqual(halved(shown(restoredFirst)));
        // Live clients clean formatting up, each by itself: they agree when they have told one another.
        editor.receive(update);
        const client = load([...updates, ...meanwhile, update]);
        for (let round = 0; round < 3; round++) {
          Y.applyUpdate(client, Y.encodeStateAsUpdate(editor.doc));
          editor.receive(Y.encodeStateAsUpdate(client));
        }
        expect(halved(shown(editor.doc))).toEqual(halved(shown(client)));
        expect(versionOf(editor.doc).equals(versionOf(client))).toBe(true);
        if (isMarkLeft) expect(restoredFirst.getText('text').toString()).toContain('MEANWHILE');
        // The room has moved on; the update is one of a client that saw an earlier version.
        const version = versionOf(load([...updates, ...meanwhile]));
        expect(['new', 'redundant']).toContain(check(update, version).kind);
      }),
      { numRuns: 100 },
    );
  });

  test.each(['automerge-paper', 'friendsforever', 'sveltecomponent'])(
    'a recorded session, %s: from its end back to its middle',
    (name) => {
      const updates = [...replayTrace(findTraceOrType(name, 9, 20_000))].map(
        ({ update }) => update,
      );
      const snapshot = new Y.Doc();
      const doc = new Y.Doc();
      const middle = updates.length >> 1;
      for (const [at, update] of updates.entries()) {
        if (at < middle) Y.applyUpdate(snapshot, update);
        Y.applyUpdate(doc, update);
      }
      const startedMs = performance.now();
      const update = restored(doc, snapshot) as Uint8Array;
      const tookMs = performance.now() - startedMs;
      expect(check(update, versionOf(doc)).kind).toBe('new');
      Y.applyUpdate(doc, update);
      expect(doc.getText(TRACE_TEXT).toString()).toBe(snapshot.getText(TRACE_TEXT).toString());
      process.stdout.write(
        `restore of ${name} (${Y.encodeStateAsUpdate(doc).length} bytes): ${tookMs.toFixed(0)} ms, update of ${update.length} bytes\n`,
      );
    },
  );

  test('what is alive in both stays: a cursor in it keeps its place', () => {
    const snapshot = typed((doc) => doc.getText('text').insert(0, 'one two three'));
    const doc = typed(
      (later) => {
        later.getText('text').delete(4, 4);
        later.getText('text').insert(0, 'zero ');
      },
      snapshot,
      2,
    );
    const cursor = Y.createRelativePositionFromTypeIndex(doc.getText('text'), 9);
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(doc.getText('text').toString()).toBe('one two three');
    // Before "three", then and now.
    expect(Y.createAbsolutePositionFromRelativePosition(cursor, doc)?.index).toBe(8);
  });

  test('a document that is as the snapshot was needs no update', () => {
    const snapshot = typed((doc) => doc.getText('text').insert(0, 'same'));
    expect(restored(snapshot, snapshot)).toBeNull();
    expect(restored(new Y.Doc(), new Y.Doc())).toBeNull();
  });

  test('what was retyped alike in the same place stays, too', () => {
    const snapshot = typed((doc) => {
      doc.getText('text').insert(0, 'alike');
      doc.getMap('map').set('k', 1);
    });
    const doc = typed(
      (later) => {
        later.getText('text').delete(0, 5);
        later.getText('text').insert(0, 'alike');
        later.getMap('map').set('k', 1);
      },
      snapshot,
      2,
    );
    expect(restored(doc, snapshot)).toBeNull();
  });

  test('formatting that was changed to another value of the same name changes back', () => {
    const snapshot = typed((doc) => {
      doc.getText('text').insert(0, 'red', { color: 'red' });
      doc.getMap('map').set('k', 'old');
      doc.getArray('list').insert(0, [{ a: 1 }, new Uint8Array([1])]);
    });
    const doc = typed(
      (later) => {
        later.getText('text').delete(0, 3);
        later.getText('text').insert(0, 'red', { color: 'blue' });
        later.getMap('map').set('k', 'new');
        later.getArray('list').delete(0, 2);
        later.getArray('list').insert(0, [{ a: 2 }, new Uint8Array([2])]);
      },
      snapshot,
      2,
    );
    doc.getText('text').format(0, 3, { color: 'blue' });
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(shown(doc)).toEqual(shown(snapshot));
  });

  test('roots that are younger than the snapshot become empty', () => {
    const doc = typed((later) => {
      later.getText('young').insert(0, 'x');
      later.getMap('map').set('k', 1);
    });
    Y.applyUpdate(doc, restored(doc, new Y.Doc()) as Uint8Array);
    expect([doc.getText('young').length, doc.getMap('map').size]).toEqual([0, 0]);
  });

  test('a surrogate pair of which half was deleted comes back whole', () => {
    const snapshot = typed((doc) => doc.getText('text').insert(0, 'a😀b😀😀c'));
    const doc = typed(
      (later) => {
        later.getText('text').delete(2, 1);
        later.getText('text').delete(5, 2);
      },
      snapshot,
      2,
    );
    expect(doc.getText('text').toString()).toContain('\uFFFD');
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(doc.getText('text').toString()).toBe('a😀b😀😀c');
    // The same where what replaces it begins with the same half.
    const other = typed(
      (later) => {
        later.getText('text').delete(0, 8);
        later.getText('text').insert(0, 'a😁b');
      },
      snapshot,
      3,
    );
    Y.applyUpdate(other, restored(other, snapshot) as Uint8Array);
    expect(other.getText('text').toString()).toBe('a😀b😀😀c');
  });

  test('nested types that were deleted come back whole, with formatting, attributes, embeds and subdocuments', () => {
    const snapshot = typed((doc) => {
      const paragraph = new Y.XmlElement('p');
      const text = new Y.XmlText('formatted');
      paragraph.insert(0, [text]);
      paragraph.setAttribute('class', 'lead');
      doc.getXmlFragment('xml').insert(0, [paragraph]);
      text.format(0, 4, { b: {} });
      const inner = new Y.Text('inner');
      doc.getMap('map').set(
        'k',
        new Y.Map<unknown>([
          ['text', inner],
          ['n', null],
        ]),
      );
      inner.insertEmbed(2, { image: 'x.png' }, { width: 3 });
      doc.getArray<unknown>('list').insert(0, [new Y.Doc({ guid: 'sub' }), new Uint8Array([1, 2])]);
    });
    const doc = typed(
      (later) => {
        later.getXmlFragment('xml').delete(0, 1);
        later.getMap('map').delete('k');
        later.getArray('list').delete(0, 2);
      },
      snapshot,
      2,
    );
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(shown(doc)).toEqual(shown(snapshot));
    expect(doc.getXmlFragment('xml').toJSON()).toBe('<p class="lead"><b>form</b>atted</p>');
  });

  test('edits within a nested type that lives on are undone there', () => {
    const snapshot = typed((doc) => {
      doc.getArray('list').insert(0, [new Y.Text('kept text')]);
    });
    const doc = typed(
      (later) => {
        later.getArray<Y.Text>('list').get(0).delete(0, 5);
      },
      snapshot,
      2,
    );
    const inner = doc.getArray<Y.Text>('list').get(0);
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(doc.getArray<Y.Text>('list').get(0)).toBe(inner);
    expect(inner.toString()).toBe('kept text');
  });

  test('a snapshot may hold what was set aside since: the document no longer knows those ids', () => {
    const snapshot = typed((doc) => doc.getText('text').insert(0, 'set aside'), undefined, 9);
    const doc = typed((later) => later.getText('text').insert(0, 'kept'), undefined, 2);
    Y.applyUpdate(doc, restored(doc, snapshot) as Uint8Array);
    expect(doc.getText('text').toString()).toBe('set aside');
  });

  test('a taken client id is an error: its author would overwrite somebody', () => {
    const doc = typed((later) => later.getText('text').insert(0, 'x'), undefined, 5);
    expect(() => restored(doc, new Y.Doc(), 5)).toThrow('client id');
  });

  test('large documents: 15 MB of text, and 30,000 paragraphs', () => {
    const words = 'lorem ipsum dolor sit amet, consectetur adipiscing elit. ';
    const snapshot = typed((doc) => doc.getText('text').insert(0, words.repeat(270_000)));
    const doc = typed(() => undefined, snapshot, 2);
    const random = seededRandom(1);
    const text = doc.getText('text');
    doc.transact(() => {
      for (let edit = 0; edit < 5_000; edit++) {
        const at = random.below(text.length - 20);
        if (random.oneIn(2)) text.delete(at, 10);
        else text.insert(at, 'edit');
      }
    });
    expect(timed('15 MB of text, 5,000 edits since', doc, snapshot)).toBeLessThan(15_000);

    const book = typed((later) => {
      const paragraphs = Array.from({ length: 30_000 }, (_, at) => {
        const paragraph = new Y.XmlElement('p');
        paragraph.insert(0, [new Y.XmlText(`${at} ${words}`)]);
        return paragraph;
      });
      later.getXmlFragment('xml').insert(0, paragraphs);
    });
    const cut = typed((later) => later.getXmlFragment('xml').delete(5_000, 20_000), book, 2);
    expect(timed('30,000 paragraphs, 20,000 deleted since', cut, book)).toBeLessThan(15_000);
  });
});

/** What restoring took, after making sure that it came out right: milliseconds. */
function timed(what: string, doc: Y.Doc, snapshot: Y.Doc): number {
  const [current, past] = [pack(doc), pack(snapshot)];
  const startedMs = performance.now();
  const update = restore(current, past, RESTORER) as Uint8Array;
  const tookMs = performance.now() - startedMs;
  const verdict = check(update, versionOf(doc));
  Y.applyUpdate(doc, update);
  expect(verdict.kind).toBe('new');
  expect(shown(doc)).toEqual(shown(snapshot));
  process.stdout.write(
    `restore: ${what} (${current.bytes.length} bytes): ${tookMs.toFixed(0)} ms, update of ${update.length} bytes\n`,
  );
  return tookMs;
}
