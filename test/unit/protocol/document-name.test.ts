import { describe, expect, it } from 'vitest';
import { parseDocumentName } from '../../../server/protocol/document-name.ts';

describe('parseDocumentName', () => {
  it.each([
    'a',
    'team-a/notes',
    'Ünïcode ø',
    '日本語',
    'a:b@c~d+e f.g_h',
    'x'.repeat(200),
    '.hidden',
    'a..b',
  ])('takes %s', (name) => {
    expect(parseDocumentName(name)).toBe(name);
  });

  it.each([
    '',
    'x'.repeat(201),
    '../../etc/passwd',
    'a/../b',
    'a//b',
    '/a',
    'a/',
    './a',
    ' a',
    'a ',
    'a\0b',
    'v1\0x',
    'draft*',
    'a%2Fb',
    '😀',
    '\ud800',
    'e\u0301',
    'a\nb',
    'a?b',
    'a#b',
  ])('refuses %j', (name) => {
    expect(parseDocumentName(name)).toBeNull();
  });
});
