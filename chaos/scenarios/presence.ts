/** Who is there, and who is not any more: K19 at length. Everywhere else runs are too short for ghosts to be seen. */
import { pause } from '../engine/clock.ts';
import { killed } from '../faults/processes.ts';
import type { Scenario } from './scenario.ts';

/** To come back, and for some looks. */
const LOOK_AROUND_MS = 4_000;

export const PRESENCE_SCENARIOS: readonly Scenario[] = [
  {
    id: 'presence',
    kind: 'staged',
    title: 'a node dies with its people and stays away: they go from the view of all others',
    // Ghosts may stay for 35 s.
    seconds: 42,
    roams: false,
    script: async (run) => {
      const seat = run.stage.seat(0);
      const fault = killed(run, seat);
      await run.inject(fault);
      if (!run.options.isControl) await run.forget(seat);
      await run.load(1);
      // Clients drop by themselves whoever is silent for 30 s: what nodes think is told to those who come.
      await run.order({ do: 'cut' });
      await pause(LOOK_AROUND_MS);
      await run.heal(fault);
    },
  },
];
