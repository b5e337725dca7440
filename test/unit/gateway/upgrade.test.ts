import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../server/gateway/upgrade.ts';

describe('parseTarget', () => {
  it.each([
    ['/notes', 'notes'],
    ['/team/notes?token=x', 'team/notes'],
    ['/a%20b', 'a b'],
    ['/team%2Fnotes', 'team/notes'],
    ['/d/abc/ws/abc?z=1', 'abc'],
    ['/d/abc', 'd/abc'],
  ])('%s is document %s', (url, document) => {
    expect(parseTarget(url)).toMatchObject({ ok: true, document });
  });

  it('/ names no document, which Hocuspocus providers do inside the socket', () => {
    expect(parseTarget('/?token=x')).toMatchObject({ ok: true, document: null });
  });

  it.each([
    ['/d/a/ws/b', 'not-found'],
    ['/%', 'invalid-document-name'],
    ['/%00', 'invalid-document-name'],
    ['/..%2f..%2fetc', 'invalid-document-name'],
    ['/a/../b', 'invalid-document-name'],
    [`/${'x'.repeat(4096)}`, 'invalid-document-name'],
  ])('%s is refused with %s', (url, code) => {
    expect(parseTarget(url)).toEqual({ ok: false, code });
  });
});
