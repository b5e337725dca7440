/**
 * A whole state as a `Y.Doc`, for readers in a worker: exactly what the bytes say. Roots stay untyped, because
 * updates do not record what their authors used them as; readers walk over items.
 */
import { gunzipSync } from 'node:zlib';
import * as Y from 'yjs';

/** One valid V1 update that holds a whole document. */
export interface PackedState {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Snapshots are stored like that; the thread that needs them unpacks them. */
  readonly isGzipped: boolean;
}

/** An untyped root, or any shared type: a list of items and a map of items. */
export type SharedType = Y.ContentType['type'];

/** The parts of a state in memory of their own, to be handed over to a thread. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}

/** @throws Error if the state is not whole */
export function loadDocument({ bytes, isGzipped }: PackedState): Y.Doc {
  // What is deleted is not looked at, so it need not be collected either.
  const doc = new Y.Doc({ gc: false });
  // In one transaction, as in compaction.ts: else YText cleans up superfluous formatting, edits of nobody. [I3]
  doc.transact(() => {
    Y.applyUpdate(doc, isGzipped ? gunzipSync(bytes) : bytes);
  });
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) {
    throw new Error('the state is not whole');
  }
  return doc;
}

/** A root as it is, without naming a type. A root that does not exist is empty. */
export function rootOf(doc: Y.Doc, name: string): SharedType {
  return doc.share.get(name) ?? new Y.AbstractType();
}

/** The items of its list that show, in order. */
export function* listItems(type: SharedType): Generator<Y.Item> {
  for (let item = type._start; item !== null; item = item.right) {
    if (!item.deleted) yield item;
  }
}

/** Key to the item with its value, sorted by key: the map's own order differs between replicas. */
export function mapItems(type: SharedType): readonly (readonly [string, Y.Item])[] {
  return [...type._map]
    .filter(([, item]) => !item.deleted)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}
