/** Clients that flap, are cut off in the middle, are slow, or have been away for long: F61, F70 to F72. */
import { pause } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import type { Fault } from '../faults/fault.ts';
import { midFrameCuts, narrow } from '../faults/links.ts';
import type { Scenario } from './scenario.ts';

const CUT_EVERY_MS = 700;

/** All sockets of all editors end at once, again and again; they reconnect by themselves. */
function clientFlapping(run: Run): Fault {
  let isOn = false;
  let cuts = 0;
  let before = 0;
  const cutAgain = async (): Promise<void> => {
    await pause(run.random.below(CUT_EVERY_MS * 2));
    if (!isOn) return;
    await run.order({ do: 'cut' });
    cuts += 1;
    await cutAgain();
  };
  let cutting: Promise<void> = Promise.resolve();
  return {
    id: 'F70',
    name: 'editors lose their connections at random points',
    scope: 'client',
    targets: run.stage.seats.map(({ clientLink }) => clientLink.name),
    inject: async () => {
      before = (await run.fleet.report(false)).reconnects;
      isOn = true;
      cutting = cutAgain();
    },
    heal: async () => {
      isOn = false;
      await cutting;
    },
    prove: async () => {
      const reconnects = (await run.fleet.report(false)).reconnects - before;
      return reconnects > 0 ? `${cuts} times, ${reconnects} new connections` : null;
    },
  };
}

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
