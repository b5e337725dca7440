/**
 * What the facade promises to callers without a connection, over both stores: one suite. What a write means, what
 * reading may not do, what races lead to.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { LevelStore } from '../../persistence/level-store.ts';
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { DocumentStore } from '../../persistence/store.ts';
import { ProtocolError, type ErrorCode } from '../../server/protocol/errors.ts';
import type { Documents, DocumentState } from '../../server/rooms/documents.ts';
import { honestCrowd, isWhole, load, loadQuietly, versionOf } from '../support/docs.ts';
import { forge, item } from '../support/forge.ts';
import { seededRandom } from '../support/random.ts';
import { connect, documentName, openRooms } from '../support/room-house.ts';
import { tempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Twin {
  readonly store: DocumentStore;
  /** Ends this process without a word and opens what the next one finds. */
  readonly restart: () => Promise<DocumentStore>;
}

async function opened<T extends DocumentStore>(store: T): Promise<T> {
  await store.open();
  onTestFinished(async () => {
    await store.close();
  });
  return store;
}

const twins: readonly { readonly name: string; readonly create: () => Promise<Twin> }[] = [
  {
    name: 'LevelStore',
    create: async () => {
      const folder = tempDir();
      const store = await opened(new LevelStore({ folder }));
      return {
        store,
        restart: async () => {
          await store.close();
          return await opened(new LevelStore({ folder }));
        },
      };
    },
  },
  {
    name: 'MemoryStore',
    create: async () => {
      const store = await opened(new MemoryStore({ latencyMs: 2 }));
      return { store, restart: () => opened(store.crash(() => 0)) };
    },
  },
];

const notes = documentName('notes');
const NOTHING = Uint8Array.of(0);
const EMPTY = Uint8Array.of(0, 0);

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  return (await errorOf(work))?.code ?? 'resolved';
}

async function errorOf(work: Promise<unknown>): Promise<ProtocolError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

const bytesOf = ({ parts }: DocumentState): Uint8Array => new Uint8Array(Buffer.concat(parts));

async function docOf(documents: Documents, name = notes): Promise<Y.Doc> {
  return load([bytesOf(await documents.state(name, null))]);
}

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON();
}

/** A document, and the updates that it makes. */
function editor(clientId: number, from: Uint8Array = EMPTY): { doc: Y.Doc; updates: Uint8Array[] } {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  Y.applyUpdate(doc, from);
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  return { doc, updates };
}

function typed(clientId: number, text: string): Uint8Array {
  const { doc } = editor(clientId);
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

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

  it('R08 reading what does not exist creates nothing, keeps no room, and says so in one code', async () => {
    const { store } = await create();
    const { documents, registry } = openRooms(store);
    const reader = { isClosed: false, canWrite: false };
    const attempts = [
      () => documents.state(notes, null),
      () => documents.metadata(notes),
      () => documents.version(notes),
      () => documents.write(notes, typed(1, 'x')),
      () => documents.sync(notes, NOTHING, null, { author: reader }),
      () => documents.sync(notes, NOTHING, typed(1, 'x'), { isCreating: false }),
      () => documents.delete(notes),
      () => documents.copy(notes, documentName('copy')),
    ];
    for (const attempt of attempts) expect(await codeOf(attempt())).toBe('document-not-found');
    await waitUntil('no room', () => registry.openCount === 0);
    expect(await store.list({ limit: 10, includeDeleted: true })).toEqual([]);
  });

  it('a room that somebody enters is not taken away by a request that found nothing', async () => {
    const { store } = await create();
    const house = openRooms(store);
    const [code, { session, outlet }] = await Promise.all([
      codeOf(house.documents.state(notes, null)),
      connect(house, notes),
    ]);
    expect(code).toBe('document-not-found');
    session.receive({ type: 'sync-step-2', update: typed(1, 'here') });
    await waitUntil('stored', async () => (await store.load(notes)).tail.length === 1);
    expect(outlet.isClosed).toBe(false);
    expect(textOf(await docOf(house.documents))).toBe('here');
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
      forge([{ client: 2 ** 33, structs: [item({})] }]),
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

  it('of twenty that create at the same time one is new, and only its content is there', async () => {
    const { store, restart } = await create();
    const { documents } = openRooms(store);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        // Some are looked at in a worker, some are nothing, some are tried at once.
        const text = at % 3 === 0 ? 'x'.repeat(100_000) : `text ${at}`;
        return documents.create(notes, at % 5 === 4 ? null : typed(at + 1, text));
      }),
    );
    expect(results.filter(({ isNew }) => isNew)).toHaveLength(1);
    const { tail } = await store.load(notes);
    expect(tail).toHaveLength(1);
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    const next = openRooms(await restart());
    expect((await next.documents.version(notes)).digest).toBe(results[0]?.digest);
    expect((await next.documents.create(notes, typed(77, 'late'))).isNew).toBe(false);
  });

  it('a document without content exists: after a restart, after a compaction, and it can be written to', async () => {
    const { store, restart } = await create();
    const first = openRooms(store);
    expect(await first.documents.create(notes, EMPTY)).toMatchObject({ isNew: true });
    expect(bytesOf(await first.documents.state(notes, null))).toEqual(EMPTY);
    const next = openRooms(await restart(), { compactTailUpdates: 1 });
    expect(bytesOf(await next.documents.state(notes, null))).toEqual(EMPTY);
    await next.documents.write(notes, typed(1, 'abc'));
    expect(textOf(await docOf(next.documents))).toBe('abc');
    await waitUntil('a base', async () => (await next.store.load(notes)).base !== null);
    expect(textOf(await docOf(next.documents))).toBe('abc');
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
      expect(await codeOf(documents.waitFor(notes, bad, 10))).toBe('invalid-state-vector');
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

  it('a deleted document is gone for those in it, for racing writes and for the next process', async () => {
    const { store, restart } = await create();
    const house = openRooms(store);
    const { documents } = house;
    await documents.create(notes, typed(1, 'abc'));
    const { session, outlet } = await connect(house, notes);
    const racing = Array.from({ length: 30 }, (_, at) =>
      codeOf(documents.write(notes, typed(at + 10, at % 3 === 0 ? 'x'.repeat(70_000) : 'x'))),
    );
    const [first, second] = [documents.delete(notes), documents.delete(notes)];
    const late = Array.from({ length: 10 }, (_, at) =>
      codeOf(documents.write(notes, typed(at + 100, 'late'), { isCreating: true })),
    );
    await Promise.all([first, second]);
    session.receive({ type: 'update', update: typed(50, 'from a socket') });
    expect(outlet.closeCode).toBe('document-deleted');
    expect(new Set(await Promise.all(late))).toEqual(new Set(['document-deleted']));
    for (const code of await Promise.all(racing))
      expect(['resolved', 'document-deleted']).toContain(code);
    const gone = [
      () => documents.state(notes, null),
      () => documents.create(notes, null),
      () => documents.write(notes, typed(1, 'abc'), { isCreating: true }),
      () => documents.sync(notes, NOTHING, typed(1, 'abc')),
      () => documents.delete(notes),
      () => house.registry.open(notes),
    ];
    for (const attempt of gone) expect(await codeOf(attempt())).toBe('document-deleted');
    expect(house.registry.openCount).toBe(0);
    const next = openRooms(await restart());
    expect(await codeOf(next.documents.state(notes, null))).toBe('document-deleted');
    expect(await next.documents.list({ limit: 10 })).toEqual([]);
    expect(house.events.filter(({ type }) => type === 'compaction-failed')).toEqual([]);
  });

  it('a document that is being compacted can be deleted', async () => {
    const { store, restart } = await create();
    const house = openRooms(store, { compactTailUpdates: 20 });
    for (const { update } of honestCrowd(4, 60))
      await house.documents.write(notes, update, { isCreating: true });
    await house.documents.delete(notes);
    expect(await codeOf(house.documents.state(notes, null))).toBe('document-deleted');
    await house.registry.close();
    const next = openRooms(await restart());
    expect(await codeOf(next.documents.state(notes, null))).toBe('document-deleted');
    expect(house.events.filter(({ type }) => type === 'compaction-failed')).toEqual([]);
  });

  it('a copy has everything of its original, once, and is a document of its own', async () => {
    const { store, restart } = await create();
    const { documents } = openRooms(store, { compactTailUpdates: 50 });
    const updates = honestCrowd(11, 150).map(({ update }) => update);
    for (const update of updates) await documents.write(notes, update, { isCreating: true });
    const to = documentName('copy');
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(documents.copy(notes, to))));
    expect(codes.toSorted()).toEqual(['document-exists', 'document-exists', 'resolved']);
    const original = await docOf(documents);
    await documents.write(notes, typed(4242, 'only here'));
    expect((await docOf(documents, to)).toJSON()).toEqual(original.toJSON());
    await documents.write(to, typed(4243, 'only there'));
    const next = openRooms(await restart());
    expect(textOf(await docOf(next.documents, to))).toContain('only there');
    expect(textOf(await docOf(next.documents, to))).not.toContain('only here');
  });

  it('metadata tells what is known of a document', async () => {
    const { store } = await create();
    const house = openRooms(store);
    await house.documents.create(notes, typed(1, 'abc'));
    await connect(house, notes);
    const metadata = await house.documents.metadata(notes);
    expect(metadata).toMatchObject({
      ...(await house.documents.version(notes)),
      name: notes,
      connections: 1,
    });
    expect(metadata.bytes).toBe(typed(1, 'abc').length);
    expect(metadata.createdAtMs).toBeGreaterThan(1_600_000_000_000);
    expect(metadata.digest).toMatch(/^[\w-]{43}$/);
  });

  it('R10 waits for a version that is on its way, for a bounded time', async () => {
    const { store } = await create();
    const { documents } = openRooms(store);
    await documents.create(notes, typed(1, 'abc'));
    const wanted = Y.encodeStateVector(
      new Map([
        [1, 3],
        [2, 2],
      ]),
    );
    expect(await codeOf(documents.waitFor(notes, wanted, 20))).toBe('replica-behind');
    const waiting = documents.waitFor(notes, wanted, 10_000);
    await documents.write(notes, typed(2, 'xy'));
    await waiting;
    await documents.waitFor(notes, wanted, 0);
    expect(await codeOf(documents.waitFor(documentName('other'), wanted, 20))).toBe(
      'replica-behind',
    );
  });

  it('a room is open as long as a request needs it, and no longer', async () => {
    const { store } = await create();
    const { documents, registry } = openRooms(store, { roomIdleMs: 1 });
    for (let at = 0; at < 30; at++) {
      await Promise.all([
        documents.write(notes, typed(at + 1, 'x'.repeat(at % 2 === 0 ? 10 : 70_000)), {
          isCreating: true,
        }),
        documents.state(notes, null).catch(() => null),
      ]);
      if (at % 5 === 0) await waitUntil('idle', () => registry.openCount === 0);
    }
    await waitUntil('idle', () => registry.openCount === 0);
    expect(versionOf(await docOf(documents)).stateVector.size).toBe(30);
  });
});
