/**
 * A document as a list of blocks with their text: what two versions of it are compared by. Rich text has a block for
 * each paragraph, heading, list item or cell, plain text one for each line.
 */
import * as Y from 'yjs';
import { RICH_ROOT, TEXT_ROOT, type Kind } from '../document/kind.ts';

export interface Block {
  /** How it is set: a heading, an item, a line. */
  readonly style: BlockStyle;
  readonly text: string;
}

export type BlockStyle =
  | 'text'
  | 'heading-1'
  | 'heading-2'
  | 'heading-3'
  | 'item'
  | 'number'
  | 'todo'
  | 'done'
  | 'quote'
  | 'code'
  | 'cell'
  | 'line'
  | 'picture';

export function blocksOf(doc: Y.Doc, kind: Kind): readonly Block[] {
  if (kind === 'text') {
    return doc
      .getText(TEXT_ROOT)
      .toJSON()
      .split('\n')
      .map((text) => ({ style: 'line', text }));
  }
  return blocksIn(doc.getXmlFragment(RICH_ROOT), 'text');
}

/** What a node makes of the paragraphs in it. */
const STYLES: Readonly<Record<string, BlockStyle>> = {
  bulletList: 'item',
  orderedList: 'number',
  blockquote: 'quote',
  codeBlock: 'code',
  tableCell: 'cell',
  tableHeader: 'cell',
};

function blocksIn(parent: Y.XmlFragment, style: BlockStyle): Block[] {
  return parent.toArray().flatMap((node): Block[] => {
    if (!(node instanceof Y.XmlElement)) return [];
    const { nodeName } = node;
    if (nodeName === 'image') {
      return [
        {
          style: 'picture',
          text: node.getAttribute('alt') ?? node.getAttribute('src') ?? '',
        },
      ];
    }
    if (nodeName === 'horizontalRule') return [{ style: 'text', text: '―――' }];
    const own = styleOf(node, style);
    const isTextBlock = node.toArray().every((child) => !isBlock(child));
    return isTextBlock ? [{ style: own, text: textOf(node) }] : blocksIn(node, own);
  });
}

function styleOf(node: Y.XmlElement, outer: BlockStyle): BlockStyle {
  // Whatever programs have written there.
  const attributes = node.getAttributes() as Readonly<Record<string, unknown>>;
  if (node.nodeName === 'heading') {
    const level = Number(attributes['level'] ?? 1);
    return level <= 1 ? 'heading-1' : level === 2 ? 'heading-2' : 'heading-3';
  }
  if (node.nodeName === 'taskItem') {
    return [true, 'true'].includes(attributes['checked'] as boolean | string) ? 'done' : 'todo';
  }
  return STYLES[node.nodeName] ?? outer;
}

function isBlock(node: unknown): boolean {
  return node instanceof Y.XmlElement && node.nodeName !== 'hardBreak';
}

function textOf(node: Y.XmlElement): string {
  return node
    .toArray()
    .map((child) => {
      if (child instanceof Y.XmlText) return plain(child);
      return '\n';
    })
    .join('');
}

function plain(text: Y.XmlText): string {
  const parts = text.toDelta() as readonly { readonly insert?: unknown }[];
  return parts.map(({ insert }) => (typeof insert === 'string' ? insert : '')).join('');
}
