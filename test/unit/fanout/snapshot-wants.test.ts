import { describe, expect, it } from 'vitest';
import { Wants } from '../../../server/fanout/snapshot-wants.ts';
import { documentName } from '../../support/room-house.ts';

const DIGEST = Uint8Array.of(1, 2, 3);
const nobody = (): boolean => false;
const doc = documentName;

function wantsOf(...all: readonly (readonly [node: string, document: string])[]): Wants {
  const wants = new Wants();
  for (const [node, name] of all) wants.add({ node, document: doc(name), digest: DIGEST });
  return wants;
}

function taken(wants: Wants, nowMs: number = 0): string[] {
  const all: string[] = [];
  for (;;) {
    const want = wants.take(nowMs, nobody);
    if (want === null) return all;
    all.push(`${want.node} ${want.document}`);
  }
}

describe('what other nodes have', () => {
  it('is asked of one after the other, each thing once', () => {
    const wants = wantsOf(['a', 'x'], ['a', 'y'], ['a', 'z'], ['b', 'x']);
    wants.add({ node: 'a', document: doc('x'), digest: Uint8Array.of(9) });
    expect(wants.documents).toBe(3);
    expect(taken(wants)).toEqual(['a x', 'b x', 'a y', 'a z']);
    expect(wants.documents).toBe(0);
  });

  it('is asked of somebody else while a document is busy or a node is paused', () => {
    const wants = wantsOf(['a', 'x'], ['b', 'x'], ['b', 'y']);
    expect(wants.take(0, (document) => document === doc('x'))).toMatchObject({
      node: 'b',
      document: doc('y'),
    });
    wants.pause('a', 0);
    expect(taken(wants)).toEqual(['b x']);
    expect(taken(wants, 1_999)).toEqual([]);
    expect(taken(wants, 2_000)).toEqual(['a x']);
  });

  it('is asked ever less often of a node that does not answer, until it does', () => {
    const wants = wantsOf(['a', 'x']);
    const pauses: number[] = [];
    let nowMs = 0;
    for (let failure = 0; failure < 8; failure += 1) {
      wants.pause('a', nowMs);
      wants.pause('a', nowMs + 1); // another question that was under way
      const beganMs = nowMs;
      while (wants.isPaused('a', nowMs)) nowMs += 500;
      pauses.push(nowMs - beganMs);
    }
    expect(pauses).toEqual([2, 4, 8, 16, 32, 64, 64, 64].map((s) => s * 1_000));
    wants.pause('a', nowMs);
    wants.resume('a');
    expect(taken(wants, nowMs)).toEqual(['a x']);
    wants.pause('a', nowMs);
    expect(wants.isPaused('a', nowMs + 1_999)).toBe(true);
    expect(wants.isPaused('a', nowMs + 2_000)).toBe(false);
    wants.pause('a', nowMs + 2_000);
    wants.resumeAll();
    expect(wants.isPaused('a', nowMs + 2_000)).toBe(false);
  });

  it('is put back when it failed, unless something newer was said', () => {
    const wants = wantsOf(['a', 'x']);
    const want = wants.take(0, nobody);
    if (want === null) throw new Error('nothing is wanted');
    wants.add({ ...want, digest: Uint8Array.of(9) });
    wants.putBack(want);
    expect(wants.take(0, nobody)?.digest).toEqual(Uint8Array.of(9));
    wants.putBack(want);
    expect(wants.take(0, nobody)?.digest).toEqual(DIGEST);
  });

  it('[I6] is not put back when its node has gone meanwhile: that would be asked for ever', () => {
    const wants = wantsOf(['a', 'x']);
    const want = wants.take(0, nobody);
    if (want === null) throw new Error('nothing is wanted');
    wants.drop('a');
    wants.putBack(want);
    expect(taken(wants)).toEqual([]);
    expect(wants.documents).toBe(0);
  });

  it('is not wanted any more once it is here, deleted, or its node is gone', () => {
    const wants = wantsOf(['a', 'x'], ['a', 'y'], ['b', 'x'], ['b', 'y'], ['c', 'x']);
    wants.settle('a', doc('x'));
    wants.settle('nobody', doc('x'));
    wants.forget(doc('y'));
    wants.drop('c');
    wants.drop('nobody');
    expect(taken(wants)).toEqual(['b x']);
    wants.add({ node: 'a', document: doc('x'), digest: DIGEST });
    wants.clear();
    expect(taken(wants)).toEqual([]);
  });

  it('[I6] is bounded, also after much was dropped', () => {
    const wants = new Wants();
    const fill = (node: string, count: number): void => {
      for (let index = 0; index < count; index += 1) {
        wants.add({ node, document: doc(`d${index}`), digest: DIGEST });
      }
    };
    fill('a', 15_000);
    fill('b', 15_000);
    expect(taken(wants)).toHaveLength(20_000);
    fill('a', 25_000);
    wants.drop('a');
    fill('b', 25_000);
    for (let index = 0; index < 100; index += 1) wants.forget(doc(`d${index}`));
    wants.settle('b', doc('d100'));
    fill('c', 1_000);
    expect(taken(wants)).toHaveLength(20_000);
  });

  it('keeps no bytes of the message that told it', () => {
    const message = new Uint8Array(1_000);
    const wants = new Wants();
    wants.add({ node: 'a', document: doc('x'), digest: message.subarray(0, 16) });
    expect(wants.take(0, nobody)?.digest.buffer.byteLength).toBe(16);
  });
});
