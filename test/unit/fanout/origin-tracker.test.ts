/** Sequence numbers of other nodes: what is new, what was seen, what is missing. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OriginTracker, WINDOW, type Verdict } from '../../../server/fanout/origin-tracker.ts';

const EPOCH = '0000000000000001';
const LATER = '0000000000000002';

const tracker = (): OriginTracker => new OriginTracker(8);
const run = (seqs: readonly number[], on: OriginTracker = tracker()): string[] =>
  seqs.map((seq) => on.note('n1', EPOCH, 'd1', seq).kind);
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('origin tracker', () => {
  const rows: readonly [string, readonly number[], readonly string[]][] = [
    ['B05 a gap (n, n+2) is told once', [1, 3, 4], ['first', 'gap', 'in-order']],
    ['B05 several gaps', [1, 3, 6], ['first', 'gap', 'gap']],
    ['B06 a duplicate (n, n)', [1, 2, 2], ['first', 'in-order', 'duplicate']],
    ['B06 the first message again', [5, 5], ['first', 'duplicate']],
    [
      'B07 reordered (n+1, n): one gap, then it is filled',
      [1, 3, 2, 4],
      ['first', 'gap', 'late', 'in-order'],
    ],
    ['B07 what filled a gap and comes again', [1, 3, 2, 2], ['first', 'gap', 'late', 'duplicate']],
    [
      'B07 a gap filled from the middle',
      [1, 6, 4, 2, 5, 3],
      ['first', 'gap', 'late', 'late', 'late', 'late'],
    ],
    ['B08 backwards, before we listened', [10, 9], ['first', 'stale']],
  ];
  it.each(rows)('%s', (_row, seqs, verdicts) => {
    expect(run(seqs)).toEqual(verdicts);
  });

  it('B05 a gap says what is missing', () => {
    const on = tracker();
    run([1, 2], on);
    const gap: Verdict = { kind: 'gap', missingFrom: 3, missingTo: 6 };
    expect(on.note('n1', EPOCH, 'd1', 7)).toEqual(gap);
  });

  it('B06 a replay of the last 1,000 is duplicates', () => {
    const on = tracker();
    run(upTo(5_000), on);
    const replay = run(
      upTo(1_000).map((n) => 4_000 + n),
      on,
    );
    expect(new Set(replay)).toEqual(new Set(['duplicate']));
  });

  it('B08 more than the window back is stale, and the next number still in order', () => {
    const on = tracker();
    run(upTo(5_000), on);
    expect(run([5_000 - WINDOW - 1, 1, 5_001], on)).toEqual(['stale', 'stale', 'in-order']);
  });

  it('B09 a new epoch resets tracking; what was under way of the old one is stale', () => {
    const on = tracker();
    run([1, 2, 3], on);
    expect(on.note('n1', LATER, 'd1', 1)).toEqual({ kind: 'new-epoch' });
    expect(on.note('n1', LATER, 'd1', 2)).toEqual({ kind: 'in-order' });
    expect(on.note('n1', EPOCH, 'd1', 4)).toEqual({ kind: 'stale' });
    expect(on.note('n1', LATER, 'd1', 3)).toEqual({ kind: 'in-order' });
  });

  it('channels and nodes are numbered apart', () => {
    const on = tracker();
    run([1, 2, 3], on);
    expect(on.note('n1', EPOCH, 'd2', 1).kind).toBe('first');
    expect(on.note('n2', EPOCH, 'd1', 1).kind).toBe('first');
    expect(run([4], on)).toEqual(['in-order']);
  });

  it('B05 a lost last message shows when the origin says how far it is', () => {
    const on = tracker();
    expect(on.lacks('n1', EPOCH, 'd1', 0)).toBe(false);
    expect(on.lacks('n1', EPOCH, 'd1', 1)).toBe(true);
    run([1, 2, 3], on);
    expect(on.lacks('n1', EPOCH, 'd1', 3)).toBe(false);
    expect(on.lacks('n1', EPOCH, 'd1', 4)).toBe(true);
    expect(on.lacks('n1', LATER, 'd1', 1)).toBe(true);
    run([6], on);
    expect(on.lacks('n1', EPOCH, 'd1', 3)).toBe(false);
    expect(on.lacks('n1', EPOCH, 'd1', 5)).toBe(true);
    run([4, 5], on);
    expect(on.lacks('n1', EPOCH, 'd1', 6)).toBe(false);
  });

  it('B18 origins are bounded: the one heard least recently is forgotten', () => {
    const on = new OriginTracker(3);
    for (const node of ['a', 'b', 'c']) on.note(node, EPOCH, 'd1', 1);
    on.note('a', EPOCH, 'd1', 2);
    on.note('d', EPOCH, 'd1', 1);
    expect(on.originCount).toBe(3);
    expect(on.note('a', EPOCH, 'd1', 3).kind).toBe('in-order');
    expect(on.note('b', EPOCH, 'd1', 2).kind).toBe('first');
  });

  it('holes are bounded by the window', () => {
    const on = tracker();
    // Every second message is lost, for ever.
    run(
      upTo(20_000).map((n) => 2 * n),
      on,
    );
    expect(run([40_000 - 1], on)).toEqual(['late']);
    expect(run([40_000 - WINDOW - 1], on)).toEqual(['stale']);
  });

  /** A stream on a bad network: each message none, once or several times, somewhat out of order. */
  const arrivals = fc
    .record({
      length: fc.integer({ min: 1, max: 200 }),
      fates: fc.array(fc.record({ copies: fc.nat(3), lateBy: fc.nat(12) }), { minLength: 1 }),
    })
    .map(({ length, fates }) =>
      upTo(length)
        .flatMap((seq) => {
          const fate = fates[seq % fates.length] ?? { copies: 1, lateBy: 0 };
          return Array.from({ length: fate.copies }, (_, copy) => ({
            seq,
            at: seq + fate.lateBy * copy,
          }));
        })
        .toSorted((a, b) => a.at - b.at)
        .map(({ seq }) => seq),
    );

  it('never calls a message new twice, and never misses a gap for good', () => {
    fc.assert(
      fc.property(arrivals, (seqs) => {
        const on = tracker();
        const news = new Set<number>();
        const missing = new Set<number>();
        const wrong: string[] = [];
        const first = seqs[0] ?? 1;
        let highest = first - 1;
        for (const seq of seqs) {
          const verdict = on.note('n1', EPOCH, 'd1', seq);
          const isNew = verdict.kind !== 'duplicate' && verdict.kind !== 'stale';
          if (isNew && news.has(seq)) wrong.push(`${seq} new twice`);
          if (!isNew && !news.has(seq) && seq >= first) wrong.push(`${seq} is ${verdict.kind}`);
          if (isNew) news.add(seq);
          missing.delete(seq);
          if (verdict.kind === 'gap') {
            for (let n = verdict.missingFrom; n <= verdict.missingTo; n += 1) missing.add(n);
          }
          for (let n = highest + 1; n <= seq; n += 1) {
            if (!news.has(n) && !missing.has(n)) wrong.push(`${n} was never missed`);
          }
          highest = Math.max(highest, seq);
          if (on.lacks('n1', EPOCH, 'd1', highest) !== missing.size > 0) wrong.push('lacks');
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
