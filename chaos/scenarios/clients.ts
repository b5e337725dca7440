/** Clients that flap, are cut off in the middle, are slow, or have been away for long: F61, F70 to F72. */
import { clientFlapping } from '../faults/clients.ts';
import { midFrameCuts, narrow } from '../faults/links.ts';
import type { Scenario } from './scenario.ts';

export const CLIENT_SCENARIOS: readonly Scenario[] = [
  {
    id: 'F61',
    kind: 'staged',
    title: 'clients of one node behind a line of 64 kbit/s',
    seconds: 8,
    roams: false,
    script: async (run) => {
      await run.inject(narrow(run.stage.seat(0).clientLink, 8_000));
      await run.load(1);
    },
  },
  {
    id: 'F70',
    kind: 'staged',
    title: 'client flapping: connect, edit, be cut at random points, reconnect',
    seconds: 12,
    stage: { editors: 40 },
    baselineMs: 8_000,
    watchesResources: true,
    script: async (run) => {
      await run.inject(clientFlapping(run));
      await run.load(1);
    },
  },
  {
    id: 'F71',
    kind: 'staged',
    title: 'clients cut between sending and the ack, in the middle of a frame',
    seconds: 12,
    roams: false,
    script: async (run) => {
      await run.inject(midFrameCuts(run.stage.seats, 150));
      await run.load(1);
    },
  },
];
