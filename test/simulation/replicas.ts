/**
 * What lies on the nodes' disks, looked at from outside: nothing is opened and nobody is asked, so looking changes
 * nothing. A document's fingerprint is its state vector and delete set; its canonical state has a hash for each layer.
 */
import * as Y from 'yjs';
import { canonicalState, type CanonicalState } from '../../chaos/history/canonical.ts';
import { prefixRange, updateKeyPrefix } from '../../persistence/keys.ts';
import type { Editor } from './editor.ts';
import type { SimNode } from './sim-node.ts';

interface Look {
  readonly writes: number;
  readonly updates: readonly Uint8Array[];
  readonly fingerprint: string;
  state: CanonicalState | null;
}

export class Replicas {
  readonly #looks = new Map<string, Look>();

  /** Updates of a document in the order of their numbers, base chunks among them. */
  updates(node: SimNode, document: string): readonly Uint8Array[] {
    return this.#look(node, document).updates;
  }

  fingerprint(node: SimNode, document: string): string {
    return this.#look(node, document).fingerprint;
  }

  /** What of whom is there. */
  clocks(node: SimNode, document: string): ReadonlyMap<number, number> {
    return clocksOf(this.updates(node, document));
  }

  canonical(node: SimNode, document: string): CanonicalState {
    const look = this.#look(node, document);
    return (look.state ??= canonicalState(...look.updates));
  }

  #look(node: SimNode, document: string): Look {
    const key = `${node.name} ${document}`;
    const known = this.#looks.get(key);
    const { version } = node.disk;
    if (known?.writes === version) return known;
    const updates = node.disk.rowsIn(prefixRange(updateKeyPrefix(document)));
    const isSame =
      known?.updates.length === updates.length &&
      known.updates.every((update, index) => update === updates[index]);
    const look: Look = {
      writes: version,
      updates,
      fingerprint: isSame && known !== undefined ? known.fingerprint : fingerprintOf(updates),
      state: isSame && known !== undefined ? known.state : null,
    };
    this.#looks.set(key, look);
    return look;
  }
}

export function clocksOf(updates: readonly Uint8Array[]): ReadonlyMap<number, number> {
  const doc = new Y.Doc({ guid: '' });
  for (const update of updates) Y.applyUpdate(doc, update);
  return Y.decodeStateVector(Y.encodeStateVector(doc));
}

function fingerprintOf(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc({ guid: '' });
  for (const update of updates) Y.applyUpdate(doc, update);
  return fingerprint(doc);
}

/** Equal for documents with the same updates, whatever they have been through. */
export function fingerprint(doc: Y.Doc): string {
  const { sv, ds } = Y.snapshot(doc);
  const clocks = [...sv].toSorted(([a], [b]) => a - b);
  const deletes = [...ds.clients]
    .toSorted(([a], [b]) => a - b)
    .map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, len])]);
  const { pendingStructs, pendingDs } = doc.store;
  return JSON.stringify([clocks, deletes, pendingStructs !== null || pendingDs !== null]);
}

/** Of a copy that changes: counted, so that looking costs nothing while nothing happens. */
export class EditorLook {
  readonly #known = new Map<Editor, { readonly changes: number; readonly fingerprint: string }>();

  fingerprint(editor: Editor): string {
    const known = this.#known.get(editor);
    if (known?.changes === editor.changes) return known.fingerprint;
    const look = { changes: editor.changes, fingerprint: fingerprint(editor.doc) };
    this.#known.set(editor, look);
    return look.fingerprint;
  }
}
