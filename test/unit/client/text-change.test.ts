import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Alignment } from '../../../client/editor/alignment.ts';
import { applyChange, endOfChange, mapOffset } from '../../../client/editor/text-change.ts';
import type { TextChange } from '../../../client/editor/text-change.ts';

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const edits = editsRemoving(5);
const insertions = editsRemoving(0);

function editsRemoving(removeMax: number): fc.Arbitrary<Edit[]> {
  const insert = fc.string({ maxLength: 4 });
  const edit = fc.record({ at: fc.nat(40), remove: fc.nat(removeMax), insert });
  return fc.array(edit, { minLength: 1, maxLength: 5 });
}

/** Makes the edits in one transaction and returns what Yjs reports. */
function changeOf(text: Y.Text, list: readonly Edit[]): TextChange {
  let change: TextChange = [];
  const observer = (event: Y.YTextEvent): void => {
    change = event.delta as TextChange;
  };
  text.observe(observer);
  text.doc?.transact(() => {
    for (const { at, remove, insert } of list) {
      const index = at % (text.length + 1);
      text.delete(index, Math.min(remove, text.length - index));
      text.insert(index, insert);
    }
  });
  text.unobserve(observer);
  return change;
}

function textOf(content: string): Y.Text {
  const text = new Y.Doc().getText('text');
  text.insert(0, content);
  return text;
}

describe('changes as Yjs reports them', () => {
  it('lead to the same string as the document', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), edits, (content, list) => {
        const text = textOf(content);
        const before = applyChange('', text.toDelta() as TextChange);
        const change = changeOf(text, list);
        expect(applyChange(before, change)).toBe(text.toJSON().replaceAll('\r', '\u200B'));
      }),
    );
  });

  it('keep one unit for an embedded object and for a carriage return', () => {
    const text = textOf('ab\r\ncd');
    text.insertEmbed(1, { image: 'x' });
    expect(applyChange('', text.toDelta() as TextChange)).toBe('a\uFFFCb\u200B\ncd');
    expect(text.length).toBe(7);
  });
});

describe('mapOffset', () => {
  it('moves a caret where Yjs itself says that its place has gone', () => {
    const content = fc.string({ minLength: 1, maxLength: 30 });
    const cases = fc.tuple(content, insertions, fc.nat(30), fc.constantFrom('before', 'after'));
    fc.assert(
      fc.property(cases, ([before, list, at, side]) => {
        const text = textOf(before);
        const offset = at % (text.length + 1);
        const association = side === 'before' ? -1 : 0;
        const place = Y.createRelativePositionFromTypeIndex(text, offset, association);
        const change = changeOf(text, list);
        const now = Y.createAbsolutePositionFromRelativePosition(place, text.doc ?? new Y.Doc());
        expect(mapOffset(offset, change, side)).toBe(now?.index);
      }),
    );
  });

  it('chooses the side at an insertion, and clamps to a deletion', () => {
    const insertion = [{ retain: 2 }, { insert: 'xyz' }];
    expect(mapOffset(2, insertion, 'before')).toBe(2);
    expect(mapOffset(2, insertion, 'after')).toBe(5);
    expect(mapOffset(1, insertion, 'after')).toBe(1);
    expect(mapOffset(3, insertion, 'before')).toBe(6);
    const deletion = [{ retain: 2 }, { delete: 3 }];
    expect([1, 2, 3, 4, 5, 6].map((offset) => mapOffset(offset, deletion, 'before'))).toEqual([
      1, 2, 2, 2, 2, 3,
    ]);
  });

  it('ends a change behind what it did last', () => {
    expect(endOfChange([{ retain: 2 }, { insert: 'abc' }])).toBe(5);
    expect(endOfChange([{ retain: 4 }, { delete: 2 }])).toBe(4);
    expect(endOfChange([{ insert: 'a' }, { retain: 3 }, { delete: 1 }])).toBe(4);
    expect(endOfChange([{ insert: 'a' }, { retain: 3 }])).toBe(1);
  });
});

describe('Alignment', () => {
  it('knows where every unit that is left has gone', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.array(edits, { maxLength: 3 }), (length, rounds) => {
        const original = Array.from({ length: length + 1 }, (_, i) =>
          String.fromCodePoint(0x4e00 + i),
        ).join('');
        const text = textOf(original);
        const alignment = new Alignment(original.length);
        for (const list of rounds) alignment.follow(changeOf(text, list));
        const now = text.toJSON();
        for (let index = 0; index < original.length; index++) {
          const character = original.charAt(index);
          const units = alignment.unitsFromTheEnd(index, 1);
          expect(units).toEqual(now.includes(character) ? [now.indexOf(character)] : []);
        }
      }),
    );
  });
});
