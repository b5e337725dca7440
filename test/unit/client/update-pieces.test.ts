import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { splitUpdate } from '../../../client/update-pieces.ts';
import { check } from '../../../server/rooms/updates/check.ts';
import { scan } from '../../../server/rooms/updates/scan.ts';
import { Version } from '../../../server/rooms/updates/version.ts';
import { seededRandom } from '../../support/random.ts';
import { findTraceOrType, replayTrace } from '../../support/traces.ts';

/** Each piece must pass the server's check with what came before it, and leave nothing pending in Yjs. */
function applyAll(pieces: Iterable<Uint8Array>, start: Uint8Array | null = null): Y.Doc {
  const doc = new Y.Doc();
  const version = new Version();
  const take = (piece: Uint8Array): void => {
    // Deleted structs say by themselves that they are: the deletions at the end may bring nothing new.
    expect(check(piece, version).kind).toMatch(/^(new|redundant)$/);
    const scanned = scan(piece);
    if (scanned.isValid) version.apply(scanned.summary);
    Y.applyUpdate(doc, piece);
    expect(doc.store.pendingStructs).toBeNull();
    expect(doc.store.pendingDs).toBeNull();
  };
  if (start !== null) take(start);
  for (const piece of pieces) take(piece);
  return doc;
}

/** Several people who type, nest, overwrite and delete, and now and then see what the others did. */
function busyDocument(seed: number): Y.Doc {
  const random = seededRandom(seed);
  const docs = Array.from({ length: 4 }, () => new Y.Doc());
  for (let step = 0; step < 400; step++) {
    const doc = docs[random.below(docs.length)] as Y.Doc;
    const text = doc.getText('text');
    const map = doc.getMap('map');
    switch (random.below(5)) {
      case 0:
      case 1:
        text.insert(random.below(text.length + 1), `word ${step} `);
        break;
      case 2:
        if (text.length > 4) text.delete(random.below(text.length - 3), 3);
        break;
      case 3:
        map.set(`key ${random.below(5)}`, step % 2 === 0 ? step : new Y.Map([['at', step]]));
        break;
      case 4: {
        const other = docs[random.below(docs.length)] as Y.Doc;
        Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)));
      }
    }
  }
  const all = new Y.Doc();
  for (const doc of docs) Y.applyUpdate(all, Y.encodeStateAsUpdate(doc));
  return all;
}

describe('splitUpdate', () => {
  it('leaves alone what is small enough', () => {
    const update = Uint8Array.of(1, 2, 3);
    expect([...splitUpdate(update, 3)]).toEqual([update]);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'every piece of a busy document can be integrated after those before it (seed %i)',
    (seed) => {
      const doc = busyDocument(seed);
      const update = Y.encodeStateAsUpdate(doc);
      for (const bytesMax of [40, 500]) {
        const pieces = [...splitUpdate(update, bytesMax)];
        expect(pieces.length).toBeGreaterThan(3);
        expect(Buffer.from(Y.encodeStateAsUpdate(applyAll(pieces)))).toEqual(Buffer.from(update));
      }
    },
  );

  it('a part of a document, from a state vector on, likewise', () => {
    const doc = busyDocument(100);
    const start = Y.encodeStateAsUpdate(doc);
    for (let index = 0; index < 500; index++)
      doc.getText('text').insert(index % 7, `more ${index}`);
    const rest = Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(start));
    const whole = applyAll(splitUpdate(rest, 200), start);
    expect(whole.getText('text').toJSON()).toBe(doc.getText('text').toJSON());
  });

  it('two people who type at the same time (recorded), in pieces of 2 KiB that are no larger', () => {
    const updates = [...replayTrace(findTraceOrType('friendsforever', 7, 3000))].slice(0, 6000);
    const doc = new Y.Doc();
    for (const { update } of updates) Y.applyUpdate(doc, update);
    const update = Y.encodeStateAsUpdate(doc);
    const pieces = [...splitUpdate(update, 2048)];
    expect(pieces.length).toBeGreaterThan(update.byteLength / 2048 - 1);
    expect(Math.max(...pieces.map((piece) => piece.byteLength))).toBeLessThan(2048 + 512);
    expect(Buffer.from(Y.encodeStateAsUpdate(applyAll(pieces)))).toEqual(Buffer.from(update));
  });

  it('what lacks something stays apart from what does not', () => {
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (let index = 0; index < 10; index++) doc.getText('text').insert(0, `line ${index}\n`);
    const holed = Y.mergeUpdates(updates.filter((_, index) => index !== 4));
    const pieces = [...splitUpdate(holed, 20)];
    const other = new Y.Doc();
    for (const piece of pieces) Y.applyUpdate(other, piece);
    Y.applyUpdate(other, updates[4] as Uint8Array);
    expect(other.getText('text').toJSON()).toBe(doc.getText('text').toJSON());
  });
});
