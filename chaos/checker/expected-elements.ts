/**
 * Which elements a reader must see, and must not see, given which acks count for it. A deletion that nobody acked may or
 * may not have happened: then either is right. An undo may bring an element back: only what was done to it later counts.
 */
import type { Content } from '../history/events.ts';
import { groupedBy } from './grouped.ts';
import type { Ack, Element, HistoryIndex, Operation } from './history-index.ts';

export interface Missing {
  readonly element: string;
  readonly operation: Operation;
  readonly ack: Ack;
}

/** Does this ack oblige this reader? */
export type Counts = (ack: Ack, operation: Operation) => boolean;

/** Of these operations of a document: acked additions that `content` lacks, though nobody can have deleted them by `untilMono`. */
export function* missingFrom(
  index: HistoryIndex,
  operations: readonly Operation[],
  content: Content,
  untilMono: number,
  counts: Counts,
): Generator<Missing> {
  const shown = shownIn(content);
  for (const operation of operations) {
    if (operation.adds.length === 0) continue;
    const ack = operation.acks.find((each) => counts(each, operation));
    if (ack === undefined) continue;
    for (const id of operation.adds) {
      if (shown.has(id)) continue;
      const element = index.elements.get(id);
      if (element !== undefined && !mayBeDeleted(element, operation, untilMono)) {
        yield { element: id, operation, ack };
      }
    }
  }
}

/** Of these: acked deletions that `content` still shows, though nobody can have brought the element back. */
export function* lingeringIn(
  index: HistoryIndex,
  operations: readonly Operation[],
  content: Content,
  untilMono: number,
  counts: Counts,
): Generator<Missing> {
  const shown = shownIn(content);
  for (const operation of operations) {
    if (operation.dels.length === 0) continue;
    const ack = operation.acks.find((each) => counts(each, operation));
    if (ack === undefined) continue;
    for (const id of operation.dels) {
      const isBack = index.elements
        .get(id)
        ?.adds.some(
          (add) => add.order > operation.order && add.invokedMono <= untilMono && !add.isRefused,
        );
      if (shown.has(id) && isBack !== true) yield { element: id, operation, ack };
    }
  }
}

/** Of these: acked values that `content` has lost: it shows none, or one that the same writer set earlier. */
export function* staleIn(
  operations: readonly Operation[],
  content: Content,
  counts: Counts,
): Generator<Missing> {
  const writes = operations.filter(({ set }) => set !== undefined);
  for (const [key, own] of groupedBy(writes, ({ set }) => set?.key ?? '')) {
    // By one writer only: what two of them set at the same time has no order that we could know.
    if (new Set(own.map(({ client }) => client)).size > 1) continue;
    const last = own.findLastIndex((each) => each.acks.some((ack) => counts(ack, each)));
    const operation = own[last];
    if (operation === undefined) continue;
    const ack = operation.acks.find((each) => counts(each, operation));
    const allowed = own.slice(last).map(({ set }) => set?.value);
    const value = content.reg[key];
    if (ack !== undefined && (value === undefined || !allowed.includes(value))) {
      yield { element: `${key}=${operation.set?.value}`, operation, ack };
    }
  }
}

export function shownIn(content: Content): ReadonlySet<string> {
  return new Set([...content.set, ...content.text]);
}

export function mayBeDeleted(element: Element, since: Operation, untilMono: number): boolean {
  return element.dels.some(
    (del) => !del.isRefused && del.order > since.order && del.invokedMono <= untilMono,
  );
}
