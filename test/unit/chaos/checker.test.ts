/** The checker finds every lie that is planted, and none where there is none. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from '../../../chaos/checker/check.ts';
import { isOperation } from '../../../chaos/checker/history-index.ts';
import type { Verdict } from '../../../chaos/checker/verdict.ts';
import type { HistoryEvent } from '../../../chaos/history/events.ts';
import { cleanHistory } from '../../support/clean-history.ts';
import { anyPlan, FULL_PLAN } from '../../support/clean-plan.ts';
import { PLANTS } from '../../support/planted-anomalies.ts';
import { FINER_PLANTS } from '../../support/planted-details.ts';

const RUNS = 32;

const of = (verdicts: readonly Verdict[], id: string): Verdict => {
  const found = verdicts.find((verdict) => verdict.id === id);
  if (found === undefined) throw new Error(`no verdict ${id}`);
  return found;
};

const failures = (history: readonly HistoryEvent[]): string[] =>
  check(history)
    .filter(({ status }) => status === 'failed')
    .map(({ id, evidence }) => `${id}: ${evidence[0]?.text}`);

const ALL_PLANTS = { ...PLANTS, ...FINER_PLANTS };

describe('the checker', () => {
  it('passes every invariant over a full history without a mistake', () => {
    const verdicts = check(cleanHistory(FULL_PLAN));
    expect(verdicts.map(({ id, status }) => `${id} ${status}`)).toEqual(
      Array.from({ length: 21 }, (_, n) => `K${n} passed`),
    );
  });

  it('fails no history without a mistake', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        expect(failures(cleanHistory(plan))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(Object.keys(ALL_PLANTS))('finds %s', (name) => {
    const id = name.slice(0, name.indexOf(' '));
    let planted = 0;
    const finds = (history: readonly HistoryEvent[]): void => {
      const lie = ALL_PLANTS[name]?.(history) ?? null;
      if (lie === null) return;
      planted += 1;
      const verdict = of(check(lie), id);
      expect(verdict.status).toBe('failed');
      expect(verdict.evidence[0]?.text).toBeTruthy();
    };
    finds(cleanHistory(FULL_PLAN));
    expect(planted).toBe(1);
    fc.assert(
      fc.property(anyPlan, (plan) => finds(cleanHistory(plan))),
      { numRuns: RUNS / 4 },
    );
  });

  it('has a lie for every invariant', () => {
    const ids = new Set(Object.keys(PLANTS).map((name) => name.slice(0, name.indexOf(' '))));
    expect(ids.size).toBe(21);
  });

  it('skips every invariant whose matter the history lacks, and passes none of nothing', () => {
    for (const { id, status, reason } of check([])) {
      expect(`${id} ${status}`).toBe(`${id} skipped`);
      expect(reason).toBeTruthy();
    }
  });

  it.each([
    ['K1', 'read'],
    ['K2', 'read'],
    ['K3', 'read'],
    ['K4', 'read'],
    ['K5', 'read'],
    ['K6', 'mark'],
    ['K7', 'ack'],
    ['K8', 'read'],
    ['K9', 'open'],
    ['K10', 'read'],
    ['K11', 'node'],
    ['K12', 'fault'],
    ['K13', 'read'],
    ['K14', 'read'],
    ['K15', 'ack'],
    ['K16', 'read'],
    ['K17', 'resources'],
    ['K18', 'token'],
    ['K19', 'presence'],
    ['K20', 'verify'],
  ])('skips %s without events of the kind "%s"', (id, kind) => {
    const history = cleanHistory(FULL_PLAN).filter(
      (event) =>
        event.f !== kind &&
        // K7 takes acks from operations, K9 also looks at reads.
        !(id === 'K7' && isOperation(event) && event.type === 'ok') &&
        !(id === 'K9' && event.f === 'read'),
    );
    expect(of(check(history), id).status).toBe('skipped');
  });

  it('names operation, ack, node, level and the nearest fault', () => {
    const lie = PLANTS['K1 an acked addition that one node has lost']?.(cleanHistory(FULL_PLAN));
    const [first] = of(check(lie ?? []), 'K1').evidence;
    expect(first).toMatchObject({
      op: expect.stringMatching(/^w\d:\d+$/) as string,
      doc: 'notes',
      node: 'a',
      level: 'local',
      mono: expect.any(Number) as number,
      nearestFault: {
        id: 'f1',
        name: 'F50 cut',
        distanceMs: expect.any(Number) as number,
      },
    });
    expect(first?.text).toMatch(/w\d:e\d+ was acked by [abc] \(local\) and is missing on a/);
  });
});
