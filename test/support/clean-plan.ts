/** Any plan of a clean history. */
import * as fc from 'fast-check';
import type { Plan } from './clean-history.ts';

const KINDS = ['add', 'add', 'text', 'del', 'set', 'format', 'undo'] as const;

export const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    steps: fc.array(
      fc.record({
        writer: fc.nat(5),
        kind: fc.constantFrom(...KINDS),
        pick: fc.nat(50),
        gapMs: fc.integer({ min: 10, max: 300 }),
      }),
      { minLength: 4, maxLength: 40 },
    ),
    writers: fc.integer({ min: 3, max: 6 }),
    lagMs: fc.integer({ min: 1, max: 200 }),
    cutShare: fc.double({ min: 0, max: 1, noNaN: true }),
    isInterruptedKept: fc.boolean(),
  })
  .map(({ cutShare, ...plan }) => ({
    ...plan,
    cutAt: Math.floor(cutShare * (plan.steps.length - 1)),
  }));

/** Enough of everything that every invariant has something to look at. */
export const FULL_PLAN: Plan = {
  steps: Array.from({ length: 60 }, (_, index) => ({
    writer: index % 5,
    kind: KINDS[(index * 5 + (index >> 3)) % KINDS.length] ?? 'add',
    pick: (index * 13) % 17,
    gapMs: 60 + ((index * 31) % 100),
  })),
  writers: 5,
  lagMs: 20,
  cutAt: 30,
  isInterruptedKept: true,
};
