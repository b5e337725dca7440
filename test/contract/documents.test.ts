/**
 * What the facade promises to callers without a connection, over both stores: one suite. What a write means, what a
 * state is, what a round trip brings.
 */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { type Documents } from '../../server/rooms/documents.ts';
import { honestCrowd, isWhole, loadQuietly, versionOf } from '../support/docs.ts';
import {
  bytesOf,
  codeOf,
  docOf,
  editor,
  EMPTY,
  errorOf,
  notes,
  NOTHING,
  textOf,
  twins,
  typed,
} from '../support/document-twins.ts';
import { forge, item } from '../support/forge.ts';
import { seededRandom } from '../support/random.ts';
import { documentName, openRooms } from '../support/room-house.ts';

describe.each(twins)('Documents over $name', ({ create }) => {
  it('[I1] what a write has resolved is found by the next process; so is what it did not need to store', async () => {
    const { store, restart } = await create();
    const { documents } = openRooms(store);
    const first = documents.write(notes, typed(1, 'abc'), { isCreating: true });
    const again = documents.write(notes, typed(1, 'abc'), { isCreating: true });
    const { isRedundant, digest, stateVector } = await again;
    expect(isRedundant).toBe(true);
    // A repetition is not answered before what it repeats is on disk.
    expect((await store.load(notes)).tail).toHaveLength(1);
    expect(await first).toEqual({ isRedundant: false, digest, stateVector });
    const next = openRooms(await restart());
    expect(textOf(await docOf(next.documents))).toBe('abc');
    expect((await next.documents.version(notes)).digest).toBe(digest);
  });

  it('R06 U12 U21 U33 a gap says what is missing, nothing of it is stored', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    const { doc, updates } = editor(7);
    for (const letter of 'abc') doc.getText('text').insert(0, letter);
    await documents.write(notes, updates[0] as Uint8Array, { isCreating: true });
    const gaps = [
      updates[2] as Uint8Array,
      forge([], [[7, [50, 9]]]),
      forge([{ client: 9, structs: [item({ origin: [99, 5] })] }]),
    ];
    for (const gap of gaps) {
      const error = await errorOf(documents.write(notes, gap));
      expect(error?.code).toBe('update-gap');
      const missing = Buffer.from(String(error?.details['missing']), 'base64url');
      expect(Y.decodeStateVector(missing)).toEqual(new Map([[7, 1]]));
      // What is made from that vector closes the gap.
      expect(Y.diffUpdate(Y.encodeStateAsUpdate(doc), missing).length).toBeGreaterThan(2);
    }
    expect((await store.load(notes)).tail).toHaveLength(1);
  });

  it.each([
    ['U01 empty', new Uint8Array(), 'invalid-update'],
    ['U05 trailing bytes', Uint8Array.of(0, 0, 1), 'invalid-update'],
    [
      'U11 a client id out of range',
      forge([{ client: 2 ** 53, structs: [item({})] }]),
      'update-refused',
    ],
    ['a large one', new Uint8Array(100_000), 'invalid-update'],
  ])('R06 %s is refused as on sockets, and an operator sees it', async (_what, update, code) => {
    const { store } = await create();
    const { documents, events } = openRooms(store);
    await documents.create(notes, null);
    expect(await codeOf(documents.write(notes, update))).toBe(code);
    expect(await codeOf(documents.sync(notes, NOTHING, update))).toBe(code);
    expect(events.map(({ type }) => type)).toEqual(['update-refused', 'update-refused']);
    expect((await store.load(notes)).tail).toHaveLength(1);
  });

  it('R06 U45 a document at its limit takes deletions only', async () => {
    const { store } = await create();
    const { documents } = openRooms(store, { documentBytesMax: 3000 });
    const { doc, updates } = editor(1);
    doc.getText('text').insert(0, 'x'.repeat(2900));
    doc.getText('text').insert(0, 'y'.repeat(2000));
    doc.getText('text').delete(2000, 100);
    const [first, second, deletion] = updates as [Uint8Array, Uint8Array, Uint8Array];
    await documents.create(notes, first);
    expect(await codeOf(documents.write(notes, second))).toBe('document-too-large');
    expect(await codeOf(documents.write(notes, deletion))).toBe('resolved');
  });

  it('[I7] who may not write changes nothing; what is known already is no write', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    await documents.create(notes, typed(1, 'abc'));
    const author = { isClosed: false, canWrite: false };
    for (const update of [typed(2, 'x'), typed(2, 'y'.repeat(100_000)), forge([], [[3, [0, 1]]])]) {
      expect(await codeOf(documents.write(notes, update, { author }))).toBe('read-only');
      expect(await codeOf(documents.sync(notes, NOTHING, update, { author }))).toBe('read-only');
    }
    expect((await documents.write(notes, typed(1, 'abc'), { author })).isRedundant).toBe(true);
    const { state } = await documents.sync(notes, NOTHING, typed(1, 'abc'), { author });
    // It has sent all there is.
    expect(bytesOf(state)).toEqual(EMPTY);
    expect((await store.load(notes)).tail).toHaveLength(1);
  });

  it('the state of a document is what its crowd wrote, from any state vector, base and tail (6 crowds)', async () => {
    const { store, restart } = await create();
    const random = seededRandom(5);
    const house = openRooms(store, { compactTailUpdates: 40 });
    const crowds = Array.from({ length: 6 }, (_, seed) => honestCrowd(900 + seed, 120, 3));
    for (const [at, crowd] of crowds.entries()) {
      const name = documentName(`crowd ${at}`);
      for (const { update } of crowd) {
        await house.documents.write(name, update, { isCreating: true });
        if (random.oneIn(20)) await expectStates(house.documents, name, crowd, 2);
      }
      await expectStates(house.documents, name, crowd, 5);
    }
    const next = openRooms(await restart());
    for (const [at, crowd] of crowds.entries()) {
      await expectStates(next.documents, documentName(`crowd ${at}`), crowd, 5);
    }

    async function expectStates(
      documents: Documents,
      name: ReturnType<typeof documentName>,
      crowd: ReturnType<typeof honestCrowd>,
      rounds: number,
    ): Promise<void> {
      const whole = await documents.state(name, null);
      const reference = loadQuietly([bytesOf(whole)]);
      expect(isWhole(reference)).toBe(true);
      expect(whole.stateVector).toEqual(
        Y.encodeStateVector(versionOf(reference).stateVector as Map<number, number>),
      );
      for (let round = 0; round < rounds; round++) {
        const known = crowd.slice(0, random.below(crowd.length + 1)).map(({ update }) => update);
        const client = loadQuietly(known);
        const lacking = await documents.state(name, Y.encodeStateVector(client));
        expect(lacking.digest).toBe(whole.digest);
        const both = loadQuietly([Y.encodeStateAsUpdate(client), bytesOf(lacking)]);
        const wanted = loadQuietly([...known, bytesOf(whole)]);
        expect(isWhole(both)).toBe(true);
        expect(both.toJSON()).toEqual(wanted.toJSON());
      }
    }
  }, 60_000);

  it('R07 bytes that are no state vector', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    await documents.create(notes, null);
    for (const bad of [
      new Uint8Array(),
      Uint8Array.of(1),
      Uint8Array.of(0, 0),
      new Uint8Array(70_000),
    ]) {
      expect(await codeOf(documents.state(notes, bad))).toBe('invalid-state-vector');
      expect(await codeOf(documents.sync(notes, bad, null))).toBe('invalid-state-vector');
      expect(await codeOf(documents.waitFor(notes, { stateVector: bad }, 10))).toBe(
        'invalid-state-vector',
      );
    }
  });

  it('sync: a document made offline arrives, what others made comes back, nobody gets his own', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    const anna = editor(1);
    for (let at = 0; at < 50; at++) anna.doc.getText('text').insert(0, 'a');
    const first = await documents.sync(
      notes,
      Y.encodeStateVector(anna.doc),
      Y.encodeStateAsUpdate(anna.doc),
    );
    expect(first.written?.isRedundant).toBe(false);
    expect(bytesOf(first.state)).toEqual(EMPTY);

    // Bert says what he had before he went offline, not what he made since.
    const bert = editor(2, Y.encodeStateAsUpdate(anna.doc));
    const before = Y.encodeStateVector(bert.doc);
    bert.doc.getText('text').insert(0, 'b'.repeat(100_000));
    bert.doc.getText('text').delete(100_010, 5);
    anna.doc.getText('text').insert(0, 'A');
    await documents.write(notes, anna.updates.at(-1) as Uint8Array);
    const sent = Y.encodeStateAsUpdate(bert.doc, before);
    const second = await documents.sync(notes, before, sent);
    const { from, to } = Y.parseUpdateMeta(bytesOf(second.state));
    expect([...from]).toEqual([[1, 50]]);
    expect([...to]).toEqual([[1, 51]]);
    Y.applyUpdate(bert.doc, bytesOf(second.state));
    expect(textOf(await docOf(documents))).toBe(textOf(bert.doc));

    // Safe to repeat.
    const third = await documents.sync(notes, before, sent);
    expect(third.written?.isRedundant).toBe(true);
    expect(third.state.digest).toBe(second.state.digest);
  });

  it('sync of an absent document with nothing in it makes nothing, and is no error to who may write', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    for (const update of [null, EMPTY]) {
      const { written, state } = await documents.sync(notes, NOTHING, update);
      expect(written).toBe(null);
      expect(bytesOf(state)).toEqual(EMPTY);
    }
    expect(await store.list({ limit: 1 })).toEqual([]);
  });

  it('sync takes what can be integrated of an update with a gap, and says what it lacks', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    const { doc, updates } = editor(1);
    for (const letter of 'abc') doc.getText('text').insert(0, letter);
    const other = editor(2);
    other.doc.getText('text').insert(0, 'whole');
    const holed = Y.mergeUpdates([
      updates[0] as Uint8Array,
      updates[2] as Uint8Array,
      other.updates[0] as Uint8Array,
    ]);
    const error = await errorOf(documents.sync(notes, NOTHING, holed));
    expect(error?.code).toBe('update-gap');
    const missing = Buffer.from(String(error?.details['missing']), 'base64url');
    expect(Y.decodeStateVector(missing)).toEqual(
      new Map([
        [1, 1],
        [2, 5],
      ]),
    );
    const rest = Y.diffUpdate(Y.encodeStateAsUpdate(doc), missing);
    await documents.sync(notes, NOTHING, rest);
    expect(textOf(await docOf(documents))).toContain('cba');
  });

  it('R10 waits for a version that is on its way, for a bounded time', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    await documents.create(notes, typed(1, 'abc'));
    const stateVector = Y.encodeStateVector(
      new Map([
        [1, 3],
        [2, 2],
      ]),
    );
    const wanted = { stateVector };
    expect(await codeOf(documents.waitFor(notes, wanted, 20))).toBe('replica-behind');
    const waiting = documents.waitFor(notes, wanted, 10_000);
    await documents.write(notes, typed(2, 'xy'));
    await waiting;
    await documents.waitFor(notes, wanted, 0);
    expect(await codeOf(documents.waitFor(documentName('other'), wanted, 20))).toBe(
      'replica-behind',
    );
  });
});
