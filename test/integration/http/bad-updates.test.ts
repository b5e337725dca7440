/** R06: every row of table U as a request body. What is refused leaves no document behind, and no key in the store. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { ERRORS } from '../../../server/protocol/errors.ts';
import { REFUSALS, type RefusalCode } from '../../../server/rooms/updates/refusal.ts';
import { forge, forgeItems, fromHex, gc } from '../../support/forge.ts';
import { startNode, type RunningNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { UPDATE_CASES } from '../../support/update-cases.ts';

const PATH = pathOf('target');

async function start(): Promise<{ rest: Rest; running: RunningNode; store: MemoryStore }> {
  let made: MemoryStore | undefined;
  const running = await startNode(
    { documentBytesMax: 8 * 1024 * 1024 },
    { createStore: (observer) => (made = new MemoryStore({ observer })) },
  );
  if (made === undefined) throw new Error('no store');
  return { rest: new Rest(running.url), running, store: made };
}

/** What REST answers to a verdict of the check. */
function expectedOf(verdict: string): readonly [status: number, code: string | null] {
  if (verdict === 'new' || verdict === 'redundant') return [200, null];
  if (verdict.startsWith('gap')) return [409, 'update-gap'];
  const code = REFUSALS[verdict.replace('refused: ', '') as RefusalCode];
  return [ERRORS[code].http, code];
}

describe('R06 table U as request bodies', () => {
  it.each(UPDATE_CASES)('R06 %s', async (name, update, verdict) => {
    const { rest, store } = await start();
    const [status, code] = name.startsWith('U01') ? [400, 'invalid-update'] : expectedOf(verdict);
    const answer = await rest.post(`${PATH}/updates`, update);
    expect([answer.status, answer.code]).toEqual([status, code]);
    if (code === 'update-gap') {
      expect(Buffer.from(String(answer.json['missing']), 'base64url')).toEqual(Buffer.from([0]));
    }
    if (code !== null) {
      expect(await store.list({ limit: 10 })).toEqual([]);
      expect((await rest.get(PATH)).code).toBe('document-not-found');
    }
    expect((await rest.post(`${PATH}/updates`, textUpdate('goes on'))).status).toBe(200);
    if (code !== null) {
      expect((await rest.document('target')).getText('text').toString()).toBe('goes on');
    }
  });

  it('R06 the same bytes as an initial update, and as what a sync brings', async () => {
    const { rest, store } = await start();
    const bad = fromHex('01010100840100017800');
    expect((await rest.put(PATH, bad)).code).toBe('invalid-update');
    const update = Buffer.from(bad).toString('base64');
    const sync = await rest.send('POST', `${PATH}/sync`, { json: { stateVector: 'AA', update } });
    expect(sync.code).toBe('invalid-update');
    expect(await store.list({ limit: 10 })).toEqual([]);
  });

  it('R06 U45 over the quota: 413, and deletions are still taken', async () => {
    const { rest } = await start();
    const filled = await rest.post(
      `${PATH}/updates`,
      forgeItems(1, [{ text: 'x'.repeat(7 * 1024 * 1024) }]),
    );
    expect(filled.status).toBe(200);
    const over = await rest.post(
      `${PATH}/updates`,
      forgeItems(2, [{ text: 'y'.repeat(2 * 1024 * 1024) }]),
    );
    expect([over.status, over.code]).toEqual([413, 'document-too-large']);
    expect((await rest.get(`${PATH}/state`)).status).toBe(200);
  });

  it('R06 U46 the same update 50 times: one record, 50 answers', async () => {
    const { rest, store } = await start();
    const update = textUpdate('again');
    for (let time = 0; time < 50; time++) {
      const { status, json } = await rest.post(`${PATH}/updates`, update);
      expect([status, json['redundant']]).toEqual([200, time > 0]);
    }
    const [document] = await store.list({ limit: 1 });
    expect(document?.name).toBe('target');
  });

  const manyRanges = Array.from({ length: 200_000 }, (_, at) => [2 * at, 1] as const);
  const EXPENSIVE: readonly (readonly [name: string, update: Uint8Array, code: string])[] = [
    ['U22 200,000 delete ranges', forge([], [[1, ...manyRanges]]), 'update-refused'],
    [
      'U36 a quadratic conflict of 56 KB',
      forgeItems(1, [
        { text: 'x'.repeat(5600) },
        ...Array.from({ length: 5600 }, (_, at) => ({ rightOrigin: [1, at] as const })),
      ]),
      'update-refused',
    ],
    [
      'U39 100,000 clients',
      forge(Array.from({ length: 100_000 }, (_, at) => ({ client: at + 1, structs: [gc(1)] }))),
      'update-refused',
    ],
    [
      'U40 100,000 root types',
      forgeItems(
        1,
        Array.from({ length: 100_000 }, (_, at) => ({ parent: `root ${at}` })),
      ),
      'update-refused',
    ],
  ];

  it.each(EXPENSIVE)('R06 %s, without holding up others', async (_name, update, code) => {
    const { rest, store } = await start();
    await rest.put(pathOf('others'), textUpdate('x'));
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const refused = rest.post(`${PATH}/updates`, update);
    const other = await rest.post(`${pathOf('others')}/updates`, textUpdate('y'));
    const answer = await refused;
    delays.disable();
    expect(other.status).toBe(200);
    expect([answer.status, answer.code]).toEqual([422, code]);
    // Yjs takes 14 s for the second one; a busy machine may hold anybody up for a while.
    expect(delays.max / 1e6).toBeLessThan(1000);
    expect((await store.list({ limit: 10 })).map(({ name }) => name)).toEqual(['others']);
  });

  it('R06 U12 U21 U33 a gap in a document that exists says from where on', async () => {
    const { rest } = await start();
    const doc = new Y.Doc();
    const text = doc.getText('text');
    text.insert(0, 'one');
    await rest.put(PATH, Y.encodeStateAsUpdate(doc));
    const there = Y.encodeStateVector(doc);
    text.insert(3, 'two');
    const between = Y.encodeStateVector(doc);
    text.insert(6, 'three');
    const gap = await rest.post(`${PATH}/updates`, Y.encodeStateAsUpdate(doc, between));
    expect([gap.status, gap.code]).toEqual([409, 'update-gap']);
    const missing = Buffer.from(String(gap.json['missing']), 'base64url');
    expect(missing).toEqual(Buffer.from(there));
    const whole = await rest.post(`${PATH}/updates`, Y.encodeStateAsUpdate(doc, missing));
    expect(whole.status).toBe(200);
    expect((await rest.document('target')).getText('text').toString()).toBe('onetwothree');
    const early = forge([], [[doc.clientID, [1000, 5]]]);
    expect((await rest.post(`${PATH}/updates`, early)).code).toBe('update-gap');
  });
});
