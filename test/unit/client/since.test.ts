import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { sinceOf } from '../../../client/since.ts';

const vectorIn = (query: string): Map<number, number> =>
  Y.decodeStateVector(Buffer.from(query.replace('?since=', ''), 'base64url'));

describe('sinceOf', () => {
  it('is nothing for an empty document, and all of the state vector for most', () => {
    const doc = new Y.Doc();
    expect(sinceOf(doc)).toBe('');
    doc.getText('text').insert(0, 'abc');
    expect(vectorIn(sinceOf(doc))).toEqual(new Map([[doc.clientID, 3]]));
  });

  it('names only the longest lines when thousands have written, and fits into a URL', () => {
    const doc = new Y.Doc();
    for (let client = 0; client < 3000; client++) {
      const one = new Y.Doc();
      one.clientID = 0xf000_0000 + client;
      one.getText('text').insert(0, 'x'.repeat(client + 1));
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(one));
    }
    const query = sinceOf(doc);
    expect(query.length).toBeLessThan(6000);
    const vector = vectorIn(query);
    expect(vector.size).toBeGreaterThan(300);
    // What is claimed is had: a server that believes it leaves nothing out.
    for (const [client, clock] of vector) expect(Y.getState(doc.store, client)).toBe(clock);
    expect(vector.get(0xf000_0000 + 2999)).toBe(3000);
  });
});
