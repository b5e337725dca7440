import { describe, expect, it } from 'vitest';
import { SweepRetries } from '../../../server/fanout/sweep-retries.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { documentName } from '../../support/room-house.ts';

const X = documentName('x');
const Y = documentName('y');

function retriesOver(digests: Map<DocumentName, Uint8Array>): SweepRetries {
  return new SweepRetries({ digestOf: (document) => digests.get(document) ?? null });
}

describe('what the sweep has asked for', () => {
  it('is asked for again after three seconds, four times in all', () => {
    const retries = retriesOver(new Map());
    retries.add({ document: X, node: 'a' }, 0);
    expect(retries.take(2_999, 9)).toEqual([]);
    const times: number[] = [];
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) {
      if (retries.take(nowMs, 9).length > 0) times.push(nowMs);
    }
    expect(times).toEqual([3_000, 6_000, 9_000]);
    expect(retries.size).toBe(0);
  });

  it('is not when anything of it has come, or somebody has edited it', () => {
    const digests = new Map([[Y, Uint8Array.of(1)]]);
    const retries = retriesOver(digests);
    retries.add({ document: X, node: 'a' }, 0);
    retries.add({ document: Y, node: 'a' }, 0);
    digests.set(X, Uint8Array.of(7));
    expect(retries.take(3_000, 9)).toEqual([{ document: Y, node: 'a' }]);
    digests.set(Y, Uint8Array.of(2));
    expect(retries.take(6_000, 9)).toEqual([]);
    expect(retries.size).toBe(0);
  });

  it('[I6] a bounded number at a time, and of documents', () => {
    const retries = retriesOver(new Map());
    for (let index = 0; index < 25_000; index += 1) {
      retries.add({ document: documentName(`d${index}`), node: 'a' }, 0);
    }
    expect(retries.size).toBe(20_000);
    expect(retries.take(3_000, 500)).toHaveLength(500);
    expect(retries.take(3_001, 500)[0]?.document).toBe('d500');
    expect(retries.size).toBe(20_000);
  });
});
