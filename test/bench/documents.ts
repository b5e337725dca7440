/** Documents of a given size, made of what people type and of many small map entries. */
import * as Y from 'yjs';
import { seededRandom } from '../support/random.ts';
import { paper } from './sessions.ts';

const SEED = 7;
const made = new Map<string, Uint8Array>();

/** One update of `entries` map entries (33 bytes each) beside a text of a few thousand typed letters. */
export function entriesDocument(entries: number): Uint8Array {
  return once(`entries-${entries}`, () => {
    const random = seededRandom(SEED);
    const doc = new Y.Doc();
    doc.clientID = 1;
    doc.transact(() => {
      const map = doc.getMap('entries');
      for (let index = 0; index < entries; index++) {
        const value = random
          .below(2 ** 32)
          .toString(36)
          .padStart(7, '0');
        map.set(`entry-${String(index).padStart(7, '0')}`, value);
      }
    });
    typeInto(doc, 5_000);
    return Y.encodeStateAsUpdate(doc);
  });
}

/** Edits after which `typedDocument` looks at the size again. */
const TYPED_STEP = 20_000;

/** One update of a little over `bytes`: the beginning of the recorded paper, typed by author after author. */
export function typedDocument(bytes: number): Uint8Array {
  return once(`typed-${bytes}`, () => {
    const doc = new Y.Doc();
    for (let author = 1; ; author++) {
      doc.clientID = author;
      typeInto(doc, TYPED_STEP);
      const update = Y.encodeStateAsUpdate(doc);
      if (update.length >= bytes) return update;
    }
  });
}

/** Each edit in a transaction of its own, at the place where its author made it. */
function typeInto(doc: Y.Doc, edits: number): void {
  const text = doc.getText('text');
  // What earlier authors typed stays behind it.
  for (const { patches } of paper().txns.slice(0, edits)) {
    doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted);
        if (inserted !== '') text.insert(position, inserted);
      }
    });
  }
}

function once(key: string, make: () => Uint8Array): Uint8Array {
  const update = made.get(key) ?? make();
  made.set(key, update);
  return update;
}
