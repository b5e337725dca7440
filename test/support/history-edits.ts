/** Edits of a history, for tests of the checker: nothing is changed in place. */
import type { Content, HistoryEvent } from '../../chaos/history/events.ts';
import { HistoryIndex, type Operation, type Read } from '../../chaos/checker/history-index.ts';

/** The same history with one event in place of another, or without it (null). */
export function swapped(
  history: readonly HistoryEvent[],
  isIt: (event: HistoryEvent) => boolean,
  swap: (event: HistoryEvent) => HistoryEvent | null,
): HistoryEvent[] | null {
  const at = history.findIndex(isIt);
  const event = history[at];
  if (event === undefined) return null;
  const instead = swap(event);
  return [
    ...history.slice(0, at),
    ...(instead === null ? [] : [instead]),
    ...history.slice(at + 1),
  ];
}

export const shows = (content: Content, id: string): boolean =>
  content.set.includes(id) || content.text.includes(id);

export const without = (content: Content, id: string): Content => ({
  ...content,
  set: content.set.filter((each) => each !== id),
  text: content.text.filter((each) => each !== id),
});

export const withAlso = (content: Content, id: string): Content => ({
  ...content,
  set: [...content.set, id],
});

/** In the first read that `finds` something to hide or to show. */
export function misread(
  history: readonly HistoryEvent[],
  finds: (read: Read & { readonly content: Content }, index: HistoryIndex) => Content | null,
): HistoryEvent[] | null {
  const index = new HistoryIndex(history);
  for (const read of index.reads) {
    if (read.content === undefined) continue;
    const content = finds({ ...read, content: read.content }, index);
    if (content !== null)
      return swapped(
        history,
        (each) => each === read,
        () => ({ ...read, content }),
      );
  }
  return null;
}

/** Acked, and deleted by nobody. */
export const kept = (
  index: HistoryIndex,
  doc: string,
  isWanted: (operation: Operation) => boolean,
): string | undefined =>
  index.operationsOf
    .get(doc)
    ?.filter((operation) => operation.acks.length > 0 && isWanted(operation))
    .flatMap(({ adds }) => adds)
    .find((id) => index.elements.get(id)?.dels.length === 0);

export const hide = (
  index: HistoryIndex,
  read: Read,
  isWanted: (operation: Operation) => boolean,
): Content | null => {
  const id = kept(index, read.doc, isWanted);
  return id === undefined || read.content === undefined || !shows(read.content, id)
    ? null
    : without(read.content, id);
};
