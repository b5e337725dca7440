/** Nodes that want tokens: nobody writes without the right to, and nobody who has it is disturbed. K18. */
import type { Look } from '../editors/orders.ts';
import { holdsWithin } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import { revoked, tokenEnds } from '../faults/rights.ts';
import type { Scenario } from './scenario.ts';

/** Frame by frame: w2, w5; by the client library: w6. All on nodes of their own. */
const READER = 'w2';
const REVOKED = 'w5';
const ENDING = 'w6';
const TOKEN_MS = 2_000;
const CLOCK_TOLERANCE_MS = 1_000;
const ACKED_TIMEOUT_MS = 10_000;

export const ACCESS_SCENARIOS: readonly Scenario[] = [
  {
    id: 'access',
    kind: 'staged',
    title: 'tokens: who may not write, whose token ends, who is revoked',
    seconds: 15,
    roams: false,
    access: { readOnly: [READER] },
    env: { CLOCK_TOLERANCE_MS: `${CLOCK_TOLERANCE_MS}` },
    // One clock here: a second for the nodes' tolerance, one for their timers.
    expectations: { clockSkewMsMax: CLOCK_TOLERANCE_MS + 1_000 },
    script: async (run) => {
      const position = Number(REVOKED.slice(1)) - 1;
      const faults = [
        tokenEnds(run, ENDING, TOKEN_MS),
        // Two nodes on is in the other region.
        revoked(run, REVOKED, run.stage.seat(position + 2)),
      ];
      for (const fault of faults) await run.inject(fault);
      await run.load(1);
      for (const fault of faults) await run.heal(fault);
      await run.rest();
      promiseTrespass(run, await run.fleet.looks(false));
      // Who is shut out never comes to rest.
      const shutOut = run.options.isControl ? [READER] : [READER, REVOKED, ENDING];
      await run.order({ do: 'dismiss', sessions: shutOut });
      const isAcked = await holdsWithin(ACKED_TIMEOUT_MS * run.options.patience, async () =>
        (await run.fleet.looks(false)).every(({ unacked }) => unacked === 0),
      );
      run.promise('K18', 'who may write is acked', isAcked, `all but ${shutOut.join(', ')}`);
    },
  },
];

/** Without edits that nobody acked it has not tried, and K18 has nothing to say of it. */
function promiseTrespass(run: Run, looks: readonly Look[]): void {
  const { ops = 0, unacked = 0 } = looks.find(({ session }) => session === READER) ?? {};
  run.promise(
    'K18',
    'who may only read has written in vain',
    ops > 0 && unacked === ops,
    `${READER}: ${ops} edits, ${ops - unacked} acked`,
  );
}
