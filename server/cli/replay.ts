/**
 * Yjs as the judge of stored updates: what do they add up to, and do they add up at all? Only for offline tools;
 * a node never replays a document on its event loop.
 */
import * as Y from 'yjs';
import type { Choice, Salvaged } from '../../persistence/index.ts';

export type Replay =
  | { readonly isSound: true; readonly state: Uint8Array }
  | { readonly isSound: false; readonly problem: string };

function isPending(doc: Y.Doc): boolean {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
}

/** The canonical state: what a fresh, collecting document of these updates encodes to. */
export function replay(updates: readonly Uint8Array[]): Replay {
  const doc = new Y.Doc({ gc: true });
  try {
    doc.transact(() => {
      for (const update of updates) Y.applyUpdate(doc, update);
    });
    if (isPending(doc)) {
      return { isSound: false, problem: 'updates are missing that others depend on' };
    }
    // Once more through a fresh document, so that equal documents give equal bytes.
    const canonical = new Y.Doc({ gc: true });
    Y.applyUpdate(canonical, Y.encodeStateAsUpdate(doc));
    return { isSound: true, state: Y.encodeStateAsUpdate(canonical) };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return { isSound: false, problem: `Yjs cannot apply an update (${what})` };
  }
}

/** Of a damaged document: what can be applied in order; the rest is set aside, each with its reason. */
export function chooseUpdates(updates: readonly Salvaged[]): Choice {
  if (replay(updates.map((update) => update.bytes)).isSound) return { kept: updates, setAside: [] };
  const kept: Salvaged[] = [];
  const setAside: { update: Salvaged; reason: string }[] = [];
  let doc = new Y.Doc();
  for (const update of updates) {
    let reason: string | null = null;
    try {
      Y.applyUpdate(doc, update.bytes);
      if (isPending(doc)) reason = 'it depends on something that is missing';
    } catch (error) {
      reason = `Yjs cannot apply it (${error instanceof Error ? error.message : String(error)})`;
    }
    if (reason === null) kept.push(update);
    else {
      setAside.push({ update, reason });
      doc = new Y.Doc(); // what was tried cannot be undone
      for (const { bytes } of kept) Y.applyUpdate(doc, bytes);
    }
  }
  return { kept, setAside };
}
