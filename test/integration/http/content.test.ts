/** Content over REST: what readers without Yjs see, at what cost, and what they are told. */
import * as Y from 'yjs';
import { describe, expect, it } from 'vitest';
import { startNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { reader, SECRET_NODE, token } from '../../support/tokens.ts';
import type { Config } from '../../../server/options.ts';

async function start(config: Partial<Config> = {}): Promise<Rest> {
  return new Rest((await startNode(config)).url);
}

async function put(rest: Rest, name: string, edit: (doc: Y.Doc) => void): Promise<void> {
  const doc = new Y.Doc();
  edit(doc);
  expect((await rest.put(pathOf(name), Y.encodeStateAsUpdate(doc))).status).toBe(201);
}

function contentOf(name: string, type: string, root: string): string {
  return `${pathOf(name)}/content?type=${type}&name=${encodeURIComponent(root)}`;
}

function everything(doc: Y.Doc): void {
  const text = doc.getText('text');
  text.insert(0, 'plain bold');
  text.format(6, 4, { bold: true });
  doc.getMap('map').set('b', 1);
  doc.getMap('map').set('a', new Y.Text('nested'));
  doc.getArray('list').insert(0, [1, 'two', { three: 3 }]);
  const paragraph = new Y.XmlElement('p');
  paragraph.insert(0, [new Y.XmlText('a < b')]);
  doc.getXmlFragment('xml').insert(0, [paragraph]);
}

describe('content over REST', () => {
  it('is text, a delta, XML or JSON', async () => {
    const rest = await start();
    await put(rest, 'all', everything);
    const cases = [
      ['text', 'text', {}, 'text/plain; charset=utf-8', 'plain bold'],
      [
        'text',
        'text',
        { Accept: 'application/json' },
        'application/json; charset=utf-8',
        '{"ops":[{"insert":"plain "},{"insert":"bold","attributes":{"bold":true}}]}',
      ],
      ['xml', 'xml', {}, 'application/xml; charset=utf-8', '<fragment><p>a &lt; b</p></fragment>'],
      ['map', 'map', {}, 'application/json; charset=utf-8', '{"a":"nested","b":1}'],
      ['array', 'list', {}, 'application/json; charset=utf-8', '[1,"two",{"three":3}]'],
    ] as const;
    for (const [type, root, headers, mediaType, body] of cases) {
      const answer = await rest.get(contentOf('all', type, root), headers);
      expect([answer.status, answer.text]).toEqual([200, body]);
      expect(answer.headers.get('content-type')).toBe(mediaType);
      expect(answer.headers.get('vary')).toContain('Accept');
    }
  });

  it('an unknown root is empty; an absent document is not found, and stays absent', async () => {
    const rest = await start();
    await put(rest, 'all', everything);
    for (const [type, empty] of [
      ['text', ''],
      ['xml', '<fragment></fragment>'],
      ['map', '{}'],
      ['array', '[]'],
    ] as const) {
      expect((await rest.get(contentOf('all', type, 'nothing'))).text).toBe(empty);
    }
    expect((await rest.get(contentOf('absent', 'text', 'text'))).code).toBe('document-not-found');
    expect((await rest.get(pathOf('absent'))).status).toBe(404);
  });

  it('U42 a root used as another type is 409, never a crash', async () => {
    const rest = await start();
    await put(rest, 'all', everything);
    for (const [type, root] of [
      ['text', 'map'],
      ['text', 'list'],
      ['text', 'xml'],
      ['xml', 'list'],
      ['xml', 'map'],
      ['map', 'text'],
      ['map', 'list'],
      ['map', 'xml'],
      ['array', 'text'],
      ['array', 'map'],
    ] as const) {
      const answer = await rest.get(contentOf('all', type, root));
      expect([type, root, answer.status, answer.code]).toEqual([type, root, 409, 'wrong-type']);
    }
    expect((await rest.get('/healthz')).status).toBe(200);
  });

  it('has a strong tag: 304 while nothing changes, another tag for another form, root or version', async () => {
    const rest = await start();
    await put(rest, 'all', everything);
    const path = contentOf('all', 'text', 'text');
    const first = await rest.get(path);
    const tag = String(first.headers.get('etag'));
    expect(tag).toMatch(/^"[0-9a-f]+"$/);
    expect((await rest.get(path, { 'If-None-Match': tag })).status).toBe(304);
    const delta = await rest.get(path, { 'If-None-Match': tag, Accept: 'application/json' });
    expect(delta.status).toBe(200);
    expect(delta.headers.get('etag')).not.toBe(tag);
    const other = await rest.get(contentOf('all', 'text', 'x'), { 'If-None-Match': tag });
    expect(other.status).toBe(200);
    await rest.post(`${pathOf('all')}/updates`, textUpdate('more '));
    const changed = await rest.get(path, { 'If-None-Match': tag });
    expect([changed.status, changed.text.includes('more ')]).toEqual([200, true]);
  });

  it('a 304 renders nothing: it is answered even where rendering is impossible', async () => {
    // Nothing can be rendered in so few bytes, but the tag can be known.
    const rest = await start({ contentBytesMax: 1024 });
    await put(rest, 'long', (doc) => doc.getText('text').insert(0, 'x'.repeat(2000)));
    const path = contentOf('long', 'text', 'text');
    expect((await rest.get(path)).code).toBe('content-too-large');
    expect((await rest.get(path, { 'If-None-Match': '*' })).status).toBe(304);
  });

  it('formatting that multiplies a document is cut off', async () => {
    const rest = await start({ contentBytesMax: 1024 * 1024 });
    await put(rest, 'bomb', (doc) => {
      const text = doc.getText('text');
      text.insert(0, 'ab'.repeat(2_000));
      text.format(0, 4_000, { link: 'y'.repeat(10_000) });
      for (let at = 0; at < 4_000; at += 2) text.format(at, 1, { bold: true });
    });
    const delta = await rest.get(contentOf('bomb', 'text', 'text'), { Accept: 'application/json' });
    expect([delta.status, delta.code]).toEqual([422, 'content-too-large']);
    expect((await rest.get(contentOf('bomb', 'xml', 'text'))).code).toBe('content-too-large');
    expect((await rest.get(contentOf('bomb', 'text', 'text'))).status).toBe(200);
  });

  it('what takes too long is given up, and others are not held up', async () => {
    const rest = await start({ contentTimeoutMs: 1 });
    await put(rest, 'slow', (doc) => {
      const maps = Array.from({ length: 50_000 }, (_, at) => new Y.Map([['k', at]]));
      doc.getArray('list').push(maps);
    });
    const answer = await rest.get(contentOf('slow', 'array', 'list'));
    // A thread that has to start is given time for that, too.
    const again = await rest.get(contentOf('slow', 'array', 'list'));
    expect([answer.code, again.code]).toContain('too-expensive');
    expect((await rest.get(pathOf('slow'))).status).toBe(200);
  });

  it('is compressed with a tag of its own, and the same to all who ask at once', async () => {
    const rest = await start();
    await put(rest, 'long', (doc) => doc.getText('text').insert(0, 'word '.repeat(10_000)));
    const path = contentOf('long', 'text', 'text');
    const plain = await rest.get(path, { 'Accept-Encoding': 'identity' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => rest.get(path, { 'Accept-Encoding': 'gzip' })),
    );
    for (const answer of answers) {
      expect(answer.text).toBe(plain.text);
      expect(answer.headers.get('content-encoding')).toBe('gzip');
      expect(answer.headers.get('etag')).toBe(
        String(plain.headers.get('etag')).replace(/"$/, '-gz"'),
      );
    }
    const tag = String(answers[0]?.headers.get('etag'));
    expect((await rest.get(path, { 'If-None-Match': tag })).status).toBe(304);
    expect((await rest.send('HEAD', path)).body.byteLength).toBe(0);
  });

  it.each([
    ['no type', '?name=x', 400],
    ['an unknown type', '?type=constructor&name=x', 400],
    ['no name', '?type=text', 400],
    ['a name twice', '?type=text&name=a&name=b', 400],
    ['a long name', `?type=text&name=${'x'.repeat(1025)}`, 400],
    ['an empty name', '?type=text&name=', 200],
  ])('%s: %s → %i', async (_what, query, status) => {
    const rest = await start();
    await put(rest, 'all', everything);
    expect((await rest.get(`${pathOf('all')}/content${query}`)).status).toBe(status);
  });

  it('R12 a media type that the type does not have is 406', async () => {
    const rest = await start();
    await put(rest, 'all', everything);
    const answer = await rest.get(contentOf('all', 'map', 'map'), { Accept: 'text/plain' });
    expect([answer.status, answer.code]).toEqual([406, 'not-acceptable']);
  });

  it('[I7] needs read access; without, it is the answer for an absent document', async () => {
    const rest = await start(SECRET_NODE);
    await rest.as(token()).put(pathOf('team/a'), textUpdate('secret'));
    const path = contentOf('team/a', 'text', 'text');
    expect((await rest.as(reader()).get(path)).text).toBe('secret');
    const [hidden, absent] = await Promise.all([
      rest.as(reader('other/*')).get(path),
      rest.as(reader('other/*')).get(contentOf('team/none', 'text', 'text')),
    ]);
    expect([hidden.status, hidden.code]).toEqual([404, 'document-not-found']);
    expect(hidden.text).toBe(absent.text);
    expect((await rest.get(path)).status).toBe(401);
  });
});
