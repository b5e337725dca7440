/** F01, F05, F06, F41: what happens to the processes of nodes. */
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '../engine/run.ts';
import { pause } from '../engine/clock.ts';
import type { Seat, StartVariant } from '../stage/seat.ts';
import { freePorts } from '../processes.ts';
import { nodeProgram } from '../programs.ts';
import type { Fault } from './fault.ts';

/** DRAIN_TIMEOUT_MS is 10 s; the rest is for a machine that does other things. */
const DRAIN_MS_MAX = 12_000;

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
      try {
        await seat.start();
      } catch (error) {
        if (!String(error).includes('is refused')) throw error;
        // It says itself that something is lost. What, is seen in what is left.
        run.promise('F1', `${seat.id} starts again on its own disk`, false, String(error));
        await seat.start({ env: { ACCEPT_DATA_LOSS: '1' } });
      }
      run.nodeFact(seat, 'ready');
    },
    prove: () => (pid !== null && isDead ? `process ${pid} is gone` : null),
  };
}

/** SIGTERM: it sends its clients away, commits, and exits with 0. Healing starts it again. */
export function drained(
  run: Run,
  seat: Seat,
  { id, variant }: { readonly id: string; readonly variant?: StartVariant },
): Fault {
  let proof: string | null = null;
  return {
    id,
    name: `${seat.id} is sent away with SIGTERM`,
    scope: 'process',
    targets: [seat.id],
    inject: async () => {
      const startedMs = performance.now();
      const { process: ending } = seat;
      await ending.end();
      const tookMs = Math.round(performance.now() - startedMs);
      run.nodeFact(seat, 'stopped');
      proof = `exit code ${ending.exitCode} after ${tookMs} ms`;
      run.promise(
        'F5',
        `${seat.id} drains and exits with 0`,
        ending.exitCode === 0 && tookMs < DRAIN_MS_MAX,
        proof,
      );
    },
    heal: async () => {
      run.nodeFact(seat, 'started');
      await seat.start(variant);
      run.nodeFact(seat, 'ready');
    },
    prove: () => proof,
  };
}

/** SIGTERM, another one, and kill -9 before it is done. */
export function hurried(run: Run, seat: Seat): Fault {
  let proof: string | null = null;
  return {
    id: 'F06',
    name: `${seat.id}: SIGTERM, a second one, kill -9 while it drains`,
    scope: 'process',
    targets: [seat.id],
    inject: async () => {
      const { pid } = seat.process;
      seat.process.signal('SIGTERM');
      await pause(100);
      seat.process.signal('SIGTERM');
      await pause(run.random.below(500));
      const wasRunning = seat.isRunning;
      await seat.kill();
      run.nodeFact(seat, 'crashed');
      proof = `process ${pid} ${wasRunning ? 'was killed while it drained' : 'had drained already'}`;
    },
    heal: async () => {
      run.nodeFact(seat, 'started');
      await seat.start();
      run.nodeFact(seat, 'ready');
    },
    prove: () => proof,
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

/** Its folder is gone, too: it comes back knowing nothing. */
export function diskLost(run: Run, seat: Seat, id: 'F81' | 'F82'): Fault {
  let files = 0;
  let isGone = false;
  return {
    id,
    name: `${seat.id} loses its disk and comes back empty`,
    scope: 'disk',
    targets: [seat.id],
    inject: async () => {
      if (id === 'F81') {
        await seat.process.end();
        run.nodeFact(seat, 'stopped');
      } else {
        await seat.kill();
        run.nodeFact(seat, 'crashed');
      }
      files = readdirSync(seat.dataDir).length;
      for (const name of readdirSync(seat.dataDir)) {
        rmSync(join(seat.dataDir, name), { recursive: true, force: true });
      }
      isGone = readdirSync(seat.dataDir).length === 0;
      run.nodeFact(seat, 'disk-lost');
    },
    heal: async () => {
      run.nodeFact(seat, 'started');
      await seat.start();
      run.nodeFact(seat, 'ready');
    },
    prove: () => (isGone && files > 0 ? `${files} files deleted` : null),
  };
}

/** The folder is copied under load, and a second server is started on it: it must refuse, and harm nothing. */
export function secondServer(run: Run, seat: Seat): Fault {
  let proof: string | null = null;
  return {
    id: 'F15',
    name: `a copy of the folder of ${seat.id} is taken, and a second server started on it`,
    scope: 'process',
    targets: [seat.id],
    inject: async () => {
      const [port = 0] = await freePorts(1);
      cpSync(seat.dataDir, join(run.folder, `backup-of-${seat.id}`), { recursive: true });
      const second = run.stage.watched(
        nodeProgram(
          `second-${seat.id}`,
          port,
          { DATA_DIR: seat.dataDir, LOG_LEVEL: 'fatal' },
          run.options.serverMain ?? undefined,
        ),
      );
      try {
        await second.start();
        await second.kill();
        run.promise('F15', 'a second server refuses the folder', false, 'it started');
      } catch {
        const code = second.exitCode;
        run.promise('F15', 'a second server refuses the folder', code !== 0, `exit code ${code}`);
        proof = `the second server ended with exit code ${code}`;
      }
    },
    heal: async () => {
      await Promise.resolve();
    },
    prove: () => proof,
  };
}
