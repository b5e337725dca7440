/** F01, F05, F06, F41: what happens to the processes of nodes. */
import type { Run } from '../engine/run.ts';
import type { Seat } from '../stage/seat.ts';
import type { Fault } from './fault.ts';

/** kill -9 now; healing starts it again on its folder. */
export function killed(run: Run, seat: Seat, id: string = 'F01'): Fault {
  let pid: number | null = null;
  let isDead = false;
  return {
    id,
    name: `kill -9 of ${seat.id}`,
    scope: 'process',
    targets: [seat.id],
    inject: async () => {
      pid = seat.process.pid;
      await seat.kill();
      isDead = !seat.isRunning;
      run.nodeFact(seat, 'crashed');
    },
    heal: async () => {
      run.nodeFact(seat, 'started');
      await seat.start();
      run.nodeFact(seat, 'ready');
    },
    prove: () => (pid !== null && isDead ? `process ${pid} is gone` : null),
  };
}

/** SIGSTOP: a long pause of its event loop, as a garbage collection or a stalled machine makes. */
export function stalled(seat: Seat): Fault {
  let isSilent = false;
  return {
    id: 'F41',
    name: `${seat.id} stands still`,
    scope: 'process',
    targets: [seat.id],
    inject: async () => {
      seat.process.stop();
      try {
        await fetch(`${seat.url}/healthz`, { signal: AbortSignal.timeout(500) });
      } catch {
        isSilent = true;
      }
    },
    heal: async () => {
      seat.process.resume();
      await Promise.resolve();
    },
    prove: () => (isSilent ? 'it accepts, and does not answer /healthz' : null),
  };
}
