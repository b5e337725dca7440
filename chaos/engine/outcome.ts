/** What became of a scenario, for people and for pipelines. */
import type { Verdict } from '../checker/verdict.ts';
import type { RunRecord } from '../report/run-record.ts';

/**
 *   passed   every verdict that could be reached is good, and every fault was proved
 *   failed   an invariant is broken
 *   void     a fault left no proof, or the run itself broke: nothing is known
 *   skipped  this machine cannot make its faults: nothing is known either
 */
export type Status = 'passed' | 'failed' | 'void' | 'skipped';

export interface Outcome {
  readonly scenario: string;
  readonly title: string;
  readonly status: Status;
  readonly reason: string | null;
  readonly seed: number;
  readonly durationMs: number;
  readonly verdicts: readonly Verdict[];
  readonly record: RunRecord | null;
}

export function exitCodeOf(outcomes: readonly Outcome[]): number {
  if (outcomes.some(({ status }) => status === 'failed')) return 1;
  if (outcomes.some(({ status }) => status === 'void')) return 2;
  return 0;
}
