/** Herds, slow consumers and hostile clients beside editors who must not notice: F72, F74 to F76. */
import { herd, hostileClients, seedHerd, slowConsumers } from '../faults/crowds.ts';
import { drained } from '../faults/processes.ts';
import type { Fault } from '../faults/fault.ts';
import type { Run } from '../engine/run.ts';
import type { Scenario } from './scenario.ts';

const OFFLINE_EDITS = 2_000;
/** Long enough for a p99. */
const BASELINE_MS = 8_000;
/** What a machine with two cores sends in seconds: 1.6 GB. The whole matrix asks for 2,000 clients. */
const HERD = { clients: 400, mebibytes: 4 } as const;

function longOffline(run: Run): Fault {
  const session = 'w1';
  let edits = 0;
  return {
    id: 'F72',
    name: `${session} makes ${OFFLINE_EDITS} edits while it is offline`,
    scope: 'client',
    targets: [session],
    inject: async () => {
      await run.order({ do: 'offline', sessions: [session] });
      const before = (await run.fleet.report(false)).ops;
      await run.order({ do: 'edit-many', session, count: OFFLINE_EDITS });
      edits = (await run.fleet.report(false)).ops - before;
    },
    heal: async () => {
      await run.order({ do: 'online', sessions: [session] });
    },
    prove: () => (edits >= OFFLINE_EDITS ? `${edits} edits meanwhile` : null),
  };
}

export const CROWD_SCENARIOS: readonly Scenario[] = [
  {
    id: 'F72',
    kind: 'staged',
    title: 'an editor comes back with thousands of edits made offline',
    seconds: 6,
    roams: false,
    script: async (run) => {
      const away = longOffline(run);
      await run.inject(away);
      await run.load(0.5);
      await run.heal(away);
      await run.load(0.5);
    },
  },
  {
    id: 'F74',
    kind: 'staged',
    title: `thundering herd: ${HERD.clients} clients, ${HERD.mebibytes} MiB, after a restart`,
    seconds: 4,
    script: async (run) => {
      const seat = run.stage.seat(0);
      if (!run.options.isControl) await seedHerd(seat, HERD.mebibytes);
      const restart = drained(run, seat, { id: 'F74' });
      await run.inject(restart);
      await run.heal(restart);
      const stampede = herd(run, seat, HERD);
      await run.inject(stampede);
      await run.heal(stampede);
      await run.load(1);
    },
  },
  {
    id: 'F75',
    kind: 'staged',
    title: '50 slow consumers beside editors in the same documents',
    seconds: 10,
    baselineMs: BASELINE_MS,
    watchesResources: true,
    roams: false,
    script: async (run) => {
      const seat = run.stage.seat(0);
      run.neighbours = run.docs;
      const link = await run.stage.linkTo(seat, `slow clients → ${seat.id}`);
      await run.inject(slowConsumers(run, seat, link, 50));
      await run.load(1);
    },
  },
  {
    id: 'F76',
    kind: 'staged',
    title: 'hostile clients in one document, editors in others',
    seconds: 10,
    baselineMs: BASELINE_MS,
    roams: false,
    script: async (run) => {
      const [attacked = '', ...others] = run.docs;
      run.neighbours = others;
      await run.inject(hostileClients(run, run.stage.seat(0), attacked));
      await run.load(1);
    },
  },
];
