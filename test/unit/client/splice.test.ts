import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spliceBetween } from '../../../client/editor/splice.ts';

const LONE_SURROGATE = /\p{Cs}/u;

/** Few letters, so that repetitions abound, and both halves of pairs. */
const text = fc
  .array(fc.constantFrom('a', 'b', '\n', '😀', '😁', '🎉'), { maxLength: 12 })
  .map((parts) => parts.join(''));

function apply(before: string, after: string, caret: number): string {
  const splice = spliceBetween(before, after, caret);
  if (splice === null) return before;
  const end = splice.index + splice.remove;
  return before.slice(0, splice.index) + splice.insert + before.slice(end);
}

describe('spliceBetween', () => {
  it('leads from one text to the other, wherever the caret is', () => {
    fc.assert(
      fc.property(text, text, fc.nat(24), (before, after, caret) => {
        expect(apply(before, after, Math.min(caret, after.length))).toBe(after);
      }),
    );
  });

  it('never cuts a surrogate pair', () => {
    fc.assert(
      fc.property(text, text, fc.nat(24), (before, after, caret) => {
        const splice = spliceBetween(before, after, Math.min(caret, after.length));
        if (splice === null) return;
        const removed = before.slice(splice.index, splice.index + splice.remove);
        expect(removed).not.toMatch(LONE_SURROGATE);
        expect(splice.insert).not.toMatch(LONE_SURROGATE);
      }),
    );
  });

  it('finds exactly what was typed or deleted at the caret, among equal characters too', () => {
    fc.assert(
      fc.property(text, fc.nat(24), fc.nat(4), text, (before, at, length, insert) => {
        const start = wholeOffset(before, at);
        const end = wholeOffset(before, start + length);
        fc.pre(insert === '' ? end > start : end === start);
        const after = before.slice(0, start) + insert + before.slice(end);
        expect(spliceBetween(before, after, start + insert.length)).toEqual({
          index: start,
          remove: end - start,
          insert,
        });
      }),
    );
  });

  it('stays small when something changes far from the caret', () => {
    expect(spliceBetween('the wrod at the start', 'the word at the start', 21)).toEqual({
      index: 5,
      remove: 2,
      insert: 'or',
    });
  });

  it('says null when nothing changed', () => {
    expect(spliceBetween('abc', 'abc', 1)).toBeNull();
  });
});

/** The nearest offset at or before `offset` that is between characters. */
function wholeOffset(before: string, offset: number): number {
  const at = Math.min(offset, before.length);
  return LONE_SURROGATE.test(before.slice(0, at)) ? at - 1 : at;
}
