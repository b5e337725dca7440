/** What an editor names when it reads elsewhere: all that was acked to it, and nothing else. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { AckedVersion } from '../../../chaos/editors/acked-version.ts';
import { readDeleteSet } from '../../../server/rooms/updates/delete-set.ts';

interface Named {
  readonly clocks: Readonly<Record<string, number>>;
  /** Client, then first clock and the one after the last. */
  readonly deletes: readonly unknown[];
}

function named(acked: AckedVersion): Named | null {
  const headers = acked.headers();
  if (headers === null) return null;
  const bytes = (name: string): Buffer => Buffer.from(headers[name] ?? '', 'base64url');
  const deletes = headers['X-Min-Delete-Digest'];
  const set = deletes === undefined ? null : readDeleteSet(bytes('X-Min-Delete-Digest'));
  if (deletes !== undefined && set === null) throw new Error('no delete set as servers read it');
  return {
    clocks: Object.fromEntries(Y.decodeStateVector(bytes('X-Min-State-Vector'))),
    deletes: [...(set?.deletes ?? [])],
  };
}

describe('the version that was acked', () => {
  it('has what was done before the last request that was acked, own edits only', () => {
    const doc = new Y.Doc();
    doc.clientID = 5;
    const acked = new AckedVersion(doc);
    const text = doc.getText('text');
    expect(named(acked)).toBeNull();
    const other = new Y.Doc();
    other.getText('text').insert(0, 'of somebody else');
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));

    text.insert(0, 'abcdef');
    acked.requested(1);
    text.delete(1, 2);
    acked.requested(2);
    text.insert(0, 'unacked');
    expect(named(acked)).toBeNull();
    acked.acked(1);
    expect(named(acked)).toEqual({ clocks: { 5: 6 }, deletes: [] });
    acked.acked(2);
    expect(named(acked)).toEqual({ clocks: { 5: 6 }, deletes: [[5, [1, 3]]] });
  });

  it('keeps what was acked when the connection is lost, and forgets what was only asked', () => {
    const doc = new Y.Doc();
    doc.clientID = 5;
    const acked = new AckedVersion(doc);
    doc.getArray('set').push([1]);
    acked.requested(1);
    acked.acked(1);
    doc.getArray('set').push([2]);
    acked.requested(2);
    acked.disconnected();
    // Of the next connection, which counts anew.
    acked.acked(2);
    expect(named(acked)).toEqual({ clocks: { 5: 1 }, deletes: [] });
  });
});
