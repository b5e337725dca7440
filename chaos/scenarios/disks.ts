/** Disks that are full, fail and are slow, under load: F20 to F24. */
import { join } from 'node:path';
import { pause } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import { fullDisk, tracedDisk } from '../faults/disks.ts';
import { killed } from '../faults/processes.ts';
import { mountObstacle, SmallDisk } from '../faults/small-disk.ts';
import { straceObstacle } from '../faults/strace.ts';
import type { Scenario } from './scenario.ts';

/** The first node of the first region (stage.ts names it). */
const FIRST_NODE = 'eu-1';
const disks = new Map<string, SmallDisk>();

async function mountFirst(folder: string): Promise<() => void> {
  const disk = SmallDisk.mount(join(folder, FIRST_NODE));
  disks.set(folder, disk);
  await Promise.resolve();
  return () => {
    disks.delete(folder);
    disk.unmount();
  };
}

function diskOf({ folder }: Run): SmallDisk {
  const disk = disks.get(folder);
  if (disk === undefined) throw new Error('the small disk was not mounted');
  return disk;
}

export const DISK_SCENARIOS: readonly Scenario[] = [
  {
    id: 'F20',
    kind: 'staged',
    title: 'the disk is full for a while; space returns, load goes on, kill -9',
    seconds: 12,
    obstacle: mountObstacle,
    prepare: mountFirst,
    script: async (run) => {
      const seat = run.stage.seat(0);
      const full = fullDisk(run, seat, diskOf(run), 'F20');
      await run.inject(full);
      await run.load(0.3);
      await run.heal(full);
      // What a store that did not reopen would now write is lost with this kill.
      await run.load(0.5);
      const kill = killed(run, seat, 'F20');
      await run.inject(kill);
      await run.heal(kill);
      await run.load(0.2);
    },
  },
  {
    id: 'F21',
    kind: 'staged',
    title: 'the disk stays full: no acks, reading works; recovers without a restart',
    seconds: 10,
    obstacle: mountObstacle,
    prepare: mountFirst,
    script: async (run) => {
      await run.inject(fullDisk(run, run.stage.seat(0), diskOf(run), 'F21'));
      await run.load(1);
    },
  },
  {
    id: 'F22',
    kind: 'staged',
    title: 'an I/O error of one fdatasync, then kill -9',
    seconds: 10,
    obstacle: straceObstacle,
    script: async (run) => {
      const seat = run.stage.seat(0);
      const failing = tracedDisk({
        id: 'F22',
        name: 'EIO of the fifth fdatasync of each thread',
        seat,
        inject: 'fdatasync:error=EIO:when=5',
        folder: run.folder,
        isFatal: false,
      });
      await run.inject(failing);
      await run.load(0.6);
      await run.heal(failing);
      await run.load(0.4);
      const kill = killed(run, seat, 'F22');
      await run.inject(kill);
      await run.heal(kill);
    },
  },
  {
    id: 'F23',
    kind: 'staged',
    title: 'every fdatasync fails for as long as it lasts',
    seconds: 10,
    obstacle: straceObstacle,
    script: async (run) => {
      await run.inject(
        tracedDisk({
          id: 'F23',
          name: 'EIO of every fdatasync',
          seat: run.stage.seat(0),
          inject: 'fdatasync:error=EIO:when=1+',
          folder: run.folder,
          isFatal: true,
        }),
      );
      await run.load(1);
    },
  },
  {
    id: 'F24',
    kind: 'staged',
    title: 'each fdatasync takes 200 ms, then 2 s',
    seconds: 12,
    obstacle: straceObstacle,
    script: async (run) => {
      for (const delayMs of [200, 2_000]) {
        const slow = tracedDisk({
          id: 'F24',
          name: `fdatasync takes ${delayMs} ms`,
          seat: run.stage.seat(0),
          inject: `fdatasync:delay_exit=${delayMs * 1_000}`,
          folder: run.folder,
          isFatal: false,
        });
        await run.inject(slow);
        await run.load(0.5);
        await run.heal(slow);
        await pause(500);
      }
    },
  },
];
