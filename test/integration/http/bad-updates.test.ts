/** R06: every row of table U as a request body. What is refused leaves no document behind, and no key in the store. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { ERRORS } from '../../../server/protocol/errors.ts';
import { REFUSALS, type RefusalCode } from '../../../server/rooms/updates/refusal.ts';
import { forgeItems, fromHex } from '../../support/forge.ts';
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
});
