/** F20 to F24: disks that are full, fail and are slow. Unacked stays unacked, reading goes on, and nothing acked is lost. */
import { join } from 'node:path';
import { holdsWithin } from '../engine/clock.ts';
import { readMetrics } from '../engine/observer.ts';
import type { Run } from '../engine/run.ts';
import type { Seat } from '../stage/seat.ts';
import type { Fault } from './fault.ts';
import type { SmallDisk } from './small-disk.ts';
import { straceObstacle, Tracer } from './strace.ts';

const NOTICE_MS = 15_000;

/** The node's store says that it cannot write; null: it never did. */
async function whenUnwritable(seat: Seat): Promise<string | null> {
  const isNoticed = await holdsWithin(NOTICE_MS, async () => {
    const metrics = await readMetrics({ node: seat.id, url: seat.url });
    return metrics?.get('store_writable') === 0;
  });
  if (!isNoticed) return null;
  const { status } = await fetch(`${seat.url}/readyz`);
  return `store_writable 0, /readyz ${status}`;
}

export function fullDisk(run: Run, seat: Seat, disk: SmallDisk, id: 'F20' | 'F21'): Fault {
  let said = '';
  return {
    id,
    name: `the disk of ${seat.id} is full`,
    scope: 'disk',
    targets: [seat.id],
    inject: async () => {
      said = disk.fill();
      const seen = await whenUnwritable(seat);
      run.promise(id, 'a node that cannot write says so', seen !== null, seen ?? 'it did not');
    },
    heal: async () => {
      disk.free();
      await Promise.resolve();
    },
    prove: () => (said.includes('ENOSPC') ? said.slice(0, 80) : null),
  };
}

export interface TracedFault {
  readonly id: string;
  readonly name: string;
  readonly seat: Seat;
  /** As strace takes it. */
  readonly inject: string;
  readonly folder: string;
  /** The node is expected to say that it cannot write. */
  readonly isFatal: boolean;
}

let logs = 0;

export function tracedDisk({ id, name, seat, inject, folder, isFatal }: TracedFault): Fault {
  let tracer: Tracer | null = null;
  let seen: string | null = null;
  return {
    id,
    name: `${seat.id}: ${name}`,
    scope: 'disk',
    targets: [seat.id],
    obstacle: straceObstacle(),
    inject: async () => {
      logs += 1;
      const { pid } = seat.process;
      if (pid === null) throw new Error(`${seat.id} does not run`);
      tracer = await Tracer.join(pid, inject, join(folder, `strace-${logs}.log`));
      if (isFatal) seen = await whenUnwritable(seat);
    },
    heal: async () => {
      await tracer?.leave();
    },
    prove: () => {
      const injected = tracer?.injected ?? 0;
      if (injected === 0 || (isFatal && seen === null)) return null;
      return `${injected} calls of fdatasync, as strace logged them${seen === null ? '' : `; ${seen}`}`;
    },
  };
}
