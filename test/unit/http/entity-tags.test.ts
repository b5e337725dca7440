import { describe, expect, it } from 'vitest';
import { entityTag, matchingTag } from '../../../server/http/entity-tags.ts';

describe('entity tags', () => {
  it('name the coding at their end', () => {
    expect(entityTag('abc')).toBe('"abc"');
    expect(entityTag('abc', 'gzip')).toBe('"abc-gz"');
    expect(entityTag('abc', 'br')).toBe('"abc-br"');
  });

  it.each([
    ['"abc"', '"abc"'],
    ['W/"abc"', '"abc"'],
    ['"abc-gz"', '"abc-gz"'],
    ['"x", W/"y", "abc-br"', '"abc-br"'],
    ['"x,\'y\'","abc"', '"abc"'],
    [' * ', '"abc"'],
    ['"abc', null],
    ['abc', null],
    ['"abcd"', null],
    ['"abc-zz"', null],
    ['', null],
    [undefined, null],
  ])('If-None-Match: %s', (header, expected) => {
    expect(matchingTag(header, 'abc')).toBe(expected);
  });
});
