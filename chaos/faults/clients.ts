/** F70: what happens to editors. */
import { pause } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import type { Fault } from './fault.ts';

const CUT_EVERY_MS = 700;

/** All sockets of all editors end at once, again and again; they reconnect by themselves. */
export function clientFlapping(run: Run): Fault {
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
