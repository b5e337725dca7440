/** What the history panel says has changed between two versions. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { blocksOf, type Block } from '../../../client/editor/history/blocks.ts';
import { compare, countChanges } from '../../../client/editor/history/compare.ts';

const lines = (...texts: string[]): Block[] => texts.map((text) => ({ style: 'line', text }));

/** `[-removed-]` and `{+added+}`, one block a line. */
function shown(before: readonly Block[], after: readonly Block[]): string[] {
  return compare(before, after).map(({ pieces }) =>
    pieces
      .map(({ change, text }) =>
        change === 'added' ? `{+${text}+}` : change === 'removed' ? `[-${text}-]` : text,
      )
      .join(''),
  );
}

const node = (name: string, ...children: (Y.XmlElement | Y.XmlText)[]): Y.XmlElement => {
  const element = new Y.XmlElement(name);
  element.insert(0, children);
  return element;
};

const text = (words: string): Y.XmlText => new Y.XmlText(words);

describe('compared with now', () => {
  it('is the same where nothing changed', () => {
    const version = lines('one', 'two');
    expect(shown(version, version)).toEqual(['one', 'two']);
    expect(countChanges(compare(version, version))).toEqual({ added: 0, removed: 0 });
  });

  it('marks lines that came and went, and words within a line', () => {
    const before = lines('first', 'the quick fox', 'gone');
    const after = lines('new', 'first', 'the very quick fox');
    const result = compare(before, after);
    expect(shown(before, after)).toEqual([
      '{+new+}',
      'first',
      'the {+very +}quick fox',
      '[-gone-]',
    ]);
    expect(countChanges(result)).toEqual({ added: 2, removed: 1 });
  });

  it('shows what has little in common one after the other', () => {
    expect(shown(lines('abc def'), lines('something else entirely'))).toEqual([
      '[-abc def-]',
      '{+something else entirely+}',
    ]);
  });

  it('gives back either side from what it shows, whatever they are', () => {
    const before = lines('a', 'b c d', '', 'e', 'same', 'x y z');
    const after = lines('same', 'b c D', 'e', '', 'x y', 'w');
    const side = (skip: string): string[] =>
      compare(before, after)
        .map(({ pieces }) => pieces.filter(({ change }) => change !== skip))
        .filter((pieces) => pieces.length > 0)
        .map((pieces) => pieces.map((piece) => piece.text).join(''));
    expect(side('added')).toEqual(before.map((block) => block.text));
    expect(side('removed')).toEqual(after.map((block) => block.text));
  });

  it('sees paragraphs, headings, tasks and cells of rich text', () => {
    const doc = new Y.Doc();
    const root = doc.getXmlFragment('default');
    const heading = node('heading', text('Plan'));
    heading.setAttribute('level', '2');
    const done = node('taskItem', node('paragraph', text('shipped')));
    done.setAttribute('checked', 'true');
    root.insert(0, [
      heading,
      node('paragraph', text('Hello '), text('you')),
      node('bulletList', node('listItem', node('paragraph', text('one')))),
      node('taskList', done),
      node('table', node('tableRow', node('tableCell', node('paragraph', text('cell'))))),
    ]);
    expect(blocksOf(doc, 'rich')).toEqual([
      { style: 'heading-2', text: 'Plan' },
      { style: 'text', text: 'Hello you' },
      { style: 'item', text: 'one' },
      { style: 'done', text: 'shipped' },
      { style: 'cell', text: 'cell' },
    ]);
  });
});
