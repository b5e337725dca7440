import { isDeepStrictEqual } from 'node:util';
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { render, type ContentType } from '../../../../server/rooms/workers/render.ts';
import { Editor, honestCrowd, load } from '../../../support/docs.ts';
import { seededRandom } from '../../../support/random.ts';

function docOf(edit: (doc: Y.Doc) => void): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = 1;
  edit(doc);
  return doc;
}

function renderingOf(
  doc: Y.Doc,
  type: ContentType,
  rootName: string,
  bytesMax = 1_000_000,
): ReturnType<typeof render> {
  const bytes = new Uint8Array(Y.encodeStateAsUpdate(doc));
  return render({ bytes, isGzipped: false }, { type, rootName, bytesMax });
}

function rendered(doc: Y.Doc, type: ContentType, rootName: string): string {
  const rendering = renderingOf(doc, type, rootName);
  if (rendering.kind !== 'rendered') throw new Error(rendering.kind);
  return Buffer.from(rendering.body).toString();
}

interface Op {
  readonly insert: unknown;
  readonly attributes?: unknown;
}

/** Yjs begins a new operation at every mark, also at one that changes nothing. */
function joined(ops: readonly Op[]): readonly Op[] {
  const all: Op[] = [];
  for (const op of ops) {
    const last = all.at(-1);
    const isSame = last !== undefined && isDeepStrictEqual(last.attributes, op.attributes);
    if (isSame && typeof last.insert === 'string' && typeof op.insert === 'string') {
      all[all.length - 1] = { ...op, insert: last.insert + op.insert };
    } else {
      all.push(op);
    }
  }
  return all;
}

describe('text', () => {
  test('plain: characters only; what is embedded is left out', () => {
    const doc = docOf(() => undefined);
    const text = doc.getText('t');
    text.insert(0, 'ab');
    text.insertEmbed(1, { image: 'x' });
    text.format(0, 1, { bold: true });
    text.insert(3, '😀');
    expect(rendered(doc, 'text', 't')).toBe('ab😀');
  });

  test('a delta is what Yjs gives, for crowds of editors', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const doc = load(honestCrowd(seed, 80, 3).map(({ update }) => update));
      const { ops } = JSON.parse(rendered(doc, 'delta', 'text')) as { ops: unknown };
      expect(ops).toEqual(joined(doc.getText('text').toDelta() as readonly Op[]));
    }
  });

  test('in a delta an embedded type is its JSON', () => {
    const doc = docOf((d) => {
      d.getText('t').insert(0, 'a');
      d.getText('t').insertEmbed(1, new Y.Map([['k', 1]]));
    });
    expect(rendered(doc, 'delta', 't')).toBe('{"ops":[{"insert":"a"},{"insert":{"k":1}}]}');
  });
});

describe('JSON', () => {
  test('keys of maps are sorted, however they came; nested types are what they are', () => {
    const doc = docOf((d) => {
      const map = d.getMap('m');
      map.set('z', 1);
      map.set('a', [true, null]);
      map.set('text', new Y.Text('nested'));
      const element = new Y.XmlElement('P');
      element.setAttribute('class', 'x"y');
      map.set('xml', element);
      map.set('list', Y.Array.from([new Y.Map([['k', 'v']])]));
      map.delete('z');
      map.set('y', 2);
    });
    expect(rendered(doc, 'map', 'm')).toBe(
      '{"a":[true,null],"list":[{"k":"v"}],"text":"nested","xml":"<P class=\\"x&quot;y\\"></P>","y":2}',
    );
  });

  test('what JSON has no word for: bytes, big integers, undefined, NaN, subdocuments', () => {
    const doc = docOf((d) => {
      d.getArray<unknown>('l').push([new Uint8Array([1, 2, 255]), null, Number.NaN]);
      d.getArray<unknown>('l').push([
        { big: 2n ** 60n, odd: undefined },
        new Y.Doc({ guid: 'sub' }),
      ]);
      d.getMap('m').set('undefined', undefined);
    });
    expect(rendered(doc, 'array', 'l')).toBe(
      '["AQL/",null,null,{"big":"1152921504606846976"},{"guid":"sub"}]',
    );
    expect(rendered(doc, 'map', 'm')).toBe('{"undefined":null}');
  });

  test('U41 a key or root `__proto__` is a key like any other, and pollutes nothing', () => {
    const doc = docOf((d) => {
      d.getMap('m').set('__proto__', { isAdmin: true });
      d.getMap('m').set('constructor', 1);
      d.getMap('__proto__').set('isAdmin', true);
      d.getText('t').insert(0, 'x', { ['__proto__']: { isAdmin: true } });
    });
    expect(rendered(doc, 'map', 'm')).toBe('{"__proto__":{"isAdmin":true},"constructor":1}');
    expect(rendered(doc, 'map', '__proto__')).toBe('{"isAdmin":true}');
    expect(rendered(doc, 'delta', 't')).toContain('"__proto__":{"isAdmin":true}');
    expect(rendered(doc, 'xml', 't')).toBe(
      '<fragment><__proto__ isAdmin="true">x</__proto__></fragment>',
    );
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test('U26 content nested 64 deep, and types nested 500 deep, are rendered', () => {
    let value: unknown = 'core';
    for (let depth = 0; depth < 64; depth++) value = [value];
    const doc = docOf((d) => {
      d.getArray('l').push([value]);
      let type = d.getArray<unknown>('deep');
      for (let depth = 0; depth < 500; depth++) {
        const inner = new Y.Array<unknown>();
        type.push([inner]);
        type = inner;
      }
    });
    expect(rendered(doc, 'array', 'l')).toBe(`${'['.repeat(65)}"core"${']'.repeat(65)}`);
    expect(rendered(doc, 'array', 'deep')).toBe('['.repeat(501) + ']'.repeat(501));
  });

  test('types nested 100,000 deep are an answer, not a crash', () => {
    const doc = docOf((d) => {
      d.transact(() => {
        let type = d.getArray<unknown>('deep');
        for (let depth = 0; depth < 100_000; depth++) {
          const inner = new Y.Array<unknown>();
          type.push([inner]);
          type = inner;
        }
      });
    });
    expect(renderingOf(doc, 'array', 'deep')).toEqual({ kind: 'too-deep' });
  });
});

describe('XML', () => {
  test('is what Yjs writes, with one element around it, where Yjs writes XML', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const editor = new Editor(seed, true);
      const random = seededRandom(seed);
      for (let edit = 0; edit < 120; edit++) editor.edit(random);
      const fragment = editor.doc.getXmlFragment('xml');
      const written = fragment.toArray().map((child) => child.toJSON() as unknown as string);
      // Attributes with a line feed are the only thing here that Yjs leaves as it is.
      expect(rendered(editor.doc, 'xml', 'xml').replaceAll('&#10;', '\n')).toBe(
        `<fragment>${written.join('')}</fragment>`,
      );
    }
  });

  test('formatting is elements around the text, outermost the first by name', () => {
    const doc = docOf((d) => {
      const text = new Y.XmlText();
      d.getXmlFragment('x').insert(0, [text]);
      text.insert(0, 'all');
      text.format(0, 3, { italic: {}, bold: true, link: { href: 'a&b', class: 'c' } });
      text.insert(3, 'red', { italic: null, bold: null, link: null, color: '#f00' });
    });
    expect(rendered(doc, 'xml', 'x')).toBe(
      '<fragment><bold><italic><link class="c" href="a&amp;b">all</link></italic></bold><color value="#f00">red</color></fragment>',
    );
  });

  test('is well-formed whatever is in it', () => {
    const doc = docOf((d) => {
      const element = new Y.XmlElement('1 weird/na:me');
      d.getXmlFragment('x').insert(0, [element, new Y.XmlElement(''), new Y.XmlElement('xmlFoo')]);
      element.setAttribute('a b', '<"&\n\t>');
      element.setAttribute('a_b', ['json'] as unknown as string);
      element.insert(0, [new Y.XmlText('<script>]]>&amp;\u0000\u000B\uFFFE\r')]);
    });
    expect(rendered(doc, 'xml', 'x')).toBe(
      '<fragment><_1_weird_na_me a_b="&lt;&quot;&amp;&#10;&#9;&gt;" a_b_="[&quot;json&quot;]">' +
        '&lt;script&gt;]]&gt;&amp;amp;\uFFFD\uFFFD\uFFFD&#13;</_1_weird_na_me><_></_><_xmlFoo></_xmlFoo></fragment>',
    );
  });

  test('a text as root, embeds, and a hook', () => {
    const doc = docOf((d) => {
      const text = d.getText('t');
      text.insert(0, 'ab');
      text.insertEmbed(1, { image: '<' });
      d.getXmlFragment('x').insert(0, [new Y.XmlHook('custom') as unknown as Y.XmlElement]);
    });
    expect(rendered(doc, 'xml', 't')).toBe(
      '<fragment>a<embed>{"image":"&lt;"}</embed>b</fragment>',
    );
    expect(rendered(doc, 'xml', 'x')).toBe('<fragment><custom></custom></fragment>');
  });
});

describe('a root that is not what is asked for', () => {
  test('nothing at all is empty, of any type, and so is what was deleted', () => {
    const doc = docOf((d) => {
      d.getText('gone').insert(0, 'x');
      d.getText('gone').delete(0, 1);
    });
    for (const name of ['gone', 'never', '']) {
      expect(rendered(doc, 'text', name)).toBe('');
      expect(rendered(doc, 'delta', name)).toBe('{"ops":[]}');
      expect(rendered(doc, 'xml', name)).toBe('<fragment></fragment>');
      expect(rendered(doc, 'map', name)).toBe('{}');
      expect(rendered(doc, 'array', name)).toBe('[]');
    }
  });

  test('U42 is the wrong type, without an exception', () => {
    const doc = docOf((d) => {
      d.getText('text').insert(0, 'x');
      d.getArray('array').push([1]);
      d.getMap('map').set('k', 1);
      d.getXmlFragment('xml').insert(0, [new Y.XmlElement('p')]);
      d.getArray('maps').push([new Y.Map()]);
    });
    const readable: Readonly<Record<string, readonly ContentType[]>> = {
      text: ['text', 'delta', 'xml'],
      array: ['array'],
      map: ['map'],
      // A list of elements is a list.
      xml: ['xml', 'array'],
      maps: ['array'],
    };
    for (const [name, types] of Object.entries(readable)) {
      for (const type of ['text', 'delta', 'xml', 'map', 'array'] as const) {
        const { kind } = renderingOf(doc, type, name);
        expect([name, type, kind]).toEqual([
          name,
          type,
          types.includes(type) ? 'rendered' : 'wrong-type',
        ]);
      }
    }
  });
});

test('the limit is exact, in bytes', () => {
  const doc = docOf((d) => d.getText('t').insert(0, 'äöü'));
  expect(renderingOf(doc, 'text', 't', 6).kind).toBe('rendered');
  expect(renderingOf(doc, 'text', 't', 5).kind).toBe('too-large');
  expect(renderingOf(doc, 'text', 't', 2).kind).toBe('too-large');
});

test('replicas that came to the same version in different ways render the same bytes', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const updates = honestCrowd(seed, 100, 3).map(({ update }) => update);
    const one = load(updates);
    const other = load([Y.encodeStateAsUpdate(one)]);
    Y.applyUpdate(one, Y.encodeStateAsUpdate(other));
    for (const [type, name] of [
      ['delta', 'text'],
      ['map', 'map'],
      ['array', 'list'],
      ['xml', 'xml'],
    ] as const) {
      expect(rendered(one, type, name)).toBe(rendered(other, type, name));
    }
  }
});
