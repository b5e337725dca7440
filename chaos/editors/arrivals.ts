/** What others added, as it comes: for the time from an ack to sight everywhere. */
import type * as Y from 'yjs';
import { elementsIn, SET_ROOT, TEXT_ROOT } from '../history/shapes.ts';

export function watchArrivals(doc: Y.Doc, onArrival: (ids: readonly string[]) => void): void {
  doc.getArray<string>(SET_ROOT).observe((event) => {
    if (event.transaction.local) return;
    const ids = [...event.changes.added].flatMap(({ content }) => content.getContent().map(String));
    if (ids.length > 0) onArrival(ids);
  });
  doc.getText(TEXT_ROOT).observe((event) => {
    if (event.transaction.local) return;
    // Tokens are inserted whole, so that none lies across two pieces of the difference.
    const ids = event.delta.flatMap(({ insert }) =>
      typeof insert === 'string' ? elementsIn(insert) : [],
    );
    if (ids.length > 0) onArrival(ids);
  });
}

/** Elements that the document shows, of the array and of the text. */
export function elementsOf(doc: Y.Doc): Set<string> {
  return new Set([
    ...doc.getArray<string>(SET_ROOT).toArray(),
    ...elementsIn(doc.getText(TEXT_ROOT).toJSON()),
  ]);
}
