/** Processes of nodes that die and stand still under load: F01, F41. */
import { pause } from '../engine/clock.ts';
import { killed, stalled } from '../faults/processes.ts';
import type { Scenario } from './scenario.ts';

const DOWN_MS_MAX = 1_000;
const UP_MS_MAX = 1_500;

export const PROCESS_SCENARIOS: readonly Scenario[] = [
  {
    id: 'F01',
    kind: 'staged',
    title: 'kill -9 of a random node at random times under load',
    seconds: 15,
    script: async (run) => {
      const endMs = run.elapsedMs + run.options.seconds * 1_000;
      do {
        await pause(run.random.below(UP_MS_MAX));
        const fault = killed(run, run.random.pick(run.stage.seats));
        await run.inject(fault);
        await pause(run.random.below(DOWN_MS_MAX));
        await run.heal(fault);
      } while (run.elapsedMs < endMs);
    },
  },
  {
    id: 'F41',
    kind: 'staged',
    title: 'a node stands still for 5 s',
    seconds: 8,
    script: async (run) => {
      const fault = stalled(run.stage.seat(0));
      await run.inject(fault);
      await pause(5_000);
      await run.heal(fault);
      await run.load(0.4);
    },
  },
];
