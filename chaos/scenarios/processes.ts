/** Processes of nodes that die and stand still under load: F01, F41. */
import { pause } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import { tracedDisk } from '../faults/disks.ts';
import type { Fault } from '../faults/fault.ts';
import { diskLost, drained, hurried, killed, secondServer, stalled } from '../faults/processes.ts';
import { drops, dropsDeletes } from '../faults/messages.ts';
import { redisKilled } from '../faults/redis.ts';
import { NODE_MAIN } from '../programs.ts';
import { clientFlapping } from '../faults/clients.ts';
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
  {
    id: 'F05',
    kind: 'staged',
    title: 'SIGTERM under load: a drain that loses nothing and exits with 0',
    seconds: 8,
    script: async (run) => {
      for (const position of [0, 2]) {
        const fault = drained(run, run.stage.seat(position), { id: 'F05' });
        await run.inject(fault);
        await run.heal(fault);
        await run.load(0.5);
      }
    },
  },
  {
    id: 'F06',
    kind: 'staged',
    title: 'a second SIGTERM, and kill -9 while it drains',
    seconds: 8,
    script: async (run) => {
      for (const position of [0, 1]) {
        const fault = hurried(run, run.stage.seat(position));
        await run.inject(fault);
        await run.heal(fault);
        await run.load(0.5);
      }
    },
  },
  {
    id: 'F15',
    kind: 'staged',
    title: 'a backup copied from the live folder, a second server on the same folder, kill -9',
    seconds: 6,
    script: async (run) => {
      const seat = run.stage.seat(0);
      const second = secondServer(run, seat);
      await run.inject(second);
      await run.heal(second);
      await run.load(0.5);
      const kill = killed(run, seat, 'F15');
      await run.inject(kill);
      await run.heal(kill);
      await run.load(0.5);
    },
  },
  {
    id: 'F80',
    kind: 'staged',
    title: 'rolling deploy under load: from the build of --server (or this one) to this one',
    seconds: 6,
    script: async (run) => {
      for (const seat of run.stage.seats) {
        const variant = { serverMain: NODE_MAIN };
        const fault = drained(run, seat, { id: 'F80', variant });
        await run.inject(fault);
        await run.heal(fault);
        await run.load(1 / run.stage.seats.length);
      }
    },
  },
  {
    id: 'F81',
    kind: 'staged',
    title: 'a node comes with an empty disk during load',
    seconds: 8,
    script: async (run) => {
      const fault = diskLost(run, run.stage.seat(0), 'F81');
      await run.inject(fault);
      await run.heal(fault);
      await run.load(1);
    },
  },
  {
    id: 'F82',
    kind: 'staged',
    title: 'a node and its disk are lost; acks are replicated ones',
    seconds: 8,
    stage: { level: 'replicated' },
    script: async (run) => {
      await run.load(0.3);
      const fault = diskLost(run, run.stage.seat(0), 'F82');
      await run.inject(fault);
      await run.forget(run.stage.seat(0));
      await run.load(0.3);
      await run.heal(fault);
      await run.load(0.4);
    },
  },
  {
    id: 'F82-lossy',
    kind: 'staged',
    title: 'as F82, while the bus drops most updates: an ack must not count on them',
    seconds: 8,
    stage: { level: 'replicated' },
    roams: false,
    script: async (run) => {
      await diskLostWhile(run, drops(run.stage, run.random.fork(), 70, 'update'));
    },
  },
  {
    id: 'F82-deletes',
    kind: 'staged',
    title: 'as F82, while the bus drops updates that only delete: what follows them proves nothing',
    seconds: 8,
    stage: { level: 'replicated' },
    roams: false,
    script: async (run) => {
      // A deletion has no number of its own: who lacks it takes what comes next.
      await diskLostWhile(run, dropsDeletes(run.stage));
    },
  },
  {
    id: 'F83',
    kind: 'staged',
    title: 'all at once: Redis dies, nodes are killed, clients flap, a disk is slow',
    seconds: 20,
    script: async (run) => {
      const flapping = clientFlapping(run);
      await run.inject(flapping);
      const endMs = run.elapsedMs + run.options.seconds * 1_000;
      do {
        const slow = slowDisk(run);
        const redis = redisKilled(run.random.pick(run.stage.regions));
        const node = killed(run, run.random.pick(run.stage.seats.slice(1)));
        for (const fault of [slow, redis, node]) {
          await run.inject(fault);
          await pause(run.random.below(800));
        }
        for (const fault of [node, slow, redis]) {
          await pause(run.random.below(800));
          await run.heal(fault);
        }
      } while (run.elapsedMs < endMs);
    },
  },
];

/** Nobody is told by an answer of what is lost on the bus, either: an ack has to wait. */
async function diskLostWhile(run: Run, lossy: Fault): Promise<void> {
  const mute = drops(run.stage, run.random.fork(), 100, 'reply');
  await run.inject(lossy);
  await run.inject(mute);
  await run.load(0.6);
  const fault = diskLost(run, run.stage.seat(0), 'F82');
  await run.inject(fault);
  await run.forget(run.stage.seat(0));
  await run.heal(mute);
  await run.heal(lossy);
  await run.heal(fault);
  await run.load(0.4);
}

function slowDisk(run: Run): Fault {
  return tracedDisk({
    id: 'F24',
    name: 'fdatasync takes 200 ms',
    seat: run.stage.seat(0),
    inject: 'fdatasync:delay_exit=200000',
    folder: run.folder,
    isFatal: false,
  });
}
