/** A flush without what its reader wrote: everything of the others, nothing of one's own, whatever their number. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import type { Author } from '../../../server/rooms/author.ts';
import { Echoes } from '../../../server/rooms/echoes.ts';
import { Others } from '../../../server/rooms/others.ts';
import type { Frame, Wire } from '../../../server/rooms/outlet.ts';

/** A wire that keeps frames apart: length and bytes. */
const wire = {
  update: (update: Uint8Array): Frame => [
    Buffer.from([update.byteLength >> 8, update.byteLength]),
    update,
  ],
} as unknown as Wire;

function updatesOf(frame: Frame): Uint8Array[] {
  const bytes = Buffer.concat(frame);
  const updates: Uint8Array[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const end = at + 2 + bytes.readUInt16BE(at);
    updates.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return updates;
}

describe('Others', () => {
  it.each([1, 2, 3, 5, 8, 13])('%i authors get all but their own', (count) => {
    const authors = Array.from({ length: count }, (): Author => ({
      isClosed: false,
      canWrite: true,
    }));
    const pending = Array.from({ length: count * 3 }, (_, seq) => {
      const doc = new Y.Doc();
      doc.clientID = (seq % count) + 1;
      // The three updates of an author are one history.
      const map = doc.getMap('m');
      const round = Math.floor(seq / count);
      for (let key = 0; key < round; key += 1) map.set(`${doc.clientID}-${key}`, true);
      const before = Y.encodeStateVector(doc);
      map.set(`${doc.clientID}-${round}`, true);
      const source = authors[seq % count];
      if (source === undefined) throw new Error('no author');
      return { seq, bytes: Y.encodeStateAsUpdate(doc, before), source };
    });
    const others = new Others(pending);
    for (const [index, author] of authors.entries()) {
      const frame = others.frameFor(author, wire);
      const doc = new Y.Doc();
      for (const update of frame === null ? [] : updatesOf(frame)) Y.applyUpdate(doc, update);
      const keys = [...doc.getMap('m').keys()].toSorted();
      const expected = authors.flatMap((_, other) =>
        other === index ? [] : [0, 1, 2].map((key) => `${other + 1}-${key}`),
      );
      expect(keys).toEqual(expected.toSorted());
      expect(doc.store.pendingStructs).toBeNull();
      expect(others.has(author)).toBe(true);
    }
    expect(others.has({ isClosed: false, canWrite: true })).toBe(false);
  });
});

describe('Echoes', () => {
  it('[I1] are taken when both marks have come, in order, in portions', () => {
    const echoes = new Echoes();
    echoes.add(new Uint8Array(100), 1, -1);
    echoes.add(new Uint8Array(100), 2, 2);
    echoes.add(new Uint8Array(100), 3, -1);
    expect(echoes.take(0, Infinity, 1_000)).toEqual([]);
    expect(echoes.take(3, 1, 1_000)).toHaveLength(1);
    expect(echoes.bytes).toBe(200);
    expect(echoes.take(3, 2, 150)).toHaveLength(1);
    expect(echoes.isWaiting).toBe(true);
    expect(echoes.take(3, 2, 150)).toHaveLength(1);
    expect([echoes.isWaiting, echoes.bytes]).toEqual([false, 0]);
  });

  it('one that is larger than a portion is taken alone', () => {
    const echoes = new Echoes();
    for (const bytes of [10, 5_000, 10]) echoes.add(new Uint8Array(bytes), 1, -1);
    expect(
      [1, 2, 3].map(() => echoes.take(1, 0, 1_000).map((update) => update.byteLength)),
    ).toEqual([[10], [5_000], [10]]);
  });
});
