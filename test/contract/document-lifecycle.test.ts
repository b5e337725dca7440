/**
 * What the facade promises to callers without a connection, over both stores: when a document is there, from its
 * creation to its deletion, what reading may not do, and what races lead to.
 */
import { describe, expect, it } from 'vitest';
import { honestCrowd, versionOf } from '../support/docs.ts';
import {
  bytesOf,
  codeOf,
  docOf,
  EMPTY,
  notes,
  NOTHING,
  textOf,
  twins,
  typed,
} from '../support/document-twins.ts';
import { connect, documentName, openRooms } from '../support/room-house.ts';
import { waitUntil } from '../support/wait-until.ts';

describe.each(twins)('Life of documents over $name', ({ create }) => {
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
