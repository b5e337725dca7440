/**
 * A state in a form in which equal documents are equal bytes, whatever their copies have been through: order of arrival,
 * collected or kept deletions, how items were merged, order of keys. Each layer is hashed apart, so that a
 * difference has a name. Costs a whole document load: for checks, not for hot paths.
 */
import { createHash } from 'node:crypto';
import * as Y from 'yjs';
import type { Content, DeleteRanges, Layers, StateVector } from './events.ts';
import { contentOf, REG_ROOT, SET_ROOT, TEXT_ROOT } from './shapes.ts';

/** 64 bits: differences between a handful of copies, not attacks. */
const HASH_CHARS = 16;

export interface CanonicalState {
  readonly layers: Layers;
  readonly version: { readonly sv: StateVector; readonly ds: DeleteRanges };
  readonly content: Content;
  readonly hasPending: boolean;
}

/** `updates`: one state, or a base and a tail in order. @throws what Yjs throws over broken bytes. */
export function canonicalState(...updates: readonly Uint8Array[]): CanonicalState {
  const doc = new Y.Doc({ gc: true });
  try {
    for (const update of updates) Y.applyUpdate(doc, update);
    const { pendingStructs, pendingDs } = doc.store;
    // Before any root gets its type: a typed text tidies formatting marks away, and that is a change.
    const canon = Y.encodeStateAsUpdate(doc);
    const sv = stateVectorOf(doc);
    const ds = deleteRangesOf(doc);
    const content = contentOf(doc);
    return {
      layers: {
        canon: hash(canon),
        sv: hash(stableJson(sv)),
        ds: hash(stableJson(ds)),
        text: hash(stableJson(doc.getText(TEXT_ROOT).toDelta())),
        json: hash(
          stableJson([doc.getArray(SET_ROOT).toJSON(), doc.getMap(REG_ROOT).toJSON()] as unknown),
        ),
      },
      version: { sv, ds },
      content,
      hasPending: pendingStructs !== null || pendingDs !== null,
    };
  } finally {
    doc.destroy();
  }
}

/** What a writer had before an operation: `deps`. Deletions too, if `hasDeletes`: they cost a walk over the whole document. */
export function versionOf(
  doc: Y.Doc,
  hasDeletes: boolean,
): { readonly sv: StateVector; readonly ds?: DeleteRanges } {
  const sv = stateVectorOf(doc);
  return hasDeletes ? { sv, ds: deleteRangesOf(doc) } : { sv };
}

function stateVectorOf(doc: Y.Doc): StateVector {
  const entries = [...Y.decodeStateVector(Y.encodeStateVector(doc))];
  return Object.fromEntries(entries.toSorted(([a], [b]) => a - b));
}

function deleteRangesOf(doc: Y.Doc): DeleteRanges {
  // Sorted, and neighbours merged, by construction.
  const { clients } = Y.createDeleteSetFromStructStore(doc.store);
  const entries = [...clients].toSorted(([a], [b]) => a - b);
  return Object.fromEntries(
    entries.map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, len])]),
  );
}

function hash(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex').slice(0, HASH_CHARS);
}

/** Keys in one order: without that, 94 of 150 converged runs looked diverged. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
