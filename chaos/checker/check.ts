/** The checker: a pure function over a history. One verdict an invariant, K0 (is the history itself sound?) first. */
import type { History } from '../history/events.ts';
import { DEFAULT_EXPECTATIONS, type Expectations, type Verdict } from './verdict.ts';

export function check(history: History, expectations: Partial<Expectations> = {}): Verdict[] {
  void history;
  void { ...DEFAULT_EXPECTATIONS, ...expectations };
  return [];
}
