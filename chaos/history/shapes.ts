/**
 * The workload's three shapes in one document, and how they are read back: an array of ids, a map of counters, a text of
 * tokens. An element id is `<writer>:<n>`, unique in a run.
 */
import type * as Y from 'yjs';
import type { Content } from './events.ts';

export const SET_ROOT = 'set';
export const REG_ROOT = 'reg';
export const TEXT_ROOT = 'text';

const TOKEN = /⟦([^⟦⟧]+)⟧/g;

/** How an element stands in the text. */
export function tokenOf(element: string): string {
  return `⟦${element}⟧`;
}

/** Text that is no whole token shows as `torn:…`: nobody wrote that, and the checker says so. */
export function elementsIn(text: string): string[] {
  const torn = text.replace(TOKEN, '');
  const elements = Array.from(text.matchAll(TOKEN), (match) => match[1] ?? '');
  return torn === '' ? elements : [...elements, `torn:${torn.slice(0, 40)}`];
}

/** Looks at the roots as their types: only for copies whose canonical bytes are no longer wanted. */
export function contentOf(doc: Y.Doc): Content {
  return {
    set: doc.getArray<unknown>(SET_ROOT).toArray().map(String),
    text: elementsIn(doc.getText(TEXT_ROOT).toJSON()),
    reg: Object.fromEntries(
      Array.from(doc.getMap<unknown>(REG_ROOT).entries(), ([key, value]) => [key, Number(value)]),
    ),
  };
}
